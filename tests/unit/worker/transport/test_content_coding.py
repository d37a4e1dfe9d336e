"""Bodies that were coded, against the reference encoders."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from random import Random

import brotli
import pytest
from backports import zstd

from functions.worker.transport.content_coding import ContentCodingError, codings_of, decode
from shared.errors import Reason

CHECKSUM: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
SIZES = (1, 2, 100, 32_767, 32_768, 32_769, 98_272, 98_273, 250_000)


def zlib_of(body: bytes, level: int, wbits: int) -> bytes:
    compressor = zlib.compressobj(level, zlib.DEFLATED, wbits)
    return compressor.compress(body) + compressor.flush()


def zstd_of(body: bytes, level: int, rng: Random) -> bytes:
    """Return one frame, written in pieces of random sizes."""
    options: dict[int, int] = {zstd.CompressionParameter.compression_level: level}
    compressor = zstd.ZstdCompressor(options=options | (CHECKSUM if rng.random() < 0.5 else {}))
    coded, at = b"", 0
    while at < len(body):
        size = rng.randint(1, 50_000)
        coded += compressor.compress(body[at : at + size])
        coded += compressor.flush(compressor.FLUSH_BLOCK)
        at += size
    return coded + compressor.flush()


def brotli_of(body: bytes, level: int, rng: Random) -> bytes:
    """Return one stream, written in pieces of random sizes."""
    compressor = brotli.Compressor(quality=level, lgwin=rng.randint(10, 24))
    coded, at = b"", 0
    while at < len(body):
        size = rng.randint(1, 50_000)
        coded += compressor.process(body[at : at + size])
        coded += compressor.flush()
        at += size
    return coded + bytes(compressor.finish())


def contents(size: int, rng: Random) -> Iterator[bytes]:
    """Yield what cannot be compressed, what almost vanishes, and what is like a page."""
    yield rng.randbytes(size)
    yield bytes(size)
    yield b"".join(b"<a href='/p/%d'>item %d</a>\n" % (n, n * n) for n in range(size // 20 + 1))[
        :size
    ]


ENCODERS: dict[str, tuple[str, range, Callable[[bytes, int, Random], bytes]]] = {
    "gzip": ("gzip", range(10), lambda body, level, _: zlib_of(body, level, 31)),
    "deflate": ("deflate", range(10), lambda body, level, _: zlib_of(body, level, 15)),
    "deflate, bare": ("deflate", range(10), lambda body, level, _: zlib_of(body, level, -15)),
    "brotli": ("br", range(10), brotli_of),
    "zstd": ("zstd", range(1, 13, 3), zstd_of),
}


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("size", SIZES)
def test_a_sound_body_is_undone_at_every_level(encoder: str, size: int) -> None:
    coding, levels, encode = ENCODERS[encoder]
    rng = Random(size)
    for body in contents(size, rng):
        for level in levels:
            coded = encode(body, level, rng)

            assert decode(coded, (coding,), size + 1) == body
            beginning = decode(coded, (coding,), size // 2 + 1)
            assert len(beginning) > size // 2
            assert body.startswith(beginning)


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", lambda body: zlib_of(body, 1, 31)),
        ("deflate", lambda body: zlib_of(body, 1, 15)),
        ("br", lambda body: brotli.compress(body, quality=2)),
        ("zstd", zstd.compress),
    ],
)
def test_a_body_of_20_mb_is_undone(coding: str, encode: Callable[[bytes], bytes]) -> None:
    body = Random(0).randbytes(9_999) * 2_000

    assert decode(encode(body), (coding,), len(body) + 1) == body


@pytest.mark.parametrize(
    "tail", [b"\0\0\0", b"\r\n", b"<!-- cached -->", b"\x1f\x8b", b"x" * 40_000]
)
@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        ("gzip", gzip.compress(b"hello" * 9_000)),
        ("deflate", zlib.compress(b"hello" * 9_000)),
        ("deflate", zlib.compress(b"hello" * 9_000, wbits=-15)),
        ("br", brotli.compress(b"hello" * 9_000)),
        ("br", brotli.compress(Random(1).randbytes(45_000))),
        ("zstd", zstd.compress(b"hello" * 9_000)),
        ("zstd", zstd.compress(b"hello" * 9_000, options=CHECKSUM)),
    ],
)
def test_what_follows_a_body_is_not_looked_at(coding: str, coded: bytes, tail: bytes) -> None:
    assert decode(coded + tail, (coding,), 100_000) == decode(coded, (coding,), 100_000)
    assert len(decode(coded, (coding,), 100_000)) == 45_000


@pytest.mark.parametrize(
    ("coding", "coded"),
    [
        ("gzip", gzip.compress(b"hello")[:-8]),
        ("gzip", gzip.compress(b"hello")[:-3]),
        ("gzip", gzip.compress(b"hello")[:-8] + b"8 wrongs"),
        ("gzip", gzip.compress(b"hello")[:-8] + b"8 wrongs" + gzip.compress(b"")),
        ("deflate", zlib.compress(b"hello")[:-4]),
        ("deflate", zlib.compress(b"hello")[:-4] + b"xxxx"),
        ("zstd", zstd.compress(b"hello", options=CHECKSUM)[:-4]),
        ("zstd", zstd.compress(b"hello", options=CHECKSUM)[:-4] + b"xxxx"),
    ],
)
def test_a_body_is_complete_where_its_last_block_is(coding: str, coded: bytes) -> None:
    """The checksum behind it may be wrong or missing: browsers do not look at it either."""
    assert decode(coded, (coding,), 100) == b"hello"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_ends_within_its_data_is_truncated(coding: str) -> None:
    body = Random(2).randbytes(200) * 300
    coded = {
        "gzip": gzip.compress(body)[:-8],
        "deflate": zlib.compress(body)[:-4],
        "br": brotli.compress(body),
        "zstd": zstd.compress(body),
    }[coding]

    for end in range(1, len(coded)):
        with pytest.raises(ContentCodingError) as caught:
            decode(coded[:end], (coding,), 100_000)
        assert caught.value.reason == Reason.TRUNCATED, end


def test_a_gzip_header_may_hold_everything() -> None:
    data = zlib_of(b"hello", 6, -15)
    head = b"\x1f\x8b\x08\x1f" + bytes(6) + b"\x05\x00extra" + b"name\0" + b"comment\0" + b"\0\0"

    assert decode(head + data + bytes(8), ("gzip",), 100) == b"hello"
    for end in range(1, len(head)):
        with pytest.raises(ContentCodingError) as caught:
            decode(head[:end], ("gzip",), 100)
        assert caught.value.reason == Reason.TRUNCATED, end


def test_zstd_frames_to_skip_are_skipped() -> None:
    skip = b"\x5a\x2a\x4d\x18\x04\0\0\0abcd"
    frames = [zstd.compress(part, options=CHECKSUM) for part in (b"hel", b"lo")]

    assert decode(skip + frames[0] + skip + frames[1] + skip, ("zstd",), 100) == b"hello"


@pytest.mark.parametrize(
    ("values", "codings"),
    [
        ([], ()),
        (["gzip"], ("gzip",)),
        (["deflate, gzip"], ("deflate", "gzip")),
        (["gzip,gzip"], ("gzip", "gzip")),
        (["gzip", "gzip"], ("gzip", "gzip")),
        (["br", "gzip, chunked"], ("br", "gzip")),
        (["identity, GZIP ,"], ("gzip",)),
        (["gzip;q=1.0"], ("gzip",)),
        (['"gzip"'], ("gzip",)),
        (["utf-8"], ()),
        (["none"], ()),
        (["text/html", "binary", ""], ()),
        (["UTF-8, x-gzip"], ("x-gzip",)),
    ],
)
def test_codings_are_one_list_over_all_lines(values: list[str], codings: tuple[str, ...]) -> None:
    assert codings_of(tuple(values)) == codings


@pytest.mark.parametrize("values", [["compress"], ["gzip, x-compress"], ["dcb"], ["gzip"] * 6])
def test_codings_that_nobody_undoes_are_refused(values: list[str]) -> None:
    with pytest.raises(ContentCodingError) as caught:
        codings_of(tuple(values))

    assert caught.value.reason == Reason.BAD_ENCODING


def test_the_last_coding_is_undone_first() -> None:
    body = brotli.compress(zlib.compress(gzip.compress(b"hello")))

    assert decode(body, ("gzip", "deflate", "br"), 100) == b"hello"


def test_no_layer_of_a_body_exceeds_the_limit() -> None:
    """What is large between two codings is a bomb, however small the content is."""
    hollow = gzip.compress(gzip.compress(b"x", 0) + bytes(10_000_000))

    with pytest.raises(ContentCodingError) as caught:
        decode(hollow, ("gzip", "gzip"), 1_000_000)

    assert caught.value.reason == Reason.TOO_LARGE
