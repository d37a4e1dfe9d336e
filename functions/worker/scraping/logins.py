"""
What is known of the logins of a job, and what they add to its requests.

Sends nothing: `logging_in` does, and tells. A login holds for one origin.
"""

from functions.worker.politeness.cookies import CookieJar
from functions.worker.politeness.logins import (
    BEGUN_SECONDS,
    MAX_AGE,
    MAX_FAILURES,
    Login,
    login_key,
)
from functions.worker.politeness.partition import Partition
from functions.worker.politeness.profiles import Headers
from functions.worker.scraping.means import Means
from functions.worker.scraping.visit import Visit
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect
from shared.errors import FetchError, Reason
from shared.login_spec import LoginSpec
from shared.url_patterns import any_fitting
from shared.urls import Url, parse_url


class Logins:
    """
    Args:
        means: Of the job.
        partition: In whose state they are.
    """

    def __init__(self, means: Means, partition: Partition) -> None:
        self._job = means.job.job
        self._specs = {login.origin: login for login in means.job.spec.logins}
        self._partition = partition
        self._redirects = {
            origin: any_fitting(patterns, "login.logged_out")
            for origin, spec in self._specs.items()
            if (patterns := [one.redirect for one in spec.logged_out if one.redirect is not None])
        }
        self._jars: dict[str, tuple[Login, CookieJar]] = {}
        """Of each origin, with what it was made of: pages set cookies, too."""

    def spec(self, origin: str) -> LoginSpec:
        """Return how to log in at `origin`, which has a login."""
        return self._specs[origin]

    def known(self, origin: str, now: float) -> Login | None:
        """Return what has become of the login at `origin`; None: nothing yet."""
        login = self._partition.state.logins.get(login_key(self._job, origin))
        return None if login is None or now - login.at >= MAX_AGE else login

    def begun(self, origin: str, now: float) -> Login | None:
        """Return how far the login at `origin` has come, if it goes on there."""
        login = self.known(origin, now)
        goes_on = login is not None and (login.form is not None or login.check is not None)
        return login if goes_on and login and now - login.at < BEGUN_SECONDS else None

    def keep(self, origin: str, login: Login) -> None:
        """Let the job's other workers know of `login`."""
        self._jars.pop(origin, None)
        self._partition.state.logins[login_key(self._job, origin)] = login
        self._partition.save_soon()

    def must_log_in(self, visit: Visit, now: float) -> bool:
        """Tell whether something is to be sent before the page of `visit` is asked for."""
        spec = self._specs.get(visit.url.origin)
        if spec is None or visit.is_errand:
            return False
        login = self.known(visit.url.origin, now)
        return login is None or not login.is_made or now - login.at >= spec.renew_after

    def refused(self, visit: Visit, now: float) -> FetchError | None:
        """Return why the page of `visit` is not to be had, if its login has failed."""
        if visit.is_errand or visit.url.origin not in self._specs:
            return None
        login = self.known(visit.url.origin, now)
        if login is None or login.failures < MAX_FAILURES:
            return None
        detail = f"the login has failed {login.failures} times: {login.why}"
        return FetchError(visit.url.href, Reason.LOGIN_FAILED, detail)

    def tells_of_end(self, visit: Visit, answer: FetchedPage | Redirect | FetchError) -> bool:
        """Tell whether `answer` says that the session of `visit` has ended."""
        origin = visit.url.origin
        spec = self._specs.get(origin)
        if spec is None:
            return False
        if isinstance(answer, Redirect):
            fits = self._redirects.get(origin)
            return fits is not None and fits(answer.location.href)
        return answer.status is not None and any(
            one.status == answer.status for one in spec.logged_out
        )

    def with_login(self, headers: Headers, visit: Visit, now: float) -> Headers:
        """Return `headers` with what the login at the origin of `visit` adds to them."""
        login = self._made(visit.url, now)
        if login is None:
            return headers
        own = next((value for name, value in headers if name.lower() == "cookie"), None)
        listed = {name.lower() for name in visit.headers}
        added = {}
        if (cookie := self._jar(visit.url.origin, login).header(own, visit.url, now)) is not None:
            added["cookie"] = ("Cookie", cookie)
        if login.token is not None and "authorization" not in listed:
            added["authorization"] = ("Authorization", f"Bearer {login.token}")
        return (*(entry for entry in headers if entry[0].lower() not in added), *added.values())

    def take(self, set_cookies: tuple[str, ...], url: Url, now: float) -> None:
        """Keep what a page sets, for the pages of this batch."""
        login = self._made(url, now) if set_cookies else None
        if login is not None:
            self._jar(url.origin, login).take(set_cookies, url, now)

    def _made(self, url: Url, now: float) -> Login | None:
        login = self.known(url.origin, now) if url.origin in self._specs else None
        return login if login is not None and login.is_made else None

    def _jar(self, origin: str, login: Login) -> CookieJar:
        made_of, jar = self._jars.get(origin, (None, CookieJar()))
        if made_of is not login:
            jar = jar_of(login)
            self._jars[origin] = login, jar
        return jar


def jar_of(login: Login) -> CookieJar:
    """Return the cookies of `login`."""
    jar = CookieJar()
    for url, set_cookie in login.cookies:
        jar.take((set_cookie,), parse_url(url), login.at)
    return jar
