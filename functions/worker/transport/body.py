"""
The body of an answer, read up to a limit and without its codings.

Knows how much memory a body takes while it is read. Whether it is wanted, the caller knows.
"""

import aiohttp
from aiohttp import hdrs

from functions.worker.transport.budget import Reservation
from functions.worker.transport.connections import Response
from functions.worker.transport.content_coding import ContentCodingError, codings_of, decode
from functions.worker.transport.exchange import Exchange
from functions.worker.transport.failures import is_cut_off
from shared.errors import Reason


async def read_body(
    exchange: Exchange, reservation: Reservation, deadline: float, max_bytes: int, *, cut: bool
) -> tuple[bytes, int]:
    """
    Return the body, and how many bytes of it were sent.

    Args:
        exchange: The headers are there.
        reservation: Takes what the body takes.
        deadline: Of the event loop.
        max_bytes: Of the body, as sent and after decompression.
        cut: Whether the beginning of a longer body will do.

    Raises:
        FetchError: it is too large, not complete, or not in the codings that its headers name.
        NoMemoryLeftError: there was none until the deadline.
    """
    length = exchange.response.content_length
    is_sent = exchange.request.method != "HEAD"
    if length is not None and length > max_bytes and is_sent and not cut:
        raise exchange.failure(Reason.TOO_LARGE, _too_large(max_bytes))
    sent, is_whole = await _read(exchange.response, max_bytes, reservation, deadline)
    await reservation.may_grow(deadline)  # a body may be much more than what was sent
    body = _content(exchange, sent, max_bytes, cut=cut, is_whole=is_whole)
    reservation.take(len(body) - len(sent))
    return body, len(sent)


async def _read(
    response: Response, max_bytes: int, reservation: Reservation, deadline: float
) -> tuple[bytes, bool]:
    """
    Return the body as sent, or so much of it that it is more than `max_bytes`.

    And whether that is all of it, as far as HTTP tells.
    """
    # Not response.read(): it buffers whatever the server sends, and a worker has a few hundred MB.
    content = response.content
    pieces = []
    size = 0
    is_whole = True
    try:
        try:
            while piece := await content.readany():
                pieces.append(piece)
                size += len(piece)
                reservation.take(len(piece))
                if size > max_bytes:
                    response.close()
                    break
                # aiohttp's time limit is for what it waits for.
                await reservation.may_grow(deadline)
        except aiohttp.ClientPayloadError as error:
            if not is_cut_off(error):
                raise
            is_whole = False
        is_whole = is_whole and not response.was_reset
        # No name for it: an error of aiohttp's holds this frame, in a circle, and so would the body
        # be held.
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), is_whole
    finally:
        pieces.clear()


def _content(
    exchange: Exchange, sent: bytes, max_bytes: int, *, cut: bool, is_whole: bool
) -> bytes:
    """Return what a body is without its codings."""
    headers = exchange.response.headers
    coded = headers.getall(hdrs.CONTENT_ENCODING, ())
    # Those of the transfer come on top; nearly all say "chunked", which is undone already.
    transferred = headers.getall(hdrs.TRANSFER_ENCODING, ())
    try:
        codings = codings_of((*coded, *transferred)) if coded or transferred else ()
        if not is_whole and not codings:
            detail = "the connection closed before the end of the body"
            raise exchange.failure(Reason.TRUNCATED, detail)
        # The end of what is coded shows in itself: many servers announce the length before coding.
        body = decode(sent, codings, max_bytes + 1)
    except ContentCodingError as error:
        # What is cut off already says nothing about the coding.
        reason = error.reason if len(sent) <= max_bytes else Reason.TOO_LARGE
        raise exchange.failure(reason, str(error)) from error
    if len(body) > max_bytes or len(sent) > max_bytes:
        if not cut:
            raise exchange.failure(Reason.TOO_LARGE, _too_large(max_bytes))
        body = body[:max_bytes]
    return body


def _too_large(max_bytes: int) -> str:
    return f"the body exceeds {max_bytes:,} bytes"
