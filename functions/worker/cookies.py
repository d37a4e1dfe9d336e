"""
The cookies of one host, for a spec that asks for a jar.

Sent back to the host that set them, within a batch; Domain, Path and dates are not looked at.
"""

import re
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

MAX_COOKIES = 50  # a host; RFC 6265 §6.1
MAX_BYTES = 4_096  # of one
_VALUE = re.compile(r"[!-:<-~]*")  # what a Cookie header may hold


class CookieJar:
    """Cookies by name."""

    def __init__(self) -> None:
        self._cookies: dict[str, str] = {}

    def take(self, set_cookies: Iterable[str]) -> None:
        """Keep what an answer's Set-Cookie headers say; one that makes no sense is left out."""
        for header in set_cookies:
            if len(header) > MAX_BYTES:
                continue
            try:
                parsed = SimpleCookie(header)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                if morsel["max-age"].strip().startswith(("0", "-")):
                    self._cookies.pop(name, None)
                elif not _VALUE.fullmatch(morsel.coded_value):
                    continue
                elif len(self._cookies) < MAX_COOKIES or name in self._cookies:
                    self._cookies[name] = morsel.coded_value

    def header(self, own: str | None) -> str | None:
        """Return the value of Cookie: the spec's `own`, then these; None if there is neither."""
        parts = [own] if own else []
        parts += [f"{name}={value}" for name, value in self._cookies.items()]
        return "; ".join(parts) or None
