"""
Learning the rules of a site: its robots.txt is fetched, and decides on those who wait.

Follows redirects as far as hosts are in the same partition. Rules at a host of another partition
are read by its owner: those who wait go there, and come back.
"""

import asyncio

from functions.worker.politeness.partition import Partition
from functions.worker.politeness.robots import MAX_REDIRECTS
from functions.worker.scraping.asking import Asker, without_frames
from functions.worker.scraping.deadline import Deadline
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.rulebook import Rulebook, key_of_rules, url_of_rules
from functions.worker.scraping.turns import HostQueue, Turns
from functions.worker.scraping.verdicts import OF_PROXY, TRY_AGAIN, Judge
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect
from shared.errors import FetchError, Reason
from shared.spec import FetchSpec
from shared.urls import Url, origin_of, parse_url

_OK = range(200, 300)
_MOMENT = 0.05  # seconds


class RobotsReader:
    """
    Args:
        spec: Of the job.
        partition: The hosts that may be asked.
        asker: Sends the requests.
        rulebook: Where the rules are kept.
        turns: The hosts.
        judge: Decides on those who wait.
        pending: The targets.
        deadline: Of the batch.
    """

    def __init__(
        self,
        spec: FetchSpec,
        partition: Partition,
        asker: Asker,
        rulebook: Rulebook,
        turns: Turns,
        judge: Judge,
        pending: Pending,
        deadline: Deadline,
    ) -> None:
        self._spec = spec
        self._partition = partition
        self._asker = asker
        self._rulebook = rulebook
        self._turns = turns
        self._judge = judge
        self._pending = pending
        self._deadline = deadline

    async def learn(self, host: HostQueue, key: str) -> None:
        """Fetch the rules of that key, and let them decide on those who wait for `host`."""
        status: int | None = None
        body = b""
        failure: FetchError | None = None
        try:
            answer = await self._fetch(host, key)
        except FetchError as error:
            failure = without_frames(error)
            # Of a file that broke off we do not know what it forbids, and a proxy does not know.
            says_nothing = error.status in _OK or error.reason in OF_PROXY
            status = None if says_nothing else error.status
        else:
            status = answer.status
            body = answer.body if isinstance(answer, FetchedPage) else b""
        finally:
            host.learning = False
        now = self._deadline.now()
        if failure is not None and self._is_no_answer(host, key, failure, now):
            return
        why = "" if failure is None else failure.detail
        self._rulebook.keep(key, status, body, now, why=why)
        delay = self._rulebook.delay(key)
        if delay is not None:  # it holds from the first request on
            self._turns.hold(host, delay, now)
        for visit in host.take_of_key(key):
            self._turns.enqueue(visit)

    def _is_no_answer(self, host: HostQueue, key: str, failure: FetchError, now: float) -> bool:
        """Tell whether `failure` says nothing of the rules; then it is dealt with."""
        is_late = now >= self._deadline.at or failure.reason is Reason.OUT_OF_TIME
        if is_late or failure.reason is Reason.NO_PROXY:
            # Those who wait are handed back, or go on waiting for somebody to ask.
            return True
        if failure.reason is Reason.REDIRECTED:
            return self._ask_owner(host, key, failure, now)
        # What keeps us from its robots.txt keeps us from its pages.
        if parse_url(failure.url).origin != origin_of(key):
            return False
        if self._judge.is_hopeless(failure):
            for visit in host.take_of_key(key):
                self._pending.give_up(visit, failure)
        elif failure.reason in TRY_AGAIN:
            self._blame_first(host, key, failure, now)
        else:
            return False
        return True

    def _ask_owner(self, host: HostQueue, key: str, failure: FetchError, now: float) -> bool:
        """
        Have rules read by the owner of the host that they are at, if there is time for it.

        Those who wait go there and come back, to look into what the owner has learnt.
        """
        if not self._rulebook.ask_owner(key, failure.detail, now):
            return False
        for visit in host.take_of_key(key):
            if visit.is_errand:
                self._pending.come_back(visit, failure)
            else:
                visit.send_for_rules(parse_url(failure.url))
                self._pending.defer(visit, failure)
        return True

    def _blame_first(self, host: HostQueue, key: str, failure: FetchError, now: float) -> None:
        """Let the first in line have made this attempt; the next one asks again."""
        waiting = host.take_of_key(key)
        if not waiting:
            return  # all were handed back meanwhile
        first, *others = waiting
        for visit in others:
            self._turns.enqueue(visit)
        detail = f"robots.txt: {failure.detail}"
        error = FetchError(failure.url, failure.reason, detail, status=failure.status)
        self._judge.try_again(first, error, now)

    async def _fetch(self, host: HostQueue, key: str) -> FetchedPage | Redirect:
        """
        Return the answer behind the redirects.

        Raises:
            FetchError: it cannot be had. Of reason REDIRECTED: its host has another owner, who has
                not read it yet, and of rules that nobody has read we do not know what they forbid.
        """
        at, url = host, url_of_rules(key)
        for redirects_left in range(MAX_REDIRECTS, -1, -1):
            try:
                answer = await self._asker.rules(at, url)
            finally:
                at.open -= 1
            if isinstance(answer, FetchedPage) or not redirects_left:
                break
            url = answer.location
            if not self._partition.owns(url.host):
                return await self._read_by_owner(url)
            at = self._turns.host(url.host)
            await self._turn(at, url)
            self._turns.open(at, self._deadline.now())
        return answer

    async def _read_by_owner(self, url: Url) -> FetchedPage:
        """Return what the owner of another host has learnt of the rules at `url`."""
        read = await asyncio.to_thread(self._partition.rules_elsewhere, key_of_rules(url))
        known = self._rulebook.rules_in(read, self._deadline.now())
        if read is not None and known is not None:
            if known.unreachable:
                detail = f"it leads to {url.host}, and could not be had there: {read.why}"
                raise FetchError(url.href, Reason.ROBOTS_UNREACHABLE, detail)
            return FetchedPage(url.href, read.status or 0, None, None, read.text.encode())
        detail = f"it leads to {url.host}, which is another worker's"
        raise FetchError(url.href, Reason.REDIRECTED, detail)

    async def _turn(self, host: HostQueue, url: Url) -> None:
        """Wait until a request to `host` may be started; it has not been learnt that it may."""
        while True:
            now = self._deadline.now()
            end = self._deadline.at
            ready = self._turns.ready_at(host, now)
            if ready <= now and host.open < self._turns.most_open(host):
                return
            if ready - now > self._spec.max_idle or ready >= end or now >= end:
                detail = f"robots.txt leads to {host.name}, which must be left alone for a while"
                raise FetchError(url.href, Reason.HOST_BUSY, detail)
            await asyncio.sleep(max(ready - now, _MOMENT))
