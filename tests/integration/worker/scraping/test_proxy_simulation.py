"""Proxies in trouble, batch after batch, without real time: who is given up on, and for what."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from msgspec.structs import replace

from bench.simulated_time import Time
from functions.worker.extraction.extractor import ExtractionProcess, Extractor
from functions.worker.politeness.partition import Partition, decode_state, encode_state
from functions.worker.politeness.proxies import ProxyPool
from functions.worker.scraping.means import Means
from functions.worker.scraping.scrape import Scraper
from functions.worker.transport.budget import Budget, Reservation, Slots
from functions.worker.transport.fetch import Fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.errors import FetchError, Reason
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Kind, Outcome
from shared.spec import FetchSpec, Spec

UA = "acme-bot/1.0 (+https://acme.example/bot)"
URLS = [f"https://shop.example/{n}" for n in range(200)]
GATEWAY = ("http://gateway.example:8000",)
THREE = tuple(f"http://p{n}.example:8000" for n in range(3))
BLOCK = FetchError("", Reason.HTTP_4XX, "the server answered 403", status=403)
DOWN = FetchError("", Reason.PROXY_CONNECTION, "no connection to the proxy")

Answer = Callable[[str, float], FetchError | None]
"""What becomes of a request through a proxy, so many seconds after the first one."""


class Scripted(Fetcher):
    """Answers after 0.3 s with what its script says, and counts."""

    def __init__(self, script: Answer, time: Time) -> None:
        self._script = script
        self._time = time
        self._budget = Budget()
        self.slots = Slots()
        self.began: float | None = None
        self.asked: Counter[str] = Counter()
        """Requests that have come to the host."""

    async def fetch(self, request: Request, **_: Any) -> FetchedPage:
        assert request.proxy is not None
        await asyncio.sleep(0.3)
        self.began = self._time.time() if self.began is None else self.began
        error = self._script(request.proxy, self._time.time() - self.began)
        if error is None or error.status is not None:
            self.asked[request.url] += 1
        if error is not None:
            raise FetchError(request.url, error.reason, error.detail, status=error.status)
        return FetchedPage(request.url, 200, "text/html", None, b"<title>x</title>")

    def headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        return request.headers

    def reserve(self) -> Reservation:
        return Reservation(self._budget)


class Played:
    """What came of `URLS`: final outcomes by URL, requests by URL, and seconds."""

    def __init__(self, proxies: Sequence[str], script: Answer, **fetch: Any) -> None:
        self.outcomes: dict[str, Outcome] = {}
        time = Time()
        self._fetcher = Scripted(script, time)
        self._spec = Spec(fetch=FetchSpec(robots="ignore", **fetch))
        try:
            began = time.time()
            self._play(time, [tuple(proxies)])
            self.seconds = time.time() - began
        finally:
            time.close()
        self.asked = self._fetcher.asked

    def kinds(self) -> Counter[str]:
        return Counter(str(outcome.outcome) for outcome in self.outcomes.values())

    def _play(self, time: Time, tiers: Sequence[Sequence[str]]) -> None:
        targets, state = [Target(url, line) for line, url in enumerate(URLS, start=1)], b"{}"
        for hops in range(1_000):
            found: list[Outcome] = []
            known = decode_state(state)
            manifest = Manifest(
                job="j", spec=self._spec, partitions=1, batch_size=200, created_at=""
            )
            means = Means(
                job=manifest,
                user_agent=UA,
                extractor=Extractor(
                    self._spec,
                    token="acme-bot",
                    process=ExtractionProcess(400_000_000),
                    careful=False,
                ),
                pool=ProxyPool(tiers, "round_robin", Random(hops), known.proxies),
            )
            scraper = Scraper(
                Batch(
                    job="j", batch="00000-000000", partition=0, hops=hops, targets=tuple(targets)
                ),
                means,
                Partition(number=0, count=1, state=known),
                self._fetcher,
                clock=time.time,
                stop_at=partial(float, time.time() + 100),
                rng=Random(hops),
            )
            time.run_until_complete(scraper.scrape(found.append))
            state = encode_state(known, time.time())
            self.outcomes |= {outcome.url: outcome for outcome in found}
            left = [outcome for outcome in found if outcome.outcome is Kind.DEFERRED]
            if not left:
                return
            by_id = {target.id: target for target in targets}
            targets = [replace(by_id[o.id], attempt=o.attempt) for o in left]
            time.set(max(time.time() + 1, min(o.not_before or 0.0 for o in left)))
        raise AssertionError("it does not come to an end")


def by_chance(share: float) -> Answer:
    rng = Random(7)
    return lambda _proxy, _seconds: BLOCK if rng.random() < share else None


def test_one_rotating_gateway_with_a_block_now_and_then_loses_nothing() -> None:
    """As it never rests, a block costs the one request and nobody else's attempts."""
    played = Played(GATEWAY, by_chance(0.05), attempts=5)

    assert played.kinds() == {"scraped": 200}
    assert len(played.asked) == 200
    assert played.seconds < 200, "200 pauses of half a second, and some of the blocks' waits"


def test_a_few_proxies_with_blocks_now_and_then_lose_nothing() -> None:
    played = Played(THREE, by_chance(0.05), attempts=5)

    assert played.kinds() == {"scraped": 200}


def test_whoever_is_blocked_for_good_was_asked_for_as_often_as_attempts_say() -> None:
    played = Played(GATEWAY, lambda _proxy, _seconds: BLOCK, attempts=2)

    assert played.kinds() == {"failed": 200}
    assert set(played.asked.values()) == {2}


def test_a_gateway_that_is_away_for_two_minutes_costs_no_page() -> None:
    played = Played(GATEWAY, lambda _proxy, seconds: DOWN if 5 < seconds < 125 else None)

    assert played.kinds() == {"scraped": 200}
    assert {outcome.attempt for outcome in played.outcomes.values()} == {1}


def test_proxies_that_are_all_away_for_ten_minutes_cost_no_page() -> None:
    played = Played(THREE, lambda _proxy, seconds: DOWN if 5 < seconds < 605 else None, attempts=10)

    assert played.kinds() == {"scraped": 200}
    assert {outcome.attempt for outcome in played.outcomes.values()} == {1}


def test_proxies_that_are_away_for_good_come_to_an_end() -> None:
    for proxies in (GATEWAY, THREE):
        played = Played(proxies, lambda _proxy, _seconds: DOWN)

        assert played.kinds() == {"dead": 200}
        assert {str(o.reason) for o in played.outcomes.values()} <= {"no_proxy", "proxy_connection"}
        assert played.seconds < 2 * 60 * 60


def test_a_host_that_blocks_all_proxies_comes_to_an_end() -> None:
    played = Played(THREE, lambda _proxy, _seconds: BLOCK)

    assert sum(played.kinds().values()) == 200
    assert played.kinds()["scraped"] == 0
    assert played.seconds < 3 * 60 * 60


def test_one_bad_proxy_of_three_is_left_alone() -> None:
    played = Played(THREE, lambda proxy, _seconds: DOWN if proxy == THREE[1] else None)

    assert played.kinds() == {"scraped": 200}
    assert {outcome.attempt for outcome in played.outcomes.values()} == {1}
