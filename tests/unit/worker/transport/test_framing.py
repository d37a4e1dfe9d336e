"""Answers as servers write them, read without a socket: whole, byte by byte, in random pieces."""

import asyncio
import gzip
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import pytest
from aiohttp import ClientPayloadError
from aiohttp.http_exceptions import HttpProcessingError

from functions.worker.transport.connections import AnswerHandler
from functions.worker.transport.framing import words_of

PAGE = b"<title>ok</title>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
LENGTH = b"Content-Length: 17\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"8\r\n<title>o\r\n9\r\nk</title>\r\n0\r\n\r\n"


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]
    closes: bool
    """Whether the connection cannot be used again."""


class Transport(asyncio.Transport):
    """Goes nowhere."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def pieces_of(wire: bytes, rng: Random) -> Iterator[list[bytes]]:
    yield [wire]
    yield [wire[at : at + 1] for at in range(len(wire))]
    for _ in range(5):
        cuts = sorted(rng.sample(range(1, len(wire)), min(4, len(wire) - 1)))
        yield [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]


async def read_pieces(pieces: list[bytes], *, is_head: bool = False, closes: bool = True) -> Answer:
    handler = AnswerHandler(asyncio.get_running_loop())
    transport = Transport()
    handler.connection_made(transport)
    handler.set_response_params(skip_payload=is_head, read_until_eof=True, auto_decompress=False)
    for piece in pieces:
        handler.data_received(piece)
    if closes:
        handler.connection_lost(None)
    while True:
        message, payload = await handler.read()
        if not 100 <= message.code < 200:
            break
    body = b""
    while piece := await payload.readany():
        body += piece
    must_close = handler.should_close or transport.is_closed
    return Answer(message.code, body, dict(message.headers), must_close)


async def read(wire: bytes, *, is_head: bool = False, closes: bool = True) -> Answer:
    """Return what is read of `wire`, which is the same however it comes."""
    answers = [
        await read_pieces(pieces, is_head=is_head, closes=closes)
        for pieces in pieces_of(wire, Random(len(wire)))
    ]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


async def error_of(wire: bytes) -> str:
    """Return in words why `wire` cannot be read, however it comes."""
    for pieces in pieces_of(wire, Random(len(wire))):
        with pytest.raises((HttpProcessingError, ClientPayloadError)) as caught:
            await read_pieces(pieces)
    return words_of(caught.value)


ODD_HEADS = {
    "the same length twice": HEAD + LENGTH + LENGTH,
    "the same length in a list": HEAD + b"Content-Length: 17, 17\r\n",
    "white space before a colon": HEAD + b"X-A : 1\r\nContent-Length\t: 17\r\n",
    "a line without a colon": HEAD + b"<meta charset=utf-8>\r\n" + LENGTH,
    "a space in a name": HEAD + b"PHP Warning: in line 0\r\n" + LENGTH,
    "a name with brackets": HEAD + b"X[0]: 1\r\n" + LENGTH,
    "a name that is not ASCII": HEAD + b"X\xff: 1\r\n" + LENGTH,
    "an empty name": HEAD + b": 1\r\n" + LENGTH,
    "a folded line behind one left out": HEAD + b"no header\r\n more of it\r\n" + LENGTH,
    "a carriage return in a value": HEAD + b"X: a\rb\r\n" + LENGTH,
    "an old websocket key": HEAD + b"Sec-WebSocket-Key1: x\r\n" + LENGTH,
    "Transfer-Encoding: identity": HEAD + b"Transfer-Encoding: identity\r\n" + LENGTH,
    "an empty Transfer-Encoding": HEAD + LENGTH + b"Transfer-Encoding: \r\n",
    "line ends of LF, and odd": (HEAD + b"X : y\r\n" + LENGTH).replace(b"\r\n", b"\n"),
    "two spaces in the status line": b"HTTP/1.1  200  OK\r\nX: y\r\n" + LENGTH,
    "a tab in the status line": b"HTTP/1.1\t200\tOK\r\n" + LENGTH,
    "a carriage return in the status line": b"HTTP/1.1\r200 OK\r\n" + LENGTH,
    "line ends with a carriage return too many": (HEAD + LENGTH).replace(b"\r", b"\r\r") + b"\r",
    "no space behind the status": b"HTTP/1.1 200OK\r\n" + LENGTH,
    "a carriage return in the reason": b"HTTP/1.1 200 O\rK\r\n" + LENGTH,
    "lower case": b"http/1.1 200 ok\r\n" + LENGTH,
    "no minor version": b"HTTP/2 200 OK\r\n" + LENGTH,
    "a minor version too many": b"HTTP/1.2 200 OK\r\n" + LENGTH,
    "no version": b"HTTP 200 OK\r\n" + LENGTH,
    "a byte order mark in front": b"\xef\xbb\xbfHTTP/1.1 200 OK\r\n" + LENGTH,
    "a space in front": b" \r\n HTTP/1.1 200 OK\r\n" + LENGTH,
    "an odd interim answer": b"HTTP/1.1 103 Hints\r\nX : y\r\n\r\n" + HEAD + LENGTH,
    "odd behind an interim answer": b"HTTP/1.1 103 Hints\r\n\r\n" + HEAD + b"X : y\r\n" + LENGTH,
}


@pytest.mark.parametrize("odd", ODD_HEADS)
async def test_a_head_is_read_as_browsers_read_it(odd: str) -> None:
    answer = await read(ODD_HEADS[odd] + b"\r\n" + PAGE, closes=False)

    assert (answer.status, answer.body, answer.closes) == (200, PAGE, True)
    assert answer.headers["Content-Length"] == "17"


async def test_what_is_no_header_is_left_out_and_the_others_count() -> None:
    answer = await read(
        b"HTTP/1.1 200 OK\r\nA : 1\r\nB: 2\r\n 3\r\nPHP Warning: x\r\nC: 4\r\n"
        + LENGTH
        + b"\r\n"
        + PAGE
    )

    assert answer.headers == {"A": "1", "B": "2 3", "C": "4", "Content-Length": "17"}


@pytest.mark.parametrize("value", [b"-1", b"+17", b"", b"17 bytes", b"0x11"])
async def test_a_length_that_is_no_number_says_nothing(value: bytes) -> None:
    answer = await read(HEAD + b"Content-Length: " + value + b"\r\n\r\n" + PAGE)

    assert answer.body == PAGE
    assert answer.closes


ODD_BODIES = {
    "a length beside chunks": HEAD + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "another length beside chunks": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"
    + CHUNKS,
    "chunks, then identity": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    + CHUNKS,
    "chunks in quotes": HEAD + b'Transfer-Encoding: "Chunked"\r\n\r\n' + CHUNKS,
    "chunks in an odd head": HEAD + b"X : y\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "line ends of LF": CHUNKED + CHUNKS.replace(b"\r\n", b"\n"),
    "an empty extension": CHUNKED + b"11;\r\n" + PAGE + b"\r\n0;\r\n\r\n",
    "an odd extension": CHUNKED + b'11 ; a = "b\r\n' + PAGE + b"\r\n0\r\n\r\n",
    "a space before a size": CHUNKED + b" 11\r\n" + PAGE + b"\r\n0\r\n\r\n",
    "a trailer that is no header": CHUNKED + CHUNKS[:-2] + b"<!-- cached -->\r\n\r\n",
    "a trailer with a space": CHUNKED + CHUNKS[:-2] + b"X A: b\r\n\r\n",
}


@pytest.mark.parametrize("odd", ODD_BODIES)
async def test_chunks_are_undone_as_browsers_do(odd: str) -> None:
    answer = await read(ODD_BODIES[odd], closes=False)

    assert (answer.body, answer.closes) == (PAGE, True)


async def test_codings_of_a_transfer_stay_known() -> None:
    packed = gzip.compress(PAGE, mtime=0)
    by_length = b"Transfer-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

    answer = await read(HEAD + by_length + packed, closes=False)

    assert answer.body == packed
    assert answer.headers["Transfer-Encoding"] == "gzip"


SURPLUS = {
    "a length that is too short": HEAD + LENGTH + b"\r\n" + PAGE,
    "a body that closes": HEAD + b"Connection: close\r\n" + LENGTH + b"\r\n" + PAGE,
    "chunks": CHUNKED + CHUNKS,
    "an odd head": HEAD + b"X : y\r\n" + LENGTH + b"\r\n" + PAGE,
    "odd chunks": CHUNKED + CHUNKS.replace(b"\r\n", b"\n"),
}


@pytest.mark.parametrize("answer", SURPLUS)
@pytest.mark.parametrize("more", [b"MORE", b"\r\n<!-- 0.02 s -->", HEAD + LENGTH + b"\r\n" + PAGE])
async def test_what_follows_an_answer_is_left_alone(answer: str, more: bytes) -> None:
    found = await read(SURPLUS[answer] + more, closes=False)

    assert (found.status, found.body, found.closes) == (200, PAGE, True)


@pytest.mark.parametrize("status", [204, 205, 302, 304])
async def test_a_body_of_what_has_none_is_left_alone(status: int) -> None:
    head = b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status

    found = await read(head + PAGE, closes=False)

    assert (found.status, found.body, found.closes) == (status, b"", True)


async def test_the_body_of_an_answer_to_head_is_left_alone() -> None:
    found = await read(HEAD + LENGTH + b"\r\n" + PAGE, is_head=True, closes=False)

    assert (found.status, found.body, found.closes) == (200, b"", True)


async def test_an_answer_as_it_should_be_keeps_its_connection() -> None:
    for wire in (HEAD + LENGTH + b"\r\n" + PAGE, CHUNKED + CHUNKS):
        found = await read(wire, closes=False)

        assert (found.body, found.closes) == (PAGE, False)


async def test_bytes_that_come_to_an_idle_connection_close_it() -> None:
    """Or a later request on it would get them for its answer."""
    for late in (b"MORE", b"HTTP/1.1 408 Timeout\r\n\r\n"):
        handler = AnswerHandler(asyncio.get_running_loop())
        transport = Transport()
        handler.connection_made(transport)
        handler.set_response_params(read_until_eof=True, auto_decompress=False)
        handler.data_received(HEAD + LENGTH + b"\r\n" + PAGE)
        await handler.read()
        assert not transport.is_closed

        handler.data_received(late)

        assert transport.is_closed


@pytest.mark.parametrize(
    "end", [b"0\r\n", b"0\r\n\r", b"0\r", b"000\r\n", b"0;x=y\r\n", b"0\r\nX: y\r\n", b"0\r\nX: y"]
)
async def test_chunks_are_complete_with_the_zero_chunk(end: bytes) -> None:
    answer = await read(CHUNKED + b"11\r\n" + PAGE + b"\r\n" + end)

    assert answer.body == PAGE


@pytest.mark.parametrize(
    "chunks",
    [b"", b"1", b"11", b"11\r\n", b"11\r\n<t", b"11\r\n" + PAGE, b"11\r\n" + PAGE + b"\r\n"],
)
@pytest.mark.parametrize("head", [CHUNKED, HEAD + b"X : y\r\nTransfer-Encoding: chunked\r\n\r\n"])
async def test_chunks_without_the_zero_chunk_are_cut_off(head: bytes, chunks: bytes) -> None:
    words = await error_of(head + chunks)

    assert "not completed" in words


async def test_a_zero_may_be_the_first_digit_of_a_size() -> None:
    assert "not completed" in await error_of(CHUNKED + b"11\r\n" + PAGE + b"\r\n0")


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"<html>hello</html>", "begins with b'<html>"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "not with HTTP/"),
        (b"HTTP/1.1 OK\r\n\r\n", "b'HTTP/1.1 OK\\r'"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "2000"),
        (HEAD + b"Content-Length: 17\r\nContent-Length: 20\r\n\r\n" + PAGE, "17 and 20"),
        (HEAD + b"Content-Length: 17, 20\r\n\r\n" + PAGE, "17 and 20"),
        (HEAD + b"X-A: a\0b\r\n\r\n", "zero byte: b'X-A: a"),
        (CHUNKED + b"xyz\r\nabc\r\n", "b'xyz' is no size of a chunk"),
        (CHUNKED + b"3\r\nabcdef\r\n", "longer than its size: b'def'"),
        (CHUNKED + b"fffffffffffffffffff\r\n", "is no size of a chunk"),
        (HEAD + b"X : y\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n-1\r\n", "b'-1'"),
    ],
)
async def test_what_no_browser_reads_is_told_in_words(wire: bytes, words: str) -> None:
    assert words in await error_of(wire)


async def test_a_body_of_odd_chunks_does_not_outrun_its_reader() -> None:
    """What a reader does not take stays with the server."""
    handler = AnswerHandler(asyncio.get_running_loop())
    transport = Transport()
    handler.connection_made(transport)
    handler.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=1_000)
    handler.data_received(HEAD + b"X : y\r\nTransfer-Encoding: chunked\r\n\r\n")
    _, payload = await handler.read()

    handler.data_received(b"bb8\n" + bytes(3_000) + b"\n")
    assert handler._reading_paused

    assert await payload.readany() == bytes(3_000)
    handler.data_received(b"0\n")
    assert await payload.readany() == b""
