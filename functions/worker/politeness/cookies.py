"""
The cookies of the sites of a batch, for a spec that asks for a jar.

Set-Cookie is read and cookies are sent back as RFC 6265bis has it, and browsers do:
https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis. Only SameSite means nothing
here, as for a URL that somebody has typed in. Pure: the clock is an argument, in epoch seconds.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from math import inf

from shared.urls import Url, is_ip_literal, registrable_domain

MAX_COOKIES = 50  # of one registrable domain; §6.1 wants so many of a domain
MAX_SITES = 60  # and 3,000 together
MAX_BYTES = 4_096  # of name and value together, §5.6
_MAX_ATTRIBUTE = 1_024  # bytes of its value
_MAX_AGE = 400 * 24 * 60 * 60.0  # seconds, §5.5

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WHITE = " \t"
_SECONDS = re.compile(r"-?[0-9]+")
# §5.1.1. What does not separate is a part of a date, whatever it is.
_DATE_TOKEN = re.compile(r"[^\t -/;-@\[-`{-~]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(r"([0-9]{2,4})(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LAST_OLD_YEAR, _FIRST_OLD_YEAR = 99, 70  # of two digits: 1970 to 1999
_FIRST_YEAR = 1601


@dataclass(frozen=True, slots=True)
class _Cookie:
    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    expires: float
    number: int
    """Of its creation."""

    @property
    def pair(self) -> str:
        return f"{self.name}={self.value}" if self.name else self.value

    def is_for(self, host: str, path: str) -> bool:
        at_home = host == self.domain if self.host_only else _domain_matches(host, self.domain)
        return at_home and _path_matches(path, self.path)


_Key = tuple[str, str, bool, str]


class CookieJar:
    """Cookies by the registrable domain of their site, which they never leave."""

    def __init__(self) -> None:
        self._sites: dict[str, dict[_Key, _Cookie]] = {}
        self._numbers = count()

    def take(self, set_cookies: Iterable[str], url: Url, now: float) -> None:
        """Keep what the Set-Cookie headers of an answer to `url` say; see §5.7."""
        for header in set_cookies:
            cookie = self._read(header, url, now)
            if cookie is not None:
                self._keep(cookie, now)

    def header(self, own: str | None, url: Url, now: float) -> str | None:
        """
        Return the value of Cookie in a request for `url`; None if there is nothing to send.

        `own` is what the spec sends there. What a site has set since goes in its place.
        """
        path = _path(url)
        found = [
            cookie
            for cookie in self._of(url.host, now)
            if cookie.is_for(url.host, path) and (not cookie.secure or _is_secure(url))
        ]
        found.sort(key=lambda cookie: (-len(cookie.path), cookie.number))
        names = {cookie.name for cookie in found}
        parts = own.split("; ") if own else []
        parts = [part for part in parts if part.partition("=")[0] not in names]
        return "; ".join([*parts, *(cookie.pair for cookie in found)]) or None

    def _of(self, host: str, now: float) -> Iterator[_Cookie]:
        for cookie in self._sites.get(registrable_domain(host), {}).values():
            if cookie.expires > now:
                yield cookie

    def _read(self, header: str, url: Url, now: float) -> _Cookie | None:
        """Return the cookie in `header`, None where it is none, or not this host's to set."""
        if _CONTROL.search(header):
            return None
        pair, *attributes = header.split(";")
        before, equals, after = pair.partition("=")
        name, value = (
            (before.strip(_WHITE), after.strip(_WHITE)) if equals else ("", pair.strip(_WHITE))
        )
        if not 0 < len(f"{name}{value}".encode()) <= MAX_BYTES:
            return None
        if "\N{REPLACEMENT CHARACTER}" in f"{name}{value}":
            return None  # made of bytes that cannot be sent back as they came
        said = _said(attributes, now)
        cookie = _Cookie(
            name=name,
            value=value,
            domain=said.domain or url.host,
            host_only=not said.domain,
            path=said.path or _default_path(url),
            secure=said.secure,
            expires=said.expires if said.max_age is None else said.max_age,
            number=next(self._numbers),
        )
        allowed = (
            (cookie.host_only or _is_of_site(url.host, cookie.domain))
            and (_is_secure(url) or not (cookie.secure or self._is_secured(cookie, url, now)))
            and _keeps_promise(cookie, said)
        )
        return cookie if allowed else None

    def _is_secured(self, cookie: _Cookie, url: Url, now: float) -> bool:
        """Tell whether one of that name was set over https: http leaves it alone."""
        return any(
            other.secure
            and other.name == cookie.name
            and _path_matches(cookie.path, other.path)
            and (
                _domain_matches(other.domain, cookie.domain)
                or _domain_matches(cookie.domain, other.domain)
            )
            for other in self._of(url.host, now)
        )

    def _keep(self, cookie: _Cookie, now: float) -> None:
        site = self._sites.setdefault(registrable_domain(cookie.domain), {})
        key = (cookie.name, cookie.domain, cookie.host_only, cookie.path)
        if cookie.expires <= now:
            site.pop(key, None)
            return
        known = site.get(key)
        site[key] = cookie if known is None else replace(cookie, number=known.number)
        if len(site) > MAX_COOKIES:
            del site[next(iter(site))]
        if len(self._sites) > MAX_SITES:
            del self._sites[next(iter(self._sites))]


@dataclass(slots=True)
class _Said:
    """What the attributes of a Set-Cookie header say; of several of one name the last counts."""

    domain: str = ""
    path: str = ""
    secure: bool = False
    expires: float = inf
    max_age: float | None = None
    """Until then; it goes before `expires`."""


def _said(attributes: Iterable[str], now: float) -> _Said:
    said = _Said()
    for attribute in attributes:
        name, _, value = (part.strip(_WHITE) for part in attribute.partition("="))
        if len(value.encode()) > _MAX_ATTRIBUTE:
            continue
        match name.lower():
            case "domain" if value:
                said.domain = value.removeprefix(".").lower()
            case "path":
                said.path = value if value.startswith("/") else ""
            case "secure":
                said.secure = True
            case "max-age" if _SECONDS.fullmatch(value):
                seconds = min(float(value), _MAX_AGE)
                said.max_age = now + seconds if seconds > 0 else -inf
            case "expires" if (date := cookie_date(value)) is not None:
                said.expires = min(date, now + _MAX_AGE)
    return said


def cookie_date(text: str) -> float | None:
    """
    Return what `text` is in epoch seconds, None where it is no date (§5.1.1).

    >>> cookie_date("Wednesday, 09-Nov-99 23:12:40 GMT")
    942189160.0
    """
    time = day = month = year = None
    for token in _DATE_TOKEN.findall(text):
        if time is None and (found := _TIME.match(token)):
            time = tuple(map(int, found.groups()))
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year <= _LAST_OLD_YEAR:
        year += 1900 if year >= _FIRST_OLD_YEAR else 2000
    if year < _FIRST_YEAR:
        return None
    try:
        hour, minute, second = time
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _keeps_promise(cookie: _Cookie, said: _Said) -> bool:
    """Tell whether `cookie` is what its name promises, as a cookie without one could fake."""
    label = (cookie.name or cookie.value).lower()
    if label.startswith("__secure-"):
        return cookie.secure and bool(cookie.name)
    if label.startswith("__host-"):
        return cookie.secure and cookie.host_only and said.path == "/" and bool(cookie.name)
    return True


def _is_of_site(host: str, domain: str) -> bool:
    """Tell whether `host` may set cookies for all of `domain`: it is no public suffix."""
    return _domain_matches(host, domain) and registrable_domain(host) == registrable_domain(domain)


def _domain_matches(host: str, domain: str) -> bool:
    return host == domain or (host.endswith(f".{domain}") and not is_ip_literal(host))


def _path_matches(path: str, of_cookie: str) -> bool:
    return path == of_cookie or path.startswith(of_cookie.removesuffix("/") + "/")


def _path(url: Url) -> str:
    return "/" + url.href.split("/", 3)[3].partition("?")[0]


def _default_path(url: Url) -> str:
    return _path(url).rpartition("/")[0] or "/"


def _is_secure(url: Url) -> bool:
    return url.href.startswith("https:")
