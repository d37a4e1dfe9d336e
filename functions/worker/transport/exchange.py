"""One request and its answer, as far as headers tell, and how to be done with the answer."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

import aiohttp
from aiohttp import hdrs

from functions.worker.transport.connections import Response
from functions.worker.transport.request import Redirect, Request
from shared.errors import FetchError, InvalidUrlError, Reason
from shared.urls import Url, parse_url

_DRAIN_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.5


class Exchange(NamedTuple):
    request: Request
    response: Response

    @property
    def remote_address(self) -> str | None:
        """The address of the host, None behind a proxy."""
        return None if self.request.proxy else self.response.remote_address

    @property
    def set_cookies(self) -> tuple[str, ...]:
        values = self.response.headers.getall("Set-Cookie", ())
        return tuple(value for value in map(text_of, values) if value) if values else ()

    def redirect(self) -> Redirect:
        """
        Return where the answer leads.

        Raises:
            FetchError: it names no URL.
        """
        response = self.response
        location = self._location()
        return Redirect(
            response.status, location, self.set_cookies, self.remote_address, response.latency
        )

    def failure(
        self, reason: Reason, detail: str, *, content_type: str | None = None
    ) -> FetchError:
        """Return why this is no page, with what the headers say."""
        error = FetchError(
            self.request.url,
            reason,
            detail,
            status=self.response.status,
            retry_after=text_of(self.response.headers.get("Retry-After")),
            remote_address=self.remote_address,
            set_cookies=self.set_cookies,
            latency=self.response.latency,
        )
        error.content_type = content_type
        return error

    async def leave(self, *, is_block: bool) -> None:
        """Be done with an answer that is no page."""
        if self.request.proxy is not None and is_block:
            self.response.close_connection()  # the next one may come from another address
        else:
            await self.drain()

    async def drain(self) -> None:
        """Read a body that nobody wants, where that is cheaper than another connection."""
        content = self.response.content
        if content.is_eof() or (self.response.content_length or 0) > _DRAIN_BYTES:
            return
        with suppress(aiohttp.ClientError, OSError):  # it includes TimeoutError
            async with asyncio.timeout(_DRAIN_SECONDS):
                while content.total_bytes <= _DRAIN_BYTES and await content.readany():
                    pass

    def _location(self) -> Url:
        location = self.response.headers.get(hdrs.LOCATION)
        if not location:
            raise self.failure(Reason.BAD_REDIRECT, "redirect without a Location")
        try:
            return parse_url(_escaped(location), base=self.request.url)
        except InvalidUrlError as error:
            detail = f"redirect to {location[:200]!a}: {error}"
            raise self.failure(Reason.BAD_REDIRECT, detail) from error


def text_of(value: str | None) -> str | None:
    """Return a header's value as text that JSON can hold, None where there is nothing."""
    if not value or value.isascii():
        return value or None
    # Bytes that are not UTF-8 come as surrogates.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _escaped(location: str) -> str:
    """Return a Location in ASCII: bytes that are none go back to the server as it has sent them."""
    if location.isascii():
        return location
    octets = location.encode("utf-8", "surrogateescape")
    return "".join(chr(octet) if octet < 0x80 else f"%{octet:02X}" for octet in octets)  # noqa: PLR2004
