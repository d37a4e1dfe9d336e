"""The engine against a real website: whose turn it is, robots.txt, retries, what is handed back."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web

import functions.worker.extraction.rows as extraction_module
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.extractor import ExtractionProcess, Extractor
from functions.worker.politeness.partition import (
    Partition,
    PartitionState,
    decode_state,
    encode_state,
)
from functions.worker.politeness.pause import HostState
from functions.worker.politeness.proxies import ProxyPool
from functions.worker.politeness.robots import CachedRobots
from functions.worker.scraping.ending import Ending
from functions.worker.scraping.means import Means
from functions.worker.scraping.pending import MAX_HOPS
from functions.worker.scraping.scrape import Scraper
from functions.worker.scraping.verdicts import MAX_SLOWDOWNS
from functions.worker.secrets import secrets_of
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.budget import Reservation
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Fetcher, open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from shared.crawl_spec import PageKind
from shared.errors import Reason
from shared.extract_spec import DEFAULT_EXTRACT, ExtractSpec
from shared.login_spec import LoginSpec
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Kind, Outcome
from shared.spec import FetchSpec, Spec
from shared.urls import partition_of
from tests.faults import Peer, answer, faulty_server
from tests.proxies import http_proxy
from tests.site import Site

UA = "acme-bot/1.0 (+https://acme.example/bot)"


class Clock:
    """The time, and when somebody last asked for it."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self.read_at = 0.0

    def __call__(self) -> float:
        self.read_at = time.time() + self.ahead
        return self.read_at


class Recording:
    """
    A fetcher that notes when each request was started.

    By the clock of who starts it: a process that is not let run has no say in when it goes on.
    """

    def __init__(self, fetcher: Fetcher, clock: Clock, busy: Mapping[str, float]) -> None:
        self.fetcher = fetcher
        self.clock = clock
        self.busy = busy
        self.started: list[tuple[float, str]] = []
        self.slots = fetcher.slots

    async def fetch(self, request: Request, **options: Any) -> FetchedPage | Redirect:
        self.started.append((self.clock.read_at, request.url))
        self.clock.ahead += self.busy.get(request.url, 0.0)
        return await self.fetcher.fetch(request, **options)

    def headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        return self.fetcher.headers(request)

    def reserve(self) -> Reservation:
        return self.fetcher.reserve()


class Engine:
    """Scrapes URLs of any host from one website, batch after batch with the same state."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.state = PartitionState()
        self.started: list[tuple[float, str]] = []
        self.facts: dict[str, int] = {}
        self.cancel: Callable[[float], object] = lambda _after: None
        """Cancel the batch that is being scraped, from any thread."""
        self.clock = Clock()
        self.busy: dict[str, float] = {}
        """For how many seconds starting the request to a URL keeps everybody from running."""
        self.process = ExtractionProcess(400_000_000, "tests.parsers")
        self.has_room: Callable[[], bool] = lambda: True
        """Tell whether there is room for more outcomes in the batch's object."""
        self.elsewhere: dict[str, CachedRobots] = {}
        """What the owners of other partitions have read of robots.txt."""

    async def scrape(
        self,
        urls: Sequence[str | Target],
        *,
        seconds: float = 60,
        proxies: Sequence[Sequence[str]] = (),
        partitions: int = 1,
        hops: int = 0,
        parser: str | None = None,
        parser_timeout: float = 10,
        extract: dict[str, Any] | None = None,
        careful: bool = False,
        pages: dict[str, Any] | None = None,
        secret: str | None = None,
        login: Any = (),
        **fetch: Any,
    ) -> dict[str, Outcome]:
        """Return the outcome of each URL."""
        spec = Spec(
            fetch=msgspec.convert({"pause": 0, "wait_initial": 0.1, **fetch}, FetchSpec),
            extract=msgspec.convert(extract, ExtractSpec) if extract else DEFAULT_EXTRACT,
            parser=parser,
            parser_timeout=parser_timeout,
            pages=msgspec.convert(pages or {}, dict[str, PageKind]),
            login=msgspec.convert(login, tuple[LoginSpec, ...]),
        )
        targets = [
            url if isinstance(url, Target) else Target(url, line)
            for line, url in enumerate(urls, start=1)
        ]
        manifest = Manifest(job="j", spec=spec, partitions=partitions, batch_size=9, created_at="")
        first_host = targets[0].location.split("/")[2].partition(":")[0]
        batch = Batch(
            job="j",
            batch="00000-000000",
            partition=partition_of(first_host, partitions),
            hops=hops,
            targets=tuple(targets),
        )
        network = Network(
            parse_connect_to(f":80:127.0.0.1:{self.site.port}"),
            allow_private_networks=True,
            allow_private_proxies=True,
        )
        outcomes: list[Outcome] = []
        async with open_fetcher(user_agent=UA, connections=100, network=network) as fetcher:
            ending = Ending()
            recording = Recording(fetcher, self.clock, self.busy)
            means = Means(
                job=manifest,
                user_agent=UA,
                extractor=Extractor(spec, token="acme-bot", process=self.process, careful=careful),
                pool=ProxyPool(proxies, "round_robin", Random(0), self.state.proxies)
                if proxies
                else None,
                secrets=secrets_of(manifest, lambda _name: secret or ""),
            )
            end = self.clock() + seconds
            scraper = Scraper(
                batch,
                means,
                Partition(
                    number=batch.partition,
                    count=partitions,
                    state=self.state,
                    rules_elsewhere=self.elsewhere.get,
                ),
                recording,  # type: ignore[arg-type] # a fetcher that also takes notes
                clock=self.clock,
                stop_at=lambda: end,
                rng=Random(0),
                has_room=self.has_room,
                ending=ending,
            )
            loop = asyncio.get_running_loop()
            self.cancel = lambda after: loop.call_soon_threadsafe(
                loop.call_later, after, ending.set
            )
            await scraper.scrape(outcomes.append)
            assert fetcher._budget.taken == 0, "no page keeps its share of the memory"
        self.started += recording.started
        self.facts = dict(scraper.facts)
        found = {outcome.url: outcome for outcome in outcomes}
        assert len(found) == len(outcomes) == len(targets), "one outcome for each target"
        # The next batch may be another worker's, and another process's.
        self.state = decode_state(encode_state(self.state, time.time()))
        return found

    def gaps(self, host: str) -> list[float]:
        """Return the seconds between the starts of requests to a host."""
        times = [at for at, url in self.started if url.split("/")[2] == host]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.fixture
def engine(site: Site) -> Iterator[Engine]:
    engine = Engine(site)
    yield engine
    engine.process.stop()


def pages(site: Site, host: str, number: int) -> list[str]:
    for n in range(number):
        site.page(f"/{n}", f"{n}")
    return [f"http://{host}/{n}" for n in range(number)]


def kinds(outcomes: dict[str, Outcome]) -> set[str]:
    return {str(outcome.outcome) for outcome in outcomes.values()}


def reasons(outcomes: dict[str, Outcome]) -> set[str | None]:
    return {outcome.reason for outcome in outcomes.values()}


async def test_a_robots_txt_that_breaks_off_is_not_taken_for_an_empty_one() -> None:
    async def script(peer: Peer) -> None:
        if (await peer.request()).startswith(b"GET /robots.txt"):
            await peer.send(answer(b"User-agent: *\nDisallow: /private\n" * 9)[:-1])
        else:
            await peer.send(answer(b"<title>private"))

    async with faulty_server(script) as server:
        outcomes = await Engine(Site(port=server.port)).scrape(
            ["http://a.example/private"], attempts=2
        )

    assert reasons(outcomes) == {Reason.ROBOTS_UNREACHABLE}


# ---- pauses


async def test_requests_to_a_host_start_a_pause_apart(engine: Engine, site: Site) -> None:
    outcomes = await engine.scrape(pages(site, "a.example", 8), pause=0.1)

    assert kinds(outcomes) == {"scraped"}
    assert len(engine.gaps("a.example")) == 8  # robots.txt is paced too
    assert min(engine.gaps("a.example")) >= 0.05
    assert max(engine.gaps("a.example")) > 0.1  # with jitter


async def test_the_pause_holds_between_batches(engine: Engine, site: Site) -> None:
    urls = pages(site, "a.example", 4)
    for url in urls:
        await engine.scrape([url], pause=0.2)

    assert min(engine.gaps("a.example")) >= 0.1


@pytest.mark.parametrize(("robots", "path"), [("ignore", "/0"), ("obey", "/robots.txt")])
async def test_the_pause_counts_from_when_the_request_begins(
    engine: Engine, site: Site, robots: str, path: str
) -> None:
    """Both hosts get their turn at once; what the first one takes, the second one begins late."""
    first, second = pages(site, "a.example", 1), pages(site, "b.example", 2)
    engine.busy = {f"http://a.example{path}": 0.4}

    await engine.scrape([*first, *second], robots=robots, pause=0.2)

    assert min(engine.gaps("b.example")) >= 0.1


async def test_requests_that_begin_late_together_are_late_once(engine: Engine, site: Site) -> None:
    urls = pages(site, "a.example", 9)
    engine.busy = {urls[0]: 100.0}

    await engine.scrape(urls, seconds=900, robots="ignore", per_host=10)

    assert engine.state.hosts["a.example"].next_at <= engine.clock()


async def test_hosts_are_visited_side_by_side(engine: Engine, site: Site) -> None:
    """A batch of ten hosts takes as long as one host, not as ten."""
    urls = [url for n in range(10) for url in pages(site, f"h{n}.example", 3)]

    await engine.scrape(urls, pause=0.3)

    first_round = {url.split("/")[2] for _, url in engine.started[:10]}
    assert len(first_round) == 10


async def test_a_slow_host_does_not_hold_up_the_others(engine: Engine, site: Site) -> None:
    site.reply("/slow", 2.0)
    urls = ["http://slow.example/slow", *pages(site, "a.example", 20)]

    outcomes = await engine.scrape(urls)

    assert kinds(outcomes) == {"scraped"}
    assert site.log[-1].path == "/slow"


@pytest.mark.parametrize(("per_host", "concurrency", "most"), [(1, 64, 1), (3, 64, 3), (9, 2, 2)])
async def test_no_more_requests_are_open_than_allowed(
    engine: Engine, site: Site, per_host: int, concurrency: int, most: int
) -> None:
    for n in range(12):
        site.reply(f"/{n}", 0.05)
    urls = [f"http://a.example/{n}" for n in range(12)]

    await engine.scrape(urls, per_host=per_host, concurrency=concurrency)

    assert site.most_open == most


async def test_what_must_wait_too_long_is_handed_back(engine: Engine, site: Site) -> None:
    urls = pages(site, "a.example", 3)

    outcomes = await engine.scrape(urls, pause=100, robots="ignore")

    first, *rest = [outcomes[url] for url in urls]
    assert first.outcome is Kind.SCRAPED
    assert {(o.outcome, o.reason) for o in rest} == {(Kind.DEFERRED, Reason.HOST_BUSY)}
    assert 49 < (rest[0].not_before or 0) - time.time() < 151


async def test_each_target_of_a_slow_host_is_promised_a_turn_of_its_own(
    engine: Engine, site: Site
) -> None:
    """Or all of them, of all batches, would come back at once and again and again."""
    urls = pages(site, "a.example", 40)

    first = await engine.scrape(urls[:20], pause=100, robots="ignore")
    second = await engine.scrape(urls[20:], pause=100, robots="ignore")

    turns = sorted(o.not_before for o in (*first.values(), *second.values()) if o.not_before)
    assert len(turns) == 39
    assert min(later - earlier for earlier, later in itertools.pairwise(turns)) >= 99


async def test_an_adaptive_pause_follows_the_host(engine: Engine, site: Site) -> None:
    for n in range(4):
        site.reply(f"/{n}", 0.3)
    urls = [f"http://a.example/{n}" for n in range(4)]

    await engine.scrape(urls, adaptive=True, robots="ignore", per_host=1)

    assert engine.state.hosts["a.example"].pause is not None
    assert engine.state.hosts["a.example"].pause > 0.1


async def test_an_adaptive_pause_does_not_wait_for_bodies(engine: Engine) -> None:
    """A slow body says something of its size; what a host has to work for are its headers."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n")
        await asyncio.sleep(0.5)  # part of what is tested: the body takes that long
        await peer.send(b"hello")

    async with faulty_server(script) as server:
        engine.site.port = server.port
        await engine.scrape(["http://a.example/1"], adaptive=True, robots="ignore")

    assert engine.state.hosts["a.example"].pause is not None
    assert engine.state.hosts["a.example"].pause < 0.5


# ---- robots.txt


async def test_robots_txt_is_asked_first_and_once(engine: Engine, site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /1")
    urls = pages(site, "a.example", 3)

    outcomes = await engine.scrape(urls)

    assert [url for _, url in engine.started] == [
        "http://a.example/robots.txt",
        "http://a.example/0",
        "http://a.example/2",
    ]
    assert outcomes[urls[1]].outcome is Kind.SKIPPED
    assert outcomes[urls[1]].reason is Reason.ROBOTS_DISALLOWED
    assert outcomes[urls[1]].detail == "robots.txt forbids it to acme-bot"
    assert engine.facts["RobotsDenials"] == 1
    await engine.scrape(urls)
    assert [entry.path for entry in site.log].count("/robots.txt") == 1


async def test_robots_txt_can_be_ignored(engine: Engine, site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /")

    outcomes = await engine.scrape(pages(site, "a.example", 2), robots="ignore")

    assert kinds(outcomes) == {"scraped"}
    assert "/robots.txt" not in [entry.path for entry in site.log]


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/c", False),
        ("User-agent: *\nAllow: /p\nDisallow: /", "/page", True),
        ("User-agent: *\nDisallow: /*.php$", "/x.php", False),
        ("User-agent: *\nDisallow: /*.php$", "/x.php5", True),
        ("User-agent: *\nDisallow: /*/x", "/a/x", False),
        ("User-agent: *\nDisallow: /%61", "/a", False),
        ("User-agent: *\nDisallow: /ü", "/%C3%BC", False),
        ("User-agent: acme-bot\nDisallow:\n\nUser-agent: *\nDisallow: /", "/a", True),
        ("User-agent: ACME-BOT\nDisallow: /a", "/a", False),
        ("User-agent: other\nUser-agent: acme-bot\nDisallow: /a", "/a", False),
        ("User-agent: acme-bot\nDisallow: /a\n\nUser-agent: acme-bot\nDisallow: /b", "/b", False),
        ("User-agent: other\nDisallow: /", "/a", True),
        ("\N{BOM}User-agent: *\nDisallow: /a # no", "/a", False),
        ("<html>not robots at all</html>", "/a", True),
        ("User-agent: *\n" + "#" * 520_000 + "\nDisallow: /a", "/a", True),
        ("User-agent: *\nDisallow: /a\n" + "#" * 520_000, "/a", False),
    ],
)
async def test_rules_of_rfc_9309(
    engine: Engine, site: Site, robots: str, path: str, allowed: bool
) -> None:
    site.robots(robots)
    site.page(path.replace("%C3%BC", "ü"), "T")

    [outcome] = (await engine.scrape([f"http://a.example{path}"])).values()

    assert (outcome.outcome is Kind.SCRAPED) == allowed
    assert (outcome.reason is Reason.ROBOTS_DISALLOWED) != allowed


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_site_without_robots_txt_allows_everything(
    engine: Engine, site: Site, status: int
) -> None:
    site.robots("User-agent: *\nDisallow: /", status)

    assert kinds(await engine.scrape(pages(site, "a.example", 2))) == {"scraped"}


async def test_a_robots_txt_that_breaks_off_allows_nothing(engine: Engine, site: Site) -> None:
    """Its status says 200, and what it forbids is not known."""
    site.reply("/robots.txt", 5.0)
    urls = pages(site, "a.example", 2)

    outcomes = await engine.scrape(urls, timeout=1)

    assert reasons(outcomes) == {"robots_unreachable"}
    assert kinds(outcomes) == {"deferred"}
    assert site.visits == []


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_robots_txt_that_cannot_be_had_allows_nothing_for_now(
    engine: Engine, site: Site, status: int
) -> None:
    site.robots("", status)
    urls = pages(site, "a.example", 2)

    outcomes = await engine.scrape(urls)
    again = await engine.scrape(urls)

    assert [entry.path for entry in site.log] == ["/robots.txt"]
    for outcome in (*outcomes.values(), *again.values()):
        assert (outcome.outcome, outcome.reason) == (Kind.DEFERRED, Reason.ROBOTS_UNREACHABLE)
        assert outcome.attempt == 1  # the page was not asked for
        assert outcome.not_before is not None
        assert 3_500 < outcome.not_before - time.time() < 3_601


def moved(location: str) -> web.Response:
    return web.Response(status=301, headers={"Location": location})


async def test_redirects_of_robots_txt_are_followed(engine: Engine, site: Site) -> None:
    site.reply("/robots.txt", moved("/r1"))
    for n in range(1, 4):
        site.reply(f"/r{n}", moved(f"http://www.a.example/r{n + 1}"))
    site.reply("/r4", web.Response(text="User-agent: *\nDisallow: /"))

    outcomes = await engine.scrape(pages(site, "a.example", 1))

    assert reasons(outcomes) == {"robots_disallowed"}


async def test_redirects_of_robots_txt_in_a_circle_forbid_nothing(
    engine: Engine, site: Site
) -> None:
    site.reply("/robots.txt", moved("/robots.txt"))

    outcomes = await engine.scrape(pages(site, "a.example", 1))

    assert kinds(outcomes) == {"scraped"}


FAR = "http://elsewhere.example"


def read_there(text: str, status: int | None = 200) -> CachedRobots:
    return CachedRobots(status=status, text=text, fetched_at=time.time(), why="the server is ill")


@pytest.mark.parametrize(("location", "key"), [(f"{FAR}/robots.txt", FAR), (f"{FAR}/", f"{FAR}/")])
async def test_rules_on_another_worker_s_host_are_read_by_it(
    engine: Engine, site: Site, location: str, key: str
) -> None:
    """The targets go there, come back, and find what it has learnt; nobody else asks that host."""
    site.reply("/robots.txt", moved("http://www.a.example/robots.txt"), moved(location))
    urls = pages(site, "a.example", 3)

    gone = await engine.scrape(urls, partitions=4096)

    assert {(o.outcome, o.reason) for o in gone.values()} == {(Kind.DEFERRED, Reason.REDIRECTED)}
    assert site.visits == []
    assert {entry.host for entry in site.log} == {"a.example", "www.a.example"}

    there = Engine(site)
    site.robots("User-agent: *\nDisallow: /1")
    site.reply("/", web.Response(text="User-agent: *\nDisallow: /1"))
    targets = [Target(url, o.line or 0, redirects=o.redirects) for url, o in gone.items()]
    assert {target.location.split("#")[0] for target in targets} == {location}
    back = await there.scrape(targets, partitions=4096)

    assert {(o.outcome, o.redirects) for o in back.values()} == {(Kind.DEFERRED, ())}
    assert {entry.host for entry in site.log[2:]} == {"elsewhere.example"}
    assert len(site.log) == 3

    site.reply("/robots.txt", moved(location))
    engine.elsewhere = there.state.robots
    assert list(engine.elsewhere) == [key]
    outcomes = await engine.scrape(urls, partitions=4096)

    assert [str(outcomes[url].outcome) for url in urls] == ["scraped", "skipped", "scraped"]
    assert outcomes[urls[1]].reason is Reason.ROBOTS_DISALLOWED


async def test_rules_that_their_owner_cannot_have_allow_nothing(engine: Engine, site: Site) -> None:
    site.reply("/robots.txt", moved(f"{FAR}/robots.txt"))
    engine.elsewhere = {FAR: read_there("", None)}

    [outcome] = (await engine.scrape(pages(site, "a.example", 1), partitions=4096)).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEFERRED, Reason.ROBOTS_UNREACHABLE)
    assert "the server is ill" in str(outcome.detail)
    assert site.visits == []


async def test_rules_that_nobody_reads_in_time_allow_nothing(engine: Engine, site: Site) -> None:
    """Whoever comes back without them is sent again for ten minutes, and then waits an hour."""
    site.reply("/robots.txt", moved(f"{FAR}/robots.txt"))
    urls = pages(site, "a.example", 2)

    found = []
    for seconds in (0, 300, 301):
        engine.clock.ahead += seconds
        found.append(reasons(await engine.scrape(urls, partitions=4096)))

    assert found == [{"redirected"}, {"redirected"}, {"robots_unreachable"}]
    assert site.visits == []


@pytest.mark.parametrize("reply", [moved("http://third.example/robots.txt"), 9.0])
async def test_whoever_is_sent_for_rules_comes_back_without_them_too(
    site: Site, reply: web.Response | float
) -> None:
    site.reply("/robots.txt", reply)
    target = Target("http://a.example/x", 1, redirects=(f"{FAR}/robots.txt#rules",))

    [outcome] = (
        await Engine(site).scrape([target], partitions=4096, attempts=1, timeout=1)
    ).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEFERRED, Reason.REDIRECTED)
    assert (outcome.redirects, outcome.attempt) == ((), 1)


async def test_whoever_is_sent_for_rules_to_a_host_that_is_down_comes_back(
    site: Site, unreachable_url: str
) -> None:
    """Its own host may well be up, and has not been asked for anything yet."""
    target = Target("http://a.example/x", 1, redirects=(f"{unreachable_url}robots.txt#rules",))

    [outcome] = (await Engine(site).scrape([target], attempts=1)).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEFERRED, Reason.REDIRECTED)
    assert (outcome.redirects, outcome.attempt) == ((), 1)
    assert "cannot connect" in str(outcome.detail)


async def test_a_robots_txt_that_is_never_to_be_had_ends_all_who_wait(
    engine: Engine, site: Site
) -> None:
    """The file has attempts, an hour apart, whatever batches come and go in between."""
    site.robots("", 500)
    urls = pages(site, "a.example", 3)
    found = []
    for _ in range(3):
        outcomes = await engine.scrape(urls)
        found.append((kinds(outcomes), reasons(outcomes), {o.attempt for o in outcomes.values()}))
        [origin] = engine.state.robots
        earlier = msgspec.structs.replace(
            engine.state.robots[origin], fetched_at=time.time() - 3_601
        )
        engine.state.robots[origin] = earlier
        engine.state.hosts.clear()
        engine.state = decode_state(encode_state(engine.state, time.time()))

    unreachable: set[str | None] = {"robots_unreachable"}
    assert found == [({kind}, unreachable, {1}) for kind in ("deferred", "deferred", "dead")]
    assert len(site.log) == 3


async def test_a_robots_txt_that_is_there_again_has_all_its_attempts(
    engine: Engine, site: Site
) -> None:
    hour_ago = time.time() - 3_601
    engine.state.robots["http://a.example"] = CachedRobots(
        status=500, fetched_at=hour_ago, failures=2
    )

    outcomes = await engine.scrape(pages(site, "a.example", 1))

    assert kinds(outcomes) == {"scraped"}
    assert engine.state.robots["http://a.example"].failures == 0


async def test_robots_txt_at_a_neighbour_waits_for_the_neighbours_turn(
    engine: Engine, site: Site
) -> None:
    site.reply("/slow", web.Response(status=429, headers={"Retry-After": "600"}))
    await engine.scrape(["http://b.example/slow"], robots="ignore")
    site.reply("/robots.txt", moved("http://b.example/r"))

    outcomes = await engine.scrape(pages(site, "a.example", 2))

    assert reasons(outcomes) == {"robots_unreachable"}
    assert [entry.path for entry in site.log if entry.host == "b.example"] == ["/slow"]


async def test_a_robots_txt_that_moves_within_its_host_has_the_turn_of_the_host(
    engine: Engine, site: Site
) -> None:
    """Its first request is over then, and no reason to wait."""
    site.reply("/robots.txt", moved("http://a.example/r"))
    site.reply("/r", web.Response(text="User-agent: *\nDisallow: /0"))

    outcomes = await engine.scrape(pages(site, "a.example", 2), seconds=20, per_host=1)

    assert kinds(outcomes) == {"skipped", "scraped"}
    assert [entry.path for entry in site.log] == ["/robots.txt", "/r", "/1"]


async def test_a_crawl_delay_is_kept(engine: Engine, site: Site) -> None:
    site.robots("User-agent: *\nCrawl-delay: 0.2")

    await engine.scrape(pages(site, "a.example", 4), pause=0.01)

    assert min(engine.gaps("a.example")) >= 0.2


async def test_what_a_page_asks_of_its_readers_is_reported(engine: Engine, site: Site) -> None:
    html = "<meta name=robots content=nofollow>"
    reply = web.Response(
        text=html, content_type="text/html", headers={"X-Robots-Tag": "acme-bot: noindex"}
    )
    site.reply("/a", reply)

    [outcome] = (await engine.scrape(["http://a.example/a"])).values()

    assert outcome.robots_tags == ("noindex", "nofollow")


# ---- attempts


async def test_what_failed_is_tried_again(engine: Engine, site: Site) -> None:
    site.page("/a", "A")
    good = site._replies["/a"][0]
    site.reply("/a", web.Response(status=500), web.Response(status=502), good)

    [outcome] = (await engine.scrape(["http://a.example/a"], robots="ignore")).values()

    assert (outcome.outcome, outcome.attempt) == (Kind.SCRAPED, 3)
    assert site.paths() == ["/a"] * 3


async def test_attempts_are_limited(engine: Engine, site: Site) -> None:
    site.reply("/a", web.Response(status=500))

    [outcome] = (await engine.scrape(["http://a.example/a"], attempts=2)).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEAD, Reason.HTTP_5XX)
    assert outcome.attempt == 2
    assert site.paths() == ["/a"] * 2


@pytest.mark.parametrize("status", [400, 403, 404, 410, 501])
async def test_what_cannot_get_better_is_not_tried_again(
    engine: Engine, site: Site, status: int
) -> None:
    site.reply("/a", web.Response(status=status))

    [outcome] = (await engine.scrape(["http://a.example/a"])).values()

    assert (outcome.outcome, outcome.status, outcome.attempt) == (Kind.FAILED, status, 1)
    assert site.paths() == ["/a"]


async def test_a_long_wait_is_handed_back_with_the_next_attempt(engine: Engine, site: Site) -> None:
    site.reply("/a", web.Response(status=500, headers={"Retry-After": "100"}))

    [outcome] = (await engine.scrape(["http://a.example/a"])).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEFERRED, Reason.HTTP_5XX)
    assert outcome.attempt == 2
    assert outcome.not_before is not None
    assert 99 < outcome.not_before - time.time() < 101


# ---- a host that asks us to slow down


@pytest.mark.parametrize("status", [429, 503])
async def test_slow_down_is_a_word_about_the_host(engine: Engine, site: Site, status: int) -> None:
    busy = pages(site, "busy.example", 6)
    calm = [url.replace("busy", "calm") for url in pages(site, "busy.example", 3)]
    site.reply("/0", web.Response(status=status, headers={"Retry-After": "20"}))
    calm = calm[1:]

    outcomes = await engine.scrape([*busy, *calm], per_host=1, robots="ignore")

    assert [entry.path for entry in site.log if entry.host == "busy.example"] == ["/0"]
    assert {outcomes[url].outcome for url in calm} == {Kind.SCRAPED}
    assert [outcomes[url].reason for url in busy] == [f"http_{status}"] + ["host_busy"] * 5
    for url in busy:
        outcome = outcomes[url]
        assert outcome.outcome is Kind.DEFERRED
        assert outcome.attempt == 1
        assert outcome.not_before is not None
        assert 19 < outcome.not_before - time.time() < 23
    assert outcomes[busy[0]].slowdowns == 1
    assert engine.facts["HostPauses"] == 1


async def test_a_host_that_asked_to_slow_down_is_left_alone_by_the_next_batch(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", web.Response(status=429, headers={"Retry-After": "20"}))
    await engine.scrape(["http://a.example/a"], robots="ignore")

    outcomes = await engine.scrape(["http://a.example/b"], robots="ignore")

    assert reasons(outcomes) == {"host_busy"}
    assert site.paths() == ["/a"]


async def test_a_short_slow_down_is_waited_out(engine: Engine, site: Site) -> None:
    site.page("/a", "A")
    good = site._replies["/a"][0]
    site.reply("/a", web.Response(status=429, headers={"Retry-After": "1"}), good)

    [outcome] = (await engine.scrape(["http://a.example/a"], robots="ignore")).values()

    assert (outcome.outcome, outcome.attempt, outcome.slowdowns) == (Kind.SCRAPED, 1, 1)
    assert engine.gaps("a.example")[0] >= 1
    assert engine.facts["MillisecondsWaited"] >= 900


async def test_a_page_that_always_says_slow_down_ends(engine: Engine, site: Site) -> None:
    site.reply("/a", web.Response(status=429))
    target = Target("http://a.example/a", 1, 1, (), MAX_SLOWDOWNS)

    [outcome] = (await engine.scrape([target], robots="ignore")).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEAD, Reason.HTTP_429)
    assert outcome.slowdowns == MAX_SLOWDOWNS


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_a_host_that_asks_for_more_than_an_hour_is_given_up_on(
    engine: Engine, site: Site, status: int
) -> None:
    """All its targets are, and at once, if it is the host that is to be left alone."""
    site.reply("/a", web.Response(status=status, headers={"Retry-After": "7200"}))
    urls = ["http://a.example/a", *pages(site, "a.example", 3)]

    outcomes = await engine.scrape(urls, robots="ignore", per_host=1)

    first = outcomes.pop(urls[0])
    assert (first.outcome, first.reason) == (Kind.DEAD, Reason.WAIT_TOO_LONG)
    assert first.status == status
    if status == 500:  # a word about this page
        assert kinds(outcomes) == {"scraped"}
        return
    assert (kinds(outcomes), reasons(outcomes)) == ({"dead"}, {"wait_too_long"})
    again = await engine.scrape(urls, robots="ignore")
    assert reasons(again) == {"wait_too_long"}
    assert site.paths() == ["/a"]


async def test_a_host_that_asks_for_little_more_than_an_hour_is_given_up_for_all(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", web.Response(status=429, headers={"Retry-After": "3601"}))

    urls = ["http://a.example/a", "http://a.example/b"]
    outcomes = await engine.scrape(urls, robots="ignore", per_host=1)

    assert reasons(outcomes) == {"wait_too_long"}


async def test_a_host_that_says_nothing_but_slow_down_is_given_up_after_an_hour(
    engine: Engine, site: Site
) -> None:
    """Of each target alone it would be asked five times, with a quarter of an hour in between."""
    urls = pages(site, "a.example", 50)
    for url in urls:
        site.reply("/" + url.rpartition("/")[2], web.Response(status=429))
    site.reply("/0", web.Response(status=503))
    began = engine.clock()

    for _ in range(20):
        outcomes = await engine.scrape(urls, robots="ignore", per_host=1)
        if kinds(outcomes) != {"deferred"}:
            break
        first = min(o.not_before for o in outcomes.values() if o.not_before)
        engine.clock.ahead += first - engine.clock()

    assert (kinds(outcomes), reasons(outcomes)) == ({"dead"}, {"wait_too_long"})
    assert 3_600 < engine.clock() - began < 2 * 3_600
    assert len(site.log) < 20


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_a_host_that_asks_for_an_hour_is_waited_for(
    engine: Engine, site: Site, status: int
) -> None:
    site.reply("/a", web.Response(status=status, headers={"Retry-After": "3600"}))

    outcomes = await engine.scrape(["http://a.example/a", "http://a.example/b"], robots="ignore")

    assert outcomes["http://a.example/a"].outcome is Kind.DEFERRED
    due = outcomes["http://a.example/a"].not_before
    assert due is not None
    assert due - time.time() > 3_599


# ---- a job that nobody wants any more


async def test_a_cancelled_batch_keeps_what_is_done_and_skips_the_rest(
    engine: Engine, site: Site
) -> None:
    """What is on its way is left alone too: it might take a minute."""
    urls = pages(site, "a.example", 8)
    site.reply("/hangs", 60.0)
    urls += ["http://a.example/hangs", *pages(site, "b.example", 3)]
    site.reply("/2", web.Response(status=500))  # waits for its second attempt

    def cancel_at(path: str) -> None:
        if path == "/hangs":
            engine.cancel(0.0)

    site.on_visit = cancel_at

    outcomes = await engine.scrape(urls, robots="ignore", per_host=1, wait_initial=60, pause=0.01)

    assert {o.outcome for o in outcomes.values()} == {Kind.SCRAPED, Kind.SKIPPED}
    assert {o.reason for o in outcomes.values() if o.outcome is Kind.SKIPPED} == {"cancelled"}
    for url in (urls[0], urls[1], urls[7]):
        assert outcomes[url].outcome is Kind.SCRAPED
    for url in (urls[2], urls[8]):
        assert outcomes[url].outcome is Kind.SKIPPED
    assert len(site.paths()) < len(urls) + 1


async def test_a_batch_that_waits_is_cancelled_at_once(engine: Engine, site: Site) -> None:
    site.reply("/0", web.Response(status=500))

    def cancel_soon(_: str) -> None:
        engine.cancel(0.2)

    site.on_visit = cancel_soon

    outcomes = await engine.scrape(
        ["http://a.example/0"],
        robots="ignore",
        max_idle=60,
        wait_initial=50,
    )

    assert reasons(outcomes) == {"cancelled"}


# ---- hosts that cannot be reached


async def test_an_unreachable_host_is_tried_and_given_up_on(
    engine: Engine, unreachable_url: str
) -> None:
    [outcome] = (await engine.scrape([unreachable_url])).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEAD, Reason.CONNECTION)
    assert outcome.attempt == 3


async def test_the_circuit_opens_after_repeated_failures(
    engine: Engine, unreachable_url: str
) -> None:
    urls = [f"{unreachable_url}{n}" for n in range(20)]

    outcomes = await engine.scrape(urls, robots="ignore", per_host=1, attempts=10)

    assert len(engine.started) == 5
    assert kinds(outcomes) == {"deferred"}
    assert {o.attempt for o in outcomes.values() if o.reason is Reason.HOST_BUSY} == {1}
    due = [o.not_before for o in outcomes.values() if o.not_before is not None]
    assert len(due) == 20
    assert all(55 < at - time.time() < 125 for at in due)


async def test_a_host_that_stays_down_is_given_up_on_for_all_who_wait(
    engine: Engine, unreachable_url: str
) -> None:
    """Or a dead host with ten thousand URLs would be tried for days, one URL at a time."""
    urls = [f"{unreachable_url}{n}" for n in range(20)]
    found = []
    for _ in range(3):
        outcomes = await engine.scrape(urls, robots="ignore", per_host=1)
        found.append(kinds(outcomes))
        state = engine.state.hosts["127.0.0.1"]
        waited = msgspec.structs.replace(state, open_until=time.time(), next_at=0.0)
        engine.state.hosts["127.0.0.1"] = waited

    assert found == [{"deferred"}, {"deferred"}, {"dead"}]
    assert reasons(outcomes) == {"connection"}
    assert len(engine.started) == 5 + 1 + 1
    assert [o.attempt for o in outcomes.values()].count(1) >= 19  # of their own they made none


async def test_nobody_asks_for_a_host_that_is_given_up_on(
    engine: Engine, unreachable_url: str
) -> None:
    now = time.time()
    engine.state.hosts["127.0.0.1"] = HostState(failures=7, open_until=now + 100, updated_at=now)

    outcomes = await engine.scrape([unreachable_url])

    assert (kinds(outcomes), reasons(outcomes)) == ({"dead"}, {"connection"})
    assert engine.started == []


async def test_a_host_that_is_down_for_a_moment_costs_those_who_wait_nothing(
    engine: Engine, unreachable_url: str
) -> None:
    outcomes = await engine.scrape([f"{unreachable_url}{n}" for n in range(20)], per_host=1)

    attempts = [outcome.attempt for outcome in outcomes.values()]
    assert kinds(outcomes) == {"deferred"}
    assert attempts.count(1) >= 15


async def test_a_name_that_nobody_has_fails_at_once(engine: Engine) -> None:
    urls = ["http://no-such-host.invalid:81/a", "http://no-such-host.invalid:81/b"]

    outcomes = await engine.scrape(urls)

    assert reasons(outcomes) == {"unknown_host"}
    assert {outcome.attempt for outcome in outcomes.values()} == {1}
    assert len(engine.started) == 1
    assert reasons(await engine.scrape(urls)) == {"unknown_host"}


# ---- who asks


async def test_own_headers_and_cookies_are_sent(engine: Engine, site: Site) -> None:
    site.page("/a", "A")

    await engine.scrape(
        ["http://a.example/a"], robots="ignore", headers={"X-Team": "7"}, cookies={"k": "v"}
    )

    [headers] = site.headers
    assert headers["User-Agent"] == UA
    assert (headers["X-Team"], headers["Cookie"]) == ("7", "k=v")


async def test_a_jar_keeps_a_hosts_cookies_to_itself(engine: Engine, site: Site) -> None:
    html = web.Response(text="x", content_type="text/html", headers={"Set-Cookie": "id=1; Path=/"})
    site.reply("/a", html)
    site.page("/b", "B")
    urls = ["http://a.example/a", "http://a.example/b", "http://b.example/b"]

    await engine.scrape(urls, robots="ignore", cookie_jar=True, per_host=1, concurrency=1)

    cookies = {
        (headers["Host"], path): headers.get("Cookie")
        for headers, (_, path) in zip(site.headers, site.visits, strict=True)
    }
    assert cookies["a.example", "/b"] == "id=1"
    assert cookies["b.example", "/b"] is None


def bounce(location: str, *cookies: str) -> web.Response:
    response = web.Response(status=302, headers={"Location": location})
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


PAGE = web.Response(text="<title>T</title>", content_type="text/html")


async def test_a_redirect_to_itself_that_sets_a_cookie_leads_on(engine: Engine, site: Site) -> None:
    site.reply("/a", bounce("/a", "seen=1"), bounce("/a", "seen=2"), PAGE)

    [outcome] = (await engine.scrape(["http://a.example/a"], cookie_jar=True)).values()

    assert outcome.outcome is Kind.SCRAPED
    told = [headers.get("Cookie") for headers in site.headers]
    assert told == [None, None, "seen=1", "seen=2"]  # robots.txt first


async def test_a_consent_wall_on_another_host_of_the_site_leads_back(
    engine: Engine, site: Site
) -> None:
    """The wall sets a cookie for all hosts of the site."""
    site.reply("/a", bounce("http://consent.shop.example/wall"), PAGE)
    site.reply("/wall", bounce("http://www.shop.example/a", "ok=1; Domain=shop.example; Path=/"))

    [outcome] = (await engine.scrape(["http://www.shop.example/a"], cookie_jar=True)).values()

    assert outcome.outcome is Kind.SCRAPED
    assert outcome.redirects == ("http://consent.shop.example/wall", "http://www.shop.example/a")
    assert site.headers[-1]["Cookie"] == "ok=1"


async def test_the_same_request_again_is_a_circle_and_a_cookie_is_hinted_at(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", bounce("/b", "seen=1"))
    site.reply("/b", bounce("/a"))

    with_jar = await engine.scrape(["http://a.example/a"], cookie_jar=True)
    asked = site.paths()
    without = await engine.scrape(["http://a.example/a"])

    assert reasons(with_jar) == reasons(without) == {Reason.TOO_MANY_REDIRECTS}
    assert asked == ["/a", "/b", "/a"]  # the second time with a cookie, as /b already was
    assert site.paths()[3:] == ["/a", "/b"]
    details = [str(outcome.detail) for found in (with_jar, without) for outcome in found.values()]
    assert ["fetch.cookie_jar" in detail for detail in details] == [False, True]


async def test_cookies_that_change_for_ever_end_by_max_redirects(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", *(bounce("/a", f"n={n}") for n in range(20)))

    [outcome] = (
        await engine.scrape(["http://a.example/a"], cookie_jar=True, max_redirects=4)
    ).values()

    assert outcome.reason is Reason.TOO_MANY_REDIRECTS
    assert outcome.detail == "more than 4 redirects"
    assert len(site.visits) == 5


async def test_what_an_earlier_batch_has_asked_for_is_a_circle_too(
    engine: Engine, site: Site
) -> None:
    site.reply("/b", bounce("/a"))
    target = Target("http://a.example/a", 1, redirects=("http://a.example/b",))

    [outcome] = (await engine.scrape([target])).values()

    assert outcome.reason is Reason.TOO_MANY_REDIRECTS
    assert site.paths() == ["/b"]


async def test_a_refusal_can_set_a_cookie(engine: Engine, site: Site) -> None:
    refusal = web.Response(status=500, headers={"Set-Cookie": "human=1"})
    site.reply("/a", refusal, PAGE)

    outcomes = await engine.scrape(["http://a.example/a"], cookie_jar=True, robots="ignore")

    assert kinds(outcomes) == {"scraped"}
    assert [headers.get("Cookie") for headers in site.headers] == [None, "human=1"]


async def test_secrets_stay_with_the_site_they_are_for(engine: Engine, site: Site) -> None:
    """A redirect may lead anywhere; www.a.example is the same site, b.example is not."""
    site.reply("/a", moved("http://www.a.example/b"))
    site.reply("/b", moved("http://b.example/c"))
    site.page("/c", "C")

    await engine.scrape(
        ["http://a.example/a"], headers={"Authorization": "Bearer s"}, cookies={"k": "v"}
    )

    told = {
        headers["Host"]: (headers.get("Authorization"), headers.get("Cookie"))
        for headers in site.headers
    }
    assert told == {
        "a.example": ("Bearer s", "k=v"),
        "www.a.example": ("Bearer s", "k=v"),
        "b.example": (None, None),
    }


async def test_secrets_stay_with_https_and_are_nothing_to_robots_txt(
    engine: Engine, site: Site
) -> None:
    """The list has sent them to https://a.example/, which has redirected to http."""
    site.page("/a", "A")
    own = {"X-Api-Key": "k", "X-Shop": "7"}
    there = Target("https://a.example/", 1, redirects=("http://a.example/a",), headers=own)
    here = Target("http://b.example/a", 2, headers=own)
    secrets = {"X-Tenant": "t", "X-Auth-Token": "s"}

    await engine.scrape(
        [there, here], headers=secrets, cookies={"c": "v"}, secret_headers=("x-tenant",)
    )

    ours = {*own, *secrets, "Cookie"}
    asked: dict[str, list[set[str]]] = {}
    for headers in site.headers:
        asked.setdefault(headers["Host"], []).append(ours & headers.keys())
    assert asked == {"a.example": [set(), {"X-Shop"}], "b.example": [set(), ours]}


async def test_a_jar_is_not_opened_for_robots_txt(engine: Engine, site: Site) -> None:
    html = web.Response(text="x", content_type="text/html", headers={"Set-Cookie": "id=1"})
    site.reply("/a", html)
    site.reply("/robots.txt", moved("http://b.example/r"))

    await engine.scrape(["http://a.example/a", "http://b.example/b"], cookie_jar=True)

    assert {h.get("Cookie") for h in site.headers if h["Host"] == "b.example"} == {None}


async def test_a_profile_is_one_browser_for_a_host_and_robots_are_ours(
    engine: Engine, site: Site
) -> None:
    site.robots("User-agent: acme-bot\nDisallow: /1\n")

    outcomes = await engine.scrape(pages(site, "a.example", 4), profiles="host")

    agents = {headers["User-Agent"] for headers in site.headers}
    assert len(agents) == 1
    assert "Mozilla/5.0" in agents.pop()
    assert outcomes["http://a.example/1"].reason is Reason.ROBOTS_DISALLOWED


# ---- proxies


async def test_pages_and_robots_come_through_the_proxies(engine: Engine, site: Site) -> None:
    async with http_proxy(credentials="joe:secret") as proxy:
        own = f"http://joe:secret@127.0.0.1:{proxy.port}"
        urls = [site.page(f"/{n}", f"{n}") for n in range(4)]

        outcomes = await engine.scrape(urls, proxies=[[own]])

    assert kinds(outcomes) == {"scraped"}
    assert {outcome.proxy_tier for outcome in outcomes.values()} == {0}
    assert set(proxy.targets) == {f"127.0.0.1:{site.port}"}
    assert len(site.log) == 5
    assert "secret" not in f"{outcomes} {engine.state}"


async def test_bad_credentials_end_with_a_reason_and_no_secret(engine: Engine, site: Site) -> None:
    async with http_proxy(credentials="joe:secret") as proxy:
        wrong = f"http://joe:wr0ng@127.0.0.1:{proxy.port}"

        [outcome] = (
            await engine.scrape([site.page("/a", "A")], proxies=[[wrong]], robots="ignore")
        ).values()

    assert (outcome.outcome, outcome.reason) == (Kind.FAILED, Reason.PROXY_AUTH)
    assert "wr0ng" not in f"{outcome}"
    assert site.log == []


async def test_a_proxy_that_is_down_is_left_out_and_costs_no_attempt(
    engine: Engine, site: Site, unreachable_url: str
) -> None:
    async with http_proxy() as proxy:
        works = f"http://127.0.0.1:{proxy.port}"
        urls = [site.page(f"/{n}", f"{n}") for n in range(6)]

        outcomes = await engine.scrape(
            urls, proxies=[[unreachable_url.rstrip("/"), works]], robots="ignore", attempts=1
        )

    assert kinds(outcomes) == {"scraped"}
    assert {outcome.attempt for outcome in outcomes.values()} == {1}


async def test_robots_txt_finds_a_proxy_that_works(
    engine: Engine, site: Site, unreachable_url: str
) -> None:
    async with http_proxy() as proxy:
        tiers = [[unreachable_url.rstrip("/"), f"http://127.0.0.1:{proxy.port}"]]

        outcomes = await engine.scrape(
            [site.page(f"/{n}", f"{n}") for n in range(4)], proxies=tiers, attempts=1
        )

    assert kinds(outcomes) == {"scraped"}


@pytest.mark.parametrize("robots", ["obey", "ignore"])
async def test_wrong_credentials_of_one_proxy_are_no_word_about_a_page(
    engine: Engine, site: Site, robots: str
) -> None:
    async with http_proxy(credentials="joe:secret") as locked, http_proxy() as open_one:
        tiers = [[locked.url("joe:wrong"), open_one.url()]]

        outcomes = await engine.scrape(
            [site.page(f"/{n}", f"{n}") for n in range(4)], proxies=tiers, robots=robots
        )

    assert kinds(outcomes) == {"scraped"}
    assert len(locked.heads) == 1


async def test_what_a_proxy_says_is_no_word_of_robots_txt(engine: Engine, site: Site) -> None:
    """The file is behind CONNECT, which the proxy forbids; that is no 403 of the site."""
    site.reply("/robots.txt", moved("https://www.a.example/robots.txt"))
    async with http_proxy(hosts={"a.example": "127.0.0.1"}) as proxy:
        proxy.connect_status = 403
        [outcome] = (
            await engine.scrape([site.url("/a", "a.example")], proxies=[[proxy.url()]])
        ).values()

    assert (outcome.outcome, outcome.reason) == (Kind.DEFERRED, Reason.ROBOTS_UNREACHABLE)
    assert site.visits == []


@pytest.mark.parametrize("robots", ["obey", "ignore"])
async def test_no_proxy_is_a_wait_and_not_an_attempt(
    engine: Engine, site: Site, unreachable_url: str, robots: str
) -> None:
    """Both proxies are down, and rest for 30 s; nobody has asked for a page."""
    down = unreachable_url.rstrip("/")
    tiers = [[down, down.replace("://", "://joe:x@")]]
    urls = [f"http://a.example/{n}" for n in range(20)]

    outcomes = await engine.scrape(urls, proxies=tiers, robots=robots, attempts=2)

    assert kinds(outcomes) == {"deferred"}
    assert {outcome.attempt for outcome in outcomes.values()} == {1}
    assert reasons(outcomes) == {"no_proxy", "proxy_connection"}
    assert all(20 < (outcome.not_before or 0) - time.time() < 31 for outcome in outcomes.values())
    again = await engine.scrape(urls, proxies=tiers, robots=robots, attempts=2)
    assert reasons(again) == {"no_proxy"}, "the next worker knows that they rest"
    assert site.log == []


async def test_the_only_proxy_never_rests_and_is_given_up_on_in_the_end(
    engine: Engine, unreachable_url: str
) -> None:
    """As for a host that is down: five failures, and then those after a minute each."""
    tiers = [[unreachable_url.rstrip("/")]]
    urls = [f"http://a.example/{n}" for n in range(20)]
    found = []
    for _ in range(4):
        outcomes = await engine.scrape(urls, proxies=tiers, robots="ignore", wait_initial=0.1)
        found.append(kinds(outcomes))
        engine.clock.ahead += 1_000

    assert found[0] == found[1] == {"deferred"}
    assert found[-1] == {"dead"}
    assert reasons(outcomes) <= {"proxy_connection", "no_proxy"}
    assert {outcome.attempt for outcome in outcomes.values()} == {1}


async def test_a_block_is_answered_with_a_new_connection(engine: Engine, site: Site) -> None:
    """A rotating gateway has another address for it, and has no time to rest."""
    site.reply("/a", web.Response(status=403), PAGE)
    async with http_proxy() as gateway:
        outcomes = await engine.scrape(
            [site.url("/a"), site.page("/b", "B"), site.page("/c", "C")],
            proxies=[[gateway.url()]],
            robots="ignore",
            per_host=1,
        )

    assert kinds(outcomes) == {"scraped"}
    assert len(gateway.targets) == 2, "one connection until the block, another one behind it"


@pytest.mark.parametrize("status", [302, 403, 502])
async def test_a_proxy_that_does_not_get_through_is_left_out_for_that_host(
    engine: Engine, status: int
) -> None:
    """Only CONNECT is refused."""
    nobody = {"a.example": "127.0.0.1"}
    async with http_proxy(status=status) as bad, http_proxy(hosts=nobody) as good:
        tiers = [[bad.url(), good.url()]]

        outcomes = await engine.scrape(
            [f"https://a.example/{n}" for n in range(6)],
            proxies=tiers, robots="ignore", attempts=1, per_host=1,
        )  # fmt: skip

    found = [(outcome.reason, outcome.status) for outcome in outcomes.values()]
    assert len(bad.heads) == 1
    assert len(engine.state.proxies.rests) == 0
    assert list(engine.state.proxies.host_rests) == ["a.example"]
    first = Reason.PROXY_GATEWAY if status == 502 else Reason.PROXY_REFUSED
    assert found[0] == (first, status)


async def test_tiers_last_for_longer_than_a_batch(engine: Engine, site: Site) -> None:
    site.reply("/a", *[web.Response(status=403)] * 3, PAGE)
    site.page("/b", "B")
    async with http_proxy() as cheap, http_proxy() as dear:
        tiers = [[cheap.url()], [dear.url()]]

        await engine.scrape([site.url("/a")], proxies=tiers, robots="ignore", attempts=9)
        [outcome] = (await engine.scrape([site.url("/b")], proxies=tiers, robots="ignore")).values()

    assert (outcome.outcome, outcome.proxy_tier) == (Kind.SCRAPED, 1)
    assert len(cheap.targets) == 3


async def test_a_host_that_blocks_gets_the_dearer_tier(engine: Engine, site: Site) -> None:
    good = web.Response(text="x", content_type="text/html")
    replies = [web.Response(status=403)] * 3 + [good]
    site.reply("/a", *replies)
    async with http_proxy() as cheap, http_proxy() as dear:
        tiers = [
            [f"http://u{n}:p@127.0.0.1:{cheap.port}" for n in range(3)],
            [f"http://127.0.0.1:{dear.port}"],
        ]

        [outcome] = (
            await engine.scrape([site.url("/a")], proxies=tiers, robots="ignore", attempts=9)
        ).values()

    assert (outcome.outcome, outcome.proxy_tier) == (Kind.SCRAPED, 1)
    assert (len(cheap.targets), len(dear.targets)) == (3, 1)


# ---- pages that are traps


async def test_a_page_that_extraction_trips_over_is_an_outcome_of_its_own(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(page: FetchedPage, hurry: Callable[[], None]) -> Document:
        if page.url.endswith("/1"):
            raise KeyError("href")
        return Document(page, hurry)

    monkeypatch.setattr(extraction_module, "Document", trip)

    outcomes = await engine.scrape(pages(site, "a.example", 3))

    assert kinds(outcomes) == {"scraped"}
    assert outcomes["http://a.example/1"].rows == []
    assert outcomes["http://a.example/1"].problems == [
        {"field": None, "problem": "extraction_failed", "value": "KeyError: 'href'"}
    ]


async def test_fetching_goes_on_while_a_parser_works(
    engine: Engine, site: Site, tmp_path: Path
) -> None:
    """Nor does any request wait for it: the parser is done with no page before all are fetched."""
    all_fetched = tmp_path / "all fetched"
    urls = [
        site.reply(f"/{n}", web.Response(text=str(all_fetched), content_type="text/html"))
        for n in range(100)
    ]

    def note(_: str) -> None:
        if len(set(site.paths())) == len(urls):
            all_fetched.touch()

    site.on_visit = note

    outcomes = await engine.scrape(
        urls, parser="parsers.odd:waits_for_the_file_it_is_told", concurrency=8, robots="ignore"
    )

    assert {outcome.rows[0]["url"] for outcome in outcomes.values()} == set(urls)
    assert len(site.visits) == len(urls)


async def test_a_page_that_the_commit_has_no_room_for_gives_its_memory_back(
    engine: Engine, site: Site
) -> None:
    """`Engine` looks at the memory that is taken when all is done."""
    engine.has_room = lambda: not site.paths()

    outcomes = await engine.scrape([site.page("/a", "x" * 100_000)], robots="ignore")

    assert reasons(outcomes) == {"out_of_room"}


async def test_a_parser_that_hangs_costs_its_page_and_no_other(engine: Engine, site: Site) -> None:
    urls = [site.page(path, "x") for path in ("/a", "/hang", "/b")]

    outcomes = await engine.scrape(
        urls, parser="parsers.odd:hangs_where_asked", parser_timeout=2, robots="ignore"
    )

    assert [outcome.outcome for outcome in outcomes.values()].count(Kind.SCRAPED) == 2
    hung = outcomes[urls[1]]
    assert (hung.outcome, hung.reason, hung.status) == (Kind.FAILED, Reason.PARSER_TIMEOUT, 200)
    assert len(site.visits) == 3


async def test_nothing_is_fetched_for_a_parser_that_is_not_there(
    engine: Engine, site: Site
) -> None:
    outcomes = await engine.scrape(pages(site, "a.example", 3), parser="parsers.shoe:parse")

    assert {outcome.outcome for outcome in outcomes.values()} == {Kind.FAILED}
    assert reasons(outcomes) == {"parser_error"}
    assert site.log == []


async def test_a_page_that_is_still_being_parsed_at_the_end_is_handed_back(
    engine: Engine, site: Site
) -> None:
    outcomes = await engine.scrape(
        [site.page("/hang", "x")], parser="parsers.odd:hangs", seconds=3, robots="ignore"
    )

    assert kinds(outcomes) == {"deferred"}
    assert reasons(outcomes) == {"out_of_time"}


# ---- the end of an invocation


async def test_nothing_is_started_when_time_is_up(engine: Engine, site: Site) -> None:
    outcomes = await engine.scrape(pages(site, "a.example", 3), seconds=0)

    assert reasons(outcomes) == {"out_of_time"}
    assert site.log == []


async def test_what_is_handed_on_for_ever_ends(engine: Engine, site: Site) -> None:
    outcomes = await engine.scrape(pages(site, "a.example", 1), seconds=0, hops=MAX_HOPS)

    assert reasons(outcomes) == {"too_many_hops"}
