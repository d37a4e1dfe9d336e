"""
Logging in at a website, before its pages are asked for.

One request at each turn of the host: the page with the form, if there is one, what is sent, and
where the answer leads if that is the login again. How far it has come is in the partition's state,
so a pause may outlast a batch. Other redirects are not followed: their cookies count.
"""

import json
from urllib.parse import urlencode

from msgspec.structs import replace

from functions.worker.politeness.logins import MAX_BYTES, MAX_DOUBTS, Login
from functions.worker.scraping.asking import Asker, without_frames
from functions.worker.scraping.deadline import Deadline
from functions.worker.scraping.logins import Logins, jar_of
from functions.worker.scraping.means import Means
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.turns import HostQueue, Turns
from functions.worker.scraping.verdicts import TRY_AGAIN, Judge
from functions.worker.scraping.visit import Visit
from functions.worker.transport.login_form import asks_password, form_fields
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect
from shared.errors import FetchError, Reason
from shared.expressions import compile_jmespath
from shared.header_spec import check_headers, plain
from shared.login_spec import LoginSpec
from shared.urls import Url, parse_url

# That say nothing of the login: the host has other pauses for them.
_LATER = TRY_AGAIN | {Reason.HTTP_429, Reason.HTTP_503}
_MAX_LOGOUTS = 5  # of one target, while others renew the session
_FIRST = -1.0  # the due time of who goes before all others
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"


class LoggingIn:
    """
    Args:
        means: Of the job.
        logins: Where the logins are kept.
        asker: Sends the requests.
        turns: The hosts.
        judge: Decides on those who wait.
        pending: The targets.
        deadline: Of the batch.
    """

    def __init__(
        self,
        means: Means,
        logins: Logins,
        asker: Asker,
        turns: Turns,
        judge: Judge,
        pending: Pending,
        deadline: Deadline,
    ) -> None:
        self._means = means
        self._logins = logins
        self._asker = asker
        self._turns = turns
        self._judge = judge
        self._pending = pending
        self._deadline = deadline

    async def go_on(self, host: HostQueue, origin: str) -> None:
        """Send the next request of the login at `origin`, and learn what came of it."""
        spec = self._logins.spec(origin)
        begun = self._logins.begun(origin, self._deadline.now())
        failure: FetchError | None = None
        try:
            if begun is not None and begun.check is not None:
                login = await self._check(host, begun, parse_url(begun.check))
            elif spec.form is not None and begun is None:
                login = await self._get_form(host, spec, parse_url(spec.form))
            else:
                login = await self._send(host, spec, parse_url(spec.url), begun)
            if login.size > MAX_BYTES:
                raise _refused(spec.url, f"cookies, token and form are more than {MAX_BYTES} bytes")
        except FetchError as error:
            failure = without_frames(error)
        finally:
            host.learning = False
            host.open -= 1
        if failure is not None:
            self._failed(host, origin, failure)
            return
        former = self._logins.known(origin, login.at)
        kept = former.failures if former is not None and not login.is_made else 0
        doubts = 0 if former is None else former.doubts
        self._logins.keep(origin, replace(login, failures=kept, doubts=doubts))

    def has_ended(self, visit: Visit, answer: FetchedPage | Redirect | FetchError) -> bool:
        """
        Tell whether `answer` says that the session of `visit` has ended; then it is dealt with.

        The session is renewed, and the page is the first that is asked for then. If it is refused
        again, that is no matter of the session: it ends, and after two such nothing is renewed.
        """
        origin, now = visit.url.origin, self._deadline.now()
        login = self._logins.known(origin, now)
        if not self._logins.tells_of_end(visit, answer):
            self._note_page(visit, answer, login)
            return False
        visit.logouts += 1
        is_old = login is None or not login.is_made or visit.sent_at < login.at
        is_in_vain = visit.logouts > (_MAX_LOGOUTS if is_old else 1)
        is_doubtful = login is not None and not is_old and login.doubts >= MAX_DOUBTS
        if login is None or not (is_in_vain or is_doubtful):
            if login is not None and not is_old:
                self._logins.keep(origin, Login(at=now, doubts=login.doubts))
            self._turns.enqueue(visit, _FIRST)
            return True
        if is_in_vain and not is_old:
            self._logins.keep(origin, replace(login, doubts=login.doubts + 1))
        detail = "the answer says that we are logged out, and a new login has not helped"
        error = FetchError(visit.url.href, Reason.LOGIN_FAILED, detail, status=answer.status)
        self._pending.end(visit, error)
        return True

    def _note_page(
        self, visit: Visit, answer: FetchedPage | Redirect | FetchError, login: Login | None
    ) -> None:
        """Take note that the session holds, if `answer` is a page."""
        is_page = isinstance(answer, FetchedPage) and bool(visit.logouts)
        if is_page and login is not None and login.doubts and visit.sent_at >= login.at:
            self._logins.keep(visit.url.origin, replace(login, doubts=0))

    async def _get_form(self, host: HostQueue, spec: LoginSpec, url: Url) -> Login:
        answer = await self._asker.login(host, url)
        if isinstance(answer, Redirect):
            raise _refused(url.href, "the page with the form is a redirect")
        fields = form_fields(answer, spec.data)
        if fields is None:
            raise _refused(url.href, f"no form with a field named {', '.join(spec.data)}")
        cookies = tuple((url.href, one) for one in answer.set_cookies)
        return Login(at=self._deadline.now(), cookies=cookies, form=fields)

    async def _send(self, host: HostQueue, spec: LoginSpec, url: Url, begun: Login | None) -> Login:
        """
        Send what the spec says; return the login that the answer makes.

        Raises:
            FetchError: the answer is none, or makes no login.
        """
        now = self._deadline.now()
        values = {**plain(spec.values), **self._means.secrets.sent(spec.values, url)}
        cookies: tuple[tuple[str, str], ...] = ()
        headers = {"Content-Type": _FORM if spec.data else _JSON}
        if begun is not None:
            values = {**(begun.form or {}), **values}
            cookies = begun.cookies
            headers |= {"Origin": url.origin, "Referer": parse_url(spec.form or spec.url).href}
            cookie = jar_of(begun).header(None, url, now)
            headers |= {"Cookie": cookie} if cookie else {}
        body = urlencode(values) if spec.data else json.dumps(values)
        answer = await self._asker.login(host, url, headers, body.encode())
        cookies += tuple((url.href, one) for one in answer.set_cookies)
        if isinstance(answer, FetchedPage) and asks_password(answer):
            raise _refused(url.href, "the answer asks for a password again")
        token = None if spec.token is None else _token(spec.token.jmespath, answer, url)
        if token is None and not cookies:
            raise _refused(url.href, "the answer sets no cookie")
        login = Login(at=self._deadline.now(), cookies=cookies, token=token)
        if isinstance(answer, Redirect):
            places = {_page_of(parse_url(place)) for place in (spec.url, spec.form or spec.url)}
            if _page_of(answer.location) in places:
                return replace(login, check=answer.location.href)
        return replace(login, is_made=True)

    async def _check(self, host: HostQueue, login: Login, url: Url) -> Login:
        """Return `login`, made, unless the page at `url` asks for a password again."""
        cookie = jar_of(login).header(None, url, self._deadline.now())
        answer = await self._asker.login(host, url, {"Cookie": cookie} if cookie else {})
        if isinstance(answer, FetchedPage) and asks_password(answer):
            raise _refused(url.href, "the answer leads back to where a password is asked for")
        cookies = tuple((url.href, one) for one in answer.set_cookies)
        at = self._deadline.now()
        return replace(login, at=at, cookies=login.cookies + cookies, check=None, is_made=True)

    def _failed(self, host: HostQueue, origin: str, failure: FetchError) -> None:
        now = self._deadline.now()
        if now >= self._deadline.at or failure.reason in {Reason.OUT_OF_TIME, Reason.NO_PROXY}:
            return  # those who wait are handed back, or go on waiting for somebody to log in
        detail = f"login: {failure.detail}"
        if failure.reason in _LATER or self._judge.is_hopeless(failure):
            waiting = host.take_of_key(origin)
            for visit in waiting[1:]:
                self._turns.enqueue(visit)
            for visit in waiting[:1]:
                error = FetchError(
                    visit.url.href,
                    failure.reason,
                    detail,
                    status=failure.status,
                    retry_after=failure.retry_after,
                )
                self._judge.decide(visit, error, None, now)
            return
        former = self._logins.known(origin, now)
        failures = 1 + (0 if former is None else former.failures)
        self._logins.keep(origin, Login(at=now, failures=failures, why=failure.detail))
        self._turns.hold(host, self._means.overrides.of_host(host.name).wait_initial, now)


def _token(path: str, answer: FetchedPage | Redirect, url: Url) -> str:
    """
    Return the token in an answer.

    Raises:
        FetchError: it has none that could be sent.
    """
    found = None
    try:
        if isinstance(answer, FetchedPage):
            found = compile_jmespath(path, "login.token")(json.loads(answer.body))
        if isinstance(found, str) and found:
            check_headers({"Authorization": f"Bearer {found}"})
            return found
    except (ValueError, TypeError, RecursionError):
        pass
    raise _refused(url.href, f"the answer has no token at {path}")


def _refused(url: str, detail: str) -> FetchError:
    return FetchError(url, Reason.LOGIN_FAILED, detail)


def _page_of(url: Url) -> str:
    return url.href.partition("?")[0]
