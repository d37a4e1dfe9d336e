"""
What a request of this job looks like: its headers, its cookies, and who may see the secret ones.

Sends nothing.
"""

from collections.abc import Mapping
from random import Random
from typing import Literal

from functions.worker.politeness.cookies import CookieJar
from functions.worker.politeness.profiles import Headers, headers_for, may_be_told, without_secrets
from functions.worker.politeness.proxies import Proxy
from functions.worker.remembering.recollection import Recollection
from functions.worker.scraping.logins import Logins
from functions.worker.scraping.means import Means
from functions.worker.scraping.visit import Visit
from functions.worker.transport.request import Request
from shared.crawl_spec import SITEMAP
from shared.fetch_spec import FetchSpec
from shared.urls import Url, parse_url


class Requests:
    """
    Args:
        means: Of the job.
        rng: Source of chance, for who changes the browser with each request.
        recollection: Of the job before; None where nothing is remembered.
        logins: Of the job; None where it has none.
    """

    def __init__(
        self,
        means: Means,
        rng: Random,
        recollection: Recollection | None = None,
        logins: Logins | None = None,
    ) -> None:
        self._logins = logins
        self._recollection = recollection
        self._means = means
        self._rng = rng
        self._jar = CookieJar() if means.fetch.cookie_jar else None

    @property
    def has_jar(self) -> bool:
        """Whether cookies that sites set are sent back to them."""
        return self._jar is not None

    def for_page(self, visit: Visit, proxy: Proxy | None, now: float) -> Request:
        spec = self._means.overrides.of(visit.url, visit.target)
        headers = self._headers(spec, visit.url, visit.headers, private=_is_at_home(visit))
        if self._recollection is not None and visit.target.method == "GET":
            names = [name for name, _ in headers]
            asked = self._recollection.conditions(visit.target, visit.url.href, names)
            headers = (*headers, *asked.items())
        if self._means.secrets and not _is_downgraded(visit):
            headers = self._with_secrets(headers, spec, visit)
        if self._logins is not None:
            headers = self._logins.with_login(headers, visit, now)
        return Request(
            visit.url.href,
            visit.method,
            self._with_cookies(headers, visit.url, now),
            visit.body,
            proxy.url if proxy else None,
            # The next connection may come from another address.
            once=proxy is not None and bool(spec.retry_when),
        )

    def for_rules(self, url: Url, proxy: Proxy | None) -> Request:
        """Return the request for the robots.txt at `url`."""
        spec = self._means.overrides.of_host(url.host)
        headers = self._headers(spec, url, {}, private=False)
        return Request(url.href, headers=headers, proxy=proxy.url if proxy else None)

    def for_login(
        self, url: Url, own: Mapping[str, str], body: bytes | None, proxy: Proxy | None
    ) -> Request:
        """Return a request of a login, which has `own` headers; with a body it is a POST."""
        spec = self._means.overrides.of_host(url.host)
        headers = self._headers(spec, url, own, private=True)
        method: Literal["GET", "POST"] = "GET" if body is None else "POST"
        return Request(url.href, method, headers, body, proxy.url if proxy else None)

    def cookies(self, url: Url, now: float) -> str | None:
        """Return what the jar has for `url`."""
        return None if self._jar is None else self._jar.header(None, url, now)

    def keep_cookies(self, set_cookies: tuple[str, ...], url: Url, now: float) -> None:
        """Put into the jar what an answer to `url` sets, if there is one."""
        if self._logins is not None:
            self._logins.take(set_cookies, url, now)
        if self._jar is not None and set_cookies:
            self._jar.take(set_cookies, url, now)

    def _with_cookies(self, headers: Headers, url: Url, now: float) -> Headers:
        """Return `headers` with what the jar has for `url`."""
        if self._jar is None:
            return headers
        rest = tuple(entry for entry in headers if entry[0].lower() != "cookie")
        own = next((value for name, value in headers if name.lower() == "cookie"), None)
        cookie = self._jar.header(own, url, now)
        return (*rest, ("Cookie", cookie)) if cookie else rest

    def _with_secrets(self, headers: Headers, spec: FetchSpec, visit: Visit) -> Headers:
        """Return `headers` with the secrets that the host of `visit` may see."""
        sent = self._means.secrets.sent(spec.headers, visit.url)
        listed = {name.lower() for name in visit.headers}
        own = {name.lower(): (name, value) for name, value in sent.items()}
        own = {lower: entry for lower, entry in own.items() if lower not in listed}
        cookies = self._means.secrets.sent(spec.cookies, visit.url)
        parts = [f"{name}={value}" for name, value in cookies.items()]
        if parts and "cookie" not in listed:
            before = next((value for name, value in headers if name.lower() == "cookie"), None)
            own["cookie"] = ("Cookie", "; ".join([*([before] if before else []), *parts]))
        return (*(entry for entry in headers if entry[0].lower() not in own), *own.values())

    def _headers(
        self, spec: FetchSpec, url: Url, own: Mapping[str, str], *, private: bool
    ) -> Headers:
        """
        Return the headers of a request; without `private` those that anybody may see.

        Those that are its `own` are in the place of others.
        """
        secure = url.href.startswith("https:")
        headers = headers_for(
            spec, url.host, user_agent=self._means.agent, secure=secure, rng=self._rng
        )
        if own:
            names = {name.lower() for name in own}
            others = (entry for entry in headers if entry[0].lower() not in names)
            headers = (*others, *own.items())
        return headers if private else without_secrets(headers, spec)


def _is_at_home(visit: Visit) -> bool:
    """Tell whether a visit is still where the list has sent it: what is told there stays there."""
    target = visit.target
    if target.page == SITEMAP and target.found_on is not None:
        return may_be_told(visit.url, home=parse_url(target.found_on))  # no list has named it
    return not visit.redirects or may_be_told(visit.url, home=parse_url(target.url))


def _is_downgraded(visit: Visit) -> bool:
    """Tell whether `visit` goes over http to a page that https has led to."""
    before = (visit.target.found_on or "", visit.target.url, *visit.redirects)
    return not visit.url.href.startswith("https:") and any(
        url.startswith("https:") for url in before
    )
