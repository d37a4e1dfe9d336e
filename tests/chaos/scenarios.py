"""
What a fleet must survive: one function a scenario.

Each one gets an `Arena` and returns what it has done to the fleet, in a few words; it raises
AssertionError where an outcome is missing or a host was visited by two workers at once.
"""

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from scatterfetch.jobs.folder import Folder
from scatterfetch.results.changes import changes_of
from scatterfetch.results.files import find_results
from scatterfetch.results.finals import FinalOutcomes
from shared.errors import Reason, StorageError
from shared.keys import manifest_key
from shared.ledger import ledger_of
from shared.manifest import decode_manifest
from shared.outcomes import Kind
from tests.chaos import hands
from tests.chaos.arena import Arena, Skipped, check, final_outcomes
from tests.chaos.harness import (
    PAUSE,
    Results,
    UrlList,
    check_crawled,
    check_pages,
    check_pause,
    check_visits,
    life_of,
    list_of,
)
from tests.chaos.proxy import (
    Answer,
    Call,
    Effect,
    Fault,
    Forward,
    fail,
    lose_answer,
    lose_object,
    lose_request,
    refuse,
    refuse_some,
    throttle,
    time_out,
)
from tests.results import read_outcomes

_FUNCTIONS = "^(worker|dispatcher)"
_COMMIT = "^worker.* PUT .*/results/"
_RENEW = "^worker.* ChangeMessageVisibilityBatch .*-work.fifo"
_TAKE = r"^worker.* ReceiveMessage .*-work\.fifo"
_RECEIPT = "^worker.* PUT .*/receipts/"
_ACKNOWLEDGE = r"^\S* DeleteMessage "
_CHANGES = "^worker.* PUT .*/changes/"
_MEMORY = "^worker.* PUT .*/memory/"
_SWEPT = "^worker.* PUT .*/swept/"
_SEEN = "^worker.* PUT .*/seen/"
_DEFER = "^worker.* SendMessageBatch .*-dispatchqueue"
_CANCEL_LIMIT = 5.0  # seconds; a worker looks every second
_SEVERAL = " ([2-9]|10)$"


def killed_at_every_point(arena: Arena) -> str:
    """Kill -9 at each named point of the commit protocol, and of dispatching."""
    fleet = arena.fleet()
    before, after, amid = fleet.killing(), fleet.killing(after=True), fleet.killing(entries=1)
    times = 1 if arena.short else 3
    points = [
        Fault(_COMMIT, before, times=times),
        Fault(_COMMIT, after, times=times),
        Fault(_DEFER + _SEVERAL, amid, times=1),
        Fault(_DEFER, after, times=times),
        Fault(_RECEIPT, before, times=times),
        Fault(_RECEIPT, after, times=times),  # before the acknowledgement
        Fault("^dispatcher.* PUT .*/manifest.json", before, times=1),
        Fault("^dispatcher.* PUT .*/manifest.json", after, times=1),
        Fault("^dispatcher.* SendMessageBatch .*-work.fifo" + _SEVERAL, amid, times=1),
        Fault("^dispatcher.* PUT .*/dispatched/", before, times=1),
        Fault("^dispatcher.* PUT .*/dispatched/", after, times=1),
        Fault("^dispatcher.* SendMessageBatch .*-work.fifo 1", after, times=1),
    ]
    fleet.proxy.faults += points
    check(arena, fleet, fleet.run(arena.url_list()))
    assert [point.where for point in points if not point.fired] == []
    return f"{sum(point.fired for point in points)} kills at {len(points)} points"


def killed_at_random(arena: Arena) -> str:
    """Kill -9 of workers and dispatchers at any moment: in the middle of pages, or of calls."""
    fleet = arena.fleet()
    pages = set(arena.rng.sample(range(1, 30), 2 if arena.short else 6))
    killed = []

    def on_visit(_path: str) -> None:
        if (number := len(arena.site.visits)) in pages:
            pages.remove(number)  # robots.txt is none, and its number stays
            killed.append(number)
            fleet.kill_one()

    arena.site.on_visit = on_visit
    times = 1 if arena.short else 3
    calls = [
        Fault(_FUNCTIONS, fleet.killing(), chance=0.03, times=times),
        Fault(_FUNCTIONS, fleet.killing(after=True), chance=0.03, times=times),
    ]
    fleet.proxy.faults += calls
    check(arena, fleet, fleet.run(arena.url_list()))
    assert killed
    return f"{len(killed)} kills amid pages, {sum(fault.fired for fault in calls)} amid calls"


def crawled(arena: Arena) -> str:
    """
    A crawl from one page to all hosts: kills around what is written of pages that were taken.

    What was found comes twice and out of order; links and redirects lead to each page by many ways.
    """
    fleet = arena.fleet(workers=3)
    hosts = arena.site.linked = arena.hosts()
    times = 1 if arena.short else 3
    before, after = fleet.killing(), fleet.killing(after=True)

    def late_and_twice(call: Call, forward: Forward) -> Answer:
        entries = [
            {**entry, "DelaySeconds": entry.get("DelaySeconds", 0) + arena.rng.randint(0, 2)}
            for entry in call.arguments["Entries"]
        ]
        arena.rng.shuffle(entries)
        forward(call.asking(Entries=entries))
        return forward(call)

    kills = [
        Fault(_COMMIT, after, chance=0.2, times=times),  # before the pages are taken
        Fault(_SEEN, before, chance=0.2, times=times),
        Fault(_SEEN, after, chance=0.2, times=times),  # before the receipt
        Fault(_RECEIPT, after, chance=0.2, times=times),
    ]
    twice = Fault(_DEFER, late_and_twice, chance=0.3, times=4 * times)
    fleet.proxy.faults += [*kills, twice, Fault(_ACKNOWLEDGE, fleet.redelivering(), chance=0.2)]
    start = UrlList(
        "crawl",
        (f"http://{hosts[0]}/page/0",),
        more="follow: [{css: a}]\ncrawl: {within: ['*']}",
    )
    jobs = fleet.run(start)
    final = final_outcomes(arena, fleet, jobs)
    assert not fleet.letters, fleet.said
    check_crawled(final, hosts)
    return f"{sum(fault.fired for fault in kills)} kills, {twice.fired} times twice"


def remembered(arena: Arena) -> str:
    """
    Two days of one list: kills around the changes, the memory and the receipts.

    In between, items change, go and come.
    """
    fleet = arena.fleet(workers=3)
    hosts = arena.hosts()
    site = arena.site
    site.prices = {f"{host}/item/{n}": 10 for host in hosts for n in range(4)}
    before, after = fleet.killing(), fleet.killing(after=True)
    times = 1 if arena.short else 3
    kills = [
        Fault(call, kill, chance=0.2, times=times)
        for call in (_COMMIT, _CHANGES, _MEMORY, _SWEPT, _RECEIPT)
        for kill in (before, after)
    ]
    fleet.proxy.faults += [*kills, Fault(_ACKNOWLEDGE, fleet.redelivering(), chance=0.2)]
    more = (
        "extract: {key: title, fields: {title: {css: title}, price: {css: b, type: integer}}}\n"
        "remember: true"
    )

    def day(date: str) -> UrlList:
        urls = tuple(f"http://{item}" for item in sorted({*site.prices, *new}))
        return UrlList("items", urls, more=more, file=date, is_clean=True)

    new = {f"{hosts[0]}/item/new", f"{hosts[1]}/item/new"}
    first, second = day("2026-11-30"), day("2026-12-01")
    gone = {f"{host}/item/1" for host in hosts[:3]}
    changed = {f"{host}/item/2" for host in hosts[:4]}

    def next_day() -> None:
        for item in gone:
            del site.prices[item]
        site.prices |= dict.fromkeys(changed, 11) | dict.fromkeys(new, 1)
        fleet.begin(second.key)

    jobs = fleet.run(first, second, later=[next_day], held=[second.key])
    assert not fleet.letters, fleet.said
    for job, each in jobs.items():
        told = [
            (one.change.change, one.change.url.removeprefix("http://"))
            for one in changes_of(Folder(arena.folder), [job])
        ]
        expected = [("new", item) for item in {*site.prices} - new | gone]
        if each is second:
            assert {
                one.change.fields and one.change.fields["price"]
                for one in changes_of(Folder(arena.folder), [job])
            } == {None, (10, 11)}
            expected = [
                *(("changed", item) for item in changed),
                *(("gone", item) for item in gone),
                *(("new", item) for item in new),
            ]
        assert sorted(told) == sorted(expected), told
        table = FinalOutcomes(find_results(arena.folder, job)).read()
        rows = {outcome.url: outcome.rows for _, outcome in table}
        assert len(rows) == len(each.urls)
        if each is second:
            prices = {f"http://{item}": price for item, price in site.prices.items()}
            assert {url: row[0]["price"] for url, row in rows.items() if row} == prices
    same = len(site.prices) - len(changed) - len(new)
    asked = Counter(status for path, status in site.answers if path.startswith("/item/"))
    return f"{sum(fault.fired for fault in kills)} kills, {asked[304]} times 304 of {same}"


def delivered_twice(arena: Arena) -> str:
    """Every message twice; S3's events twice, late and out of order."""
    fleet = arena.fleet()

    def late_and_twice(call: Call, forward: Forward) -> Answer:
        forward(call.asking(DelaySeconds=arena.rng.randint(0, 3)))
        return forward(call.asking(DelaySeconds=arena.rng.randint(0, 3)))

    events = Fault("^ SendMessage ", late_and_twice)
    fleet.proxy.faults += [events, Fault(_ACKNOWLEDGE, fleet.redelivering())]
    jobs = fleet.run(*(arena.url_list(name, pages=2) for name in ("shops", "again", "late")))
    check(arena, fleet, jobs)
    assert events.fired >= len(jobs)
    again = [what for what, _ in fleet.proxy.log if " ChangeMessageVisibility " in what]
    return f"{len(again)} messages came back"


def leases_run_out(arena: Arena) -> str:
    """A message goes to a second worker amid its pages, and before the first one commits."""
    fleet = arena.fleet(BatchSize="8")
    times = 1 if arena.short else 3
    fleet.proxy.faults += [
        Fault(_RENEW, fleet.losing_leases(times)),
        Fault(_COMMIT, fleet.losing_commit(times, once=lambda: len(fleet.leases_lost) >= times)),
        Fault(_TAKE, fleet.nothing_for_held()),
    ]
    check(arena, fleet, fleet.run(arena.url_list(pages=8)))
    second = [what for what, status in fleet.proxy.log if status == 412 and "/results/" in what]
    assert second
    assert len(fleet.leases_lost) >= times
    return f"{len(fleet.leases_lost)} leases lost, {len(second)} commits lost"


def services_in_trouble(arena: Arena) -> str:
    """S3 and SQS fail, throttle, time out, and do as asked without saying so."""
    fleet = arena.fleet()
    faults = [
        # These two are not tried again by the SDK: the message must stay in its queue.
        Fault(_COMMIT, refuse, times=1 if arena.short else 3),
        Fault("^dispatcher.* PUT .*/dispatched/", refuse, times=1),
        Fault(_FUNCTIONS, lose_request, chance=0.03),
        Fault(_FUNCTIONS, lose_answer, chance=0.04),
        Fault(_FUNCTIONS, fail, chance=0.04),
        Fault(_FUNCTIONS, throttle, chance=0.04),
        Fault("SendMessageBatch .*" + _SEVERAL, refuse_some, chance=0.5, times=5),
        Fault(_FUNCTIONS, time_out, chance=0.02, times=2 if arena.short else 5),
        Fault(_COMMIT, lose_answer, chance=0.3),
    ]
    fleet.proxy.faults += faults
    check(arena, fleet, fleet.run(arena.url_list()))
    fired = [fault.fired for fault in faults]
    assert all(fired[:2])
    assert sum(fired) > 5
    return f"{sum(fired)} calls in trouble: {fired}"


def invocations_time_out(arena: Arena) -> str:
    """A dispatcher and a worker get no answer until their time is up."""
    fleet = arena.fleet(times={r" Timeout: 40": " Timeout: 8"})
    fleet.proxy.faults += [
        Fault(_COMMIT, fleet.stalling(), times=20),
        Fault("^dispatcher.* PUT .*/dispatched/", fleet.stalling(), times=20),
    ]
    check(arena, fleet, fleet.run(arena.url_list()))
    late = [said for said in fleet.said if "timed out after 8 s and was killed" in said]
    assert len(late) >= 2, fleet.said
    return f"{len(late)} invocations were ended"


def hosts_in_trouble(arena: Arena) -> str:
    """Hosts die and come back, and one answers 429 to everything; the others do not notice."""
    arena.site.outages = {"shop1.example": 2.0, "shop2.example": 1.0}
    arena.site.busy = {"busy.example"}
    fleet = arena.fleet()
    shops = arena.url_list()
    pages = range(1 if arena.short else 3)
    busy = UrlList("busy", tuple(f"http://busy.example/page/{n}" for n in pages))
    final = final_outcomes(arena, fleet, fleet.run(shops, busy))
    given_up = [outcome for url, outcome in final.items() if "//busy" in url]
    check_pages({url: outcome for url, outcome in final.items() if "//busy" not in url})
    assert len(given_up) == len(pages)
    assert {outcome.reason for outcome in given_up} == {Reason.HTTP_429}
    assert {outcome.outcome for outcome in given_up} == {Kind.DEAD}
    assert 1 <= fleet.letters <= len(given_up)
    return f"{len(arena.site.visits)} visits for {len(final)} targets"


def flaky_website(arena: Arena) -> str:
    """5 % of all requests fail, by resets, 503s and hangs; every page is scraped."""
    arena.site.flaky = 0.2 if arena.short else 0.05  # of few requests more, for some of each kind
    pages = 8 if arena.short else 100
    hosts = [f"shop{n}.example" for n in range(20)]
    fleet = arena.fleet(partitions=8, BatchSize="50")
    shops = list_of("shops", hosts, pages, spec="pause: 0, attempts: 10")
    check(arena, fleet, fleet.run(shops), pause=0.0)
    return f"{len(arena.site.visits)} visits for {len(shops.urls)} targets"


def many_shards(arena: Arena) -> str:
    """A list in many parts, whose dispatchers are killed, time out and hear everything twice."""
    by_part = {r"chaos\.handlers\.dispatcher": "chaos.handlers.dispatcher_of_shards"}
    fleet = arena.fleet(times=by_part)
    times = 1 if arena.short else 3
    sends = "^dispatcher.* SendMessageBatch .*-dispatchqueue"
    fleet.proxy.faults += [
        Fault("^dispatcher.* GET .*/urls.txt", fleet.killing(), chance=0.5, times=times),
        Fault(sends, fleet.killing(), chance=0.5, times=times),
        Fault(sends, fleet.killing(after=True), chance=0.5, times=times),
        Fault("^dispatcher.* SendMessageBatch .*-work.fifo", fleet.killing(after=True), times=1),
        Fault("^dispatcher.* PUT .*/dispatched/", fleet.killing(), chance=0.5, times=times),
        Fault("^dispatcher.* PUT .*/dispatched/", fleet.killing(after=True), times=1),
        Fault("^dispatcher", time_out, chance=0.05, times=times),
        Fault(_ACKNOWLEDGE, fleet.redelivering()),
    ]
    jobs = fleet.run(arena.url_list())
    check(arena, fleet, jobs)
    [job] = jobs
    shards = list((arena.folder / f"jobs/{job}/dispatched").iterdir())
    assert len(shards) > 1
    kills = sum(fault.fired for fault in fleet.proxy.faults[:6])
    assert kills
    return f"{len(shards)} parts, {kills} kills"


def cancelled(arena: Arena) -> str:
    """The job is cancelled at any moment, while workers and dispatchers are killed."""
    fleet = arena.fleet()
    shops = arena.url_list(pages=8)
    moment = arena.rng.randint(1, len(shops.urls) // 3)
    asked: list[float] = []

    def on_visit(_path: str) -> None:
        if len(arena.site.visits) >= moment and not asked:
            [job] = [path.parent.name for path in arena.folder.glob("jobs/*/manifest.json")]
            fleet.cancel(job)
            asked.append(time.time())

    arena.site.on_visit = on_visit
    times = 1 if arena.short else 3
    fleet.proxy.faults += [
        Fault(_FUNCTIONS, fleet.killing(), chance=0.03, times=times),
        Fault(_COMMIT, fleet.killing(after=True), chance=0.1, times=times),
        Fault(_FUNCTIONS, lose_answer, chance=0.03, times=5),
    ]
    final = final_outcomes(arena, fleet, fleet.run(shops))
    left = {url for url, outcome in final.items() if outcome.reason is Reason.CANCELLED}
    assert {final[url].outcome for url in left} == {Kind.SKIPPED}
    check_pages({url: outcome for url, outcome in final.items() if url not in left})
    late = [entry for entry in arena.site.log if entry.began > asked[0] + _CANCEL_LIMIT]
    assert late == []
    assert not fleet.letters, fleet.said
    return f"{len(left)} of {len(final)} targets left, of which {moment} visits were made"


def bad_job(arena: Arena) -> str:
    """The manifest of a job is gone for a while; other jobs of its hosts do not notice."""
    fleet = arena.fleet()
    gone = Fault("^worker.* GET .*/jobs/bad-.*/manifest.json", lose_object)
    fleet.proxy.faults += [
        gone,
        Fault(_COMMIT, fleet.killing(after=True), chance=0.2, times=1 if arena.short else 3),
        Fault("^ StartMessageMoveTask ", refuse),  # moto has none: the letters are moved by hand
    ]
    bad, shops = arena.url_list("bad", pages=1), arena.url_list(pages=1)
    before: list[tuple[Kind, Reason | None]] = []

    def mend() -> None:
        [job] = [path.parent.name for path in arena.folder.glob("jobs/bad-*/manifest.json")]
        table = FinalOutcomes(find_results(arena.folder, job)).read()
        before.extend((outcome.outcome, outcome.reason) for _, outcome in table)
        gone.times = 0
        fleet.redrive()

    check(arena, fleet, fleet.run(bad, shops, later=[mend]))
    assert before == [(Kind.DEAD, Reason.BAD_JOB)] * len(bad.urls)
    return f"{len(before)} targets of the bad job, each dead and scraped later"


def closed_in_parts(arena: Arena) -> str:
    """Looks at the job have the time for three receipts each, and dispatchers are killed amid."""
    hurried = {r"chaos\.handlers\.dispatcher": "chaos.handlers.dispatcher_in_a_hurry"}
    fleet = arena.fleet(times=hurried, BatchSize="2")
    times = 1 if arena.short else 4
    fold = "^dispatcher.* PUT .*/fold-2.json"
    faults = [
        Fault(fold, fleet.killing(), chance=0.3, times=times),
        Fault(fold, fleet.killing(after=True), chance=0.3, times=times),
        Fault(fold, refuse, chance=0.3, times=times),
        Fault(
            "^dispatcher.* PUT .*/(ticks|summary.json)", fleet.killing(), chance=0.3, times=times
        ),
        Fault("^dispatcher.* GET .*/receipts/", fail, chance=0.1, times=times),
        Fault(_ACKNOWLEDGE, fleet.redelivering()),
    ]
    fleet.proxy.faults += faults
    check(arena, fleet, fleet.run(arena.url_list()))
    parts = [what for what, status in fleet.proxy.log if "/fold-2.json" in what and " PUT " in what]
    assert len(parts) > 3
    return f"{len(parts)} parts, {sum(fault.fired for fault in faults[:5])} faults"


def states_not_written(arena: Arena) -> str:
    """S3 takes no state of a partition, or a worker dies of it: no page is fetched twice."""
    fleet = arena.fleet(times={r" Timeout: 40": " Timeout: 30"}, waits_for_leases=True)
    times = 2 if arena.short else 5
    state = "^worker.* PUT .*/state/"
    faults = [
        Fault(state, refuse, chance=0.4, times=times),
        Fault(state, lose_answer, chance=0.2, times=times),
    ]
    amid_pages: set[tuple[str, str]] = set()

    def killing(*, after: bool) -> Effect:
        kill = fleet.killing(after=after)

        def effect(call: Call, forward: Forward) -> Answer | None:
            for batch in fleet.sqs.in_hand(call.client).values():
                if f"/state/{batch.partition}." not in call.what:  # the others that it has
                    amid_pages.update(_place(target.location) for target in batch.targets)
            return kill(call, forward)

        return effect

    # Who is killed has told nobody of his pauses: his leases hold them.
    if arena.seed % 2:
        faults += [
            Fault(state, killing(after=False), chance=0.3, times=times),
            Fault(state, killing(after=True), chance=0.3, times=times),
            Fault(_RECEIPT, refuse, chance=0.2, times=times),
        ]
    fleet.proxy.faults += faults
    # Longer than a batch that was put back is hidden for in any case.
    pause = 3.0
    hosts = arena.hosts()[:4]
    shops = list_of("shops", hosts, 2, spec=f"pause: {pause}, attempts: 10")
    check(arena, fleet, fleet.run(shops), pause)
    twice = [path for path, visits in Counter(arena.site.visits).items() if visits > 1]
    led_to = {_place(url) for url in shops.urls}
    assert [path for path in twice if path in led_to - amid_pages] == []
    assert faults[0].fired
    return f"{[fault.fired for fault in faults]} states and receipts in trouble"


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.path


def worker_dies_again_and_again(arena: Arena) -> str:
    """A page kills each worker that fetches it; those of other batches are scraped."""
    by_page = {
        r"chaos\.handlers\.worker": "chaos.handlers.worker_that_gives_up",
        r"maxReceiveCount: 100": "maxReceiveCount: 12",
    }
    fleet = arena.fleet(times=by_page)
    hosts = arena.hosts()
    deadly = f"http://{hosts[1]}/deadly"
    shops = arena.url_list(pages=1 if arena.short else 2)
    shops = UrlList(shops.name, (*shops.urls, deadly), shops.spec)
    killed = []

    def on_request(path: str, user_agent: str) -> None:
        if path == "/deadly":
            killed.append(user_agent)
            fleet.kill(life_of(user_agent))

    arena.site.on_request = on_request
    final = final_outcomes(arena, fleet, fleet.run(shops))
    died = {url: o for url, o in final.items() if o.reason is Reason.WORKER_DIED}
    assert deadly in died
    assert len(died) <= 3, "more than its batch"
    assert {outcome.outcome for outcome in died.values()} == {Kind.DEAD}
    check_pages({url: outcome for url, outcome in final.items() if url not in died})
    assert len(killed) < 12
    assert fleet.letters == 1, fleet.said
    return f"{len(killed)} workers died, {len(died)} targets are dead"


def redriven(arena: Arena) -> str:
    """What is dead gets another life, and a third one, while all comes twice and is killed."""
    fleet = arena.fleet()
    for_good, for_now = "shop1.example", "shop2.example"
    arena.site.broken = {for_good, for_now}
    times = 1 if arena.short else 3
    dead_letters = "^worker.* SendMessageBatch .*-dispatchdlq"
    points = [
        Fault(dead_letters, fleet.killing(), times=times),
        Fault(dead_letters, fleet.killing(after=True), times=times),
        Fault("^ DeleteMessageBatch .*-dispatchdlq", fail, times=7),  # more than are tried
        Fault("^ SendMessageBatch .*-dispatchqueue", lose_answer, times=times),
    ]
    fleet.proxy.faults += [
        *points,
        Fault("^ StartMessageMoveTask ", refuse),  # moto has none: the letters are moved by hand
        Fault(_ACKNOWLEDGE, fleet.redelivering()),
        Fault(_FUNCTIONS, fleet.killing(after=True), chance=0.03, times=times),
    ]
    moved = []

    def redrive_all_but(*hosts: str) -> None:
        arena.site.broken = {*hosts}
        for _ in range(3):
            with suppress(StorageError):
                moved.append(fleet.redrive())

    hosts = arena.hosts()[1:]  # the first one has what leads to the others
    shops = list_of("shops", hosts, 2, spec=f"pause: {PAUSE}, attempts: 2")
    later = [lambda: redrive_all_but(for_good), redrive_all_but]
    jobs = fleet.run(shops, later=later)
    final = final_outcomes(arena, fleet, jobs)
    check_pages(final)
    [job] = jobs
    shown = FinalOutcomes(find_results(arena.folder, job)).read()
    assert {one.url: (one.outcome, one.fetched_at, one.rows) for _, one in shown} == {
        url: (one.outcome, one.fetched_at, one.rows) for url, one in final.items()
    }
    assert [point.where for point in points if not point.fired] == []
    third = list(arena.folder.glob("results/*/*-r*-r*"))
    assert third
    assert not fleet.letters, fleet.said
    return f"{moved} letters moved, {len(third)} batches in their third life"


def upgraded(arena: Arena) -> str:
    """
    Another release comes in the middle of jobs, and goes again.

    It has other partitions, another list of public suffixes and another planner, and writes fields
    that this one does not know. Shards are dispatched again and batches concluded by the other
    release, and dead letters redriven.
    """
    times = {r" Timeout: 40": " Timeout: 7", "maxReceiveCount: 100": "maxReceiveCount: 10000"}
    fleet = arena.fleet(times=times)
    fleet.releases.append(("_of_the_next_release", 5))
    deployments: list[int] = []

    def deploy(release: int) -> None:
        if fleet.release != release:
            fleet.release = release
            if not deployments:
                Thread(target=fleet.begin, args=("again",)).start()
            deployments.append(len(arena.site.visits))

    def amid(release: int) -> Effect:
        """Kill who calls, and have the next to do it again be of another release."""
        kill = fleet.killing(after=True)

        def effect(call: Call, forward: Forward) -> Answer | None:
            deploy(release)
            return kill(call, forward)

        return effect

    arena.site.broken = {"dead.example"}
    gone = tuple(f"http://dead.example/page/{n}" for n in range(2))
    dead = UrlList("dead", gone, spec=f"pause: {PAUSE}, attempts: 1")
    shops = arena.url_list(pages=3 if arena.short else 6)
    again = arena.url_list("again")  # the same hosts, begun by the next release
    moments = [len(shops.urls) // 2 + arena.rng.randrange(4)]

    def on_visit(_path: str) -> None:
        if moments and len(arena.site.visits) >= moments[0]:
            moments.pop(0)
            deploy(1 - fleet.release)

    def redrive() -> None:
        arena.site.broken = set()
        deploy(1 - fleet.release)
        fleet.redrive()

    arena.site.on_visit = on_visit
    fleet.proxy.faults += [
        Fault("^dispatcher.* SendMessageBatch .*-work.fifo", amid(1), times=1),
        Fault(_DEFER, amid(0), times=1),
        Fault("^ StartMessageMoveTask ", refuse),
        Fault(_ACKNOWLEDGE, fleet.redelivering()),
    ]
    jobs = fleet.run(shops, dead, again, later=[redrive], held=["again"])
    check_pages(final_outcomes(arena, fleet, jobs))
    assert not fleet.letters, fleet.said
    assert len(deployments) > 2
    handed = sum(
        outcome.reason is Reason.REDIRECTED and "by now" in (outcome.detail or "")
        for path in arena.folder.glob("results/*/[0-9]*")
        for outcome in read_outcomes(path)
    )
    assert handed
    return f"{len(deployments)} deployments, {handed} targets handed to their owners"


def list_overwritten(arena: Arena) -> str:
    """A list is overwritten while its parts are dispatched, by dispatchers that are killed."""
    by_part = {r"chaos\.handlers\.dispatcher": "chaos.handlers.dispatcher_of_shards"}
    fleet = arena.fleet(times=by_part)
    shops = arena.url_list()
    moment = arena.rng.randint(2, 5)
    overwritten: list[Call] = []

    def overwrite(call: Call, forward: Forward) -> Answer | None:
        if len(overwritten) + 1 == moment:
            fleet.upload(shops.key, b"http://other.example/\n")
        overwritten.append(call)
        return forward(call)

    fleet.proxy.faults += [
        Fault("^dispatcher.* PUT .*/dispatched/", fleet.killing(), chance=0.3, times=2),
        Fault("^dispatcher.* GET .*/urls.txt", overwrite, times=moment),
        Fault(_ACKNOWLEDGE, fleet.redelivering()),
    ]
    [job] = fleet.run(shops)
    manifest = decode_manifest((arena.folder / manifest_key(job)).read_bytes())
    keys = [p.relative_to(arena.folder).as_posix() for p in arena.folder.glob(f"jobs/{job}/*/*")]
    ledger = ledger_of(manifest, keys)
    final = [
        outcome
        for path in arena.folder.glob("results/*/[0-9]*")
        for outcome in read_outcomes(path)
        if outcome.outcome is not Kind.DEFERRED
    ]
    assert manifest.error is None, "refused after its first batch"
    assert ledger.complete
    assert ledger.damaged
    assert len({outcome.id for outcome in final}) == len(final)
    assert 0 < ledger.targets == len(final) < len(shops.urls)
    check_visits(arena.site.log, fleet.deaths)
    assert not fleet.letters, fleet.said
    return f"overwritten at read {moment}: {len(final)} of {len(shops.urls)} targets"


# ---- `scatterfetch run`, as people start it


def interrupted(arena: Arena) -> str:
    """Ctrl-C at random moments, once or twice, or kill -9, and then the same command again."""
    shops = arena.url_list()
    command = _run_command(arena, shops)
    statuses = []
    committed: dict[Path, bytes] = {}
    for _ in range(2 if arena.short else 4):
        with _started(command, arena) as process:
            moment = len(arena.site.visits) + arena.rng.randint(0, len(shops.urls) // 2)
            while len(arena.site.visits) < moment and process.poll() is None:
                time.sleep(0.02)
            time.sleep(arena.rng.uniform(0.0, 1.0))
            end = arena.rng.choice([signal.SIGINT, signal.SIGINT, signal.SIGKILL])
            process.send_signal(end)
            if arena.rng.random() < 0.5:
                time.sleep(arena.rng.uniform(0.0, 0.3))
                process.send_signal(signal.SIGINT)
            statuses.append(process.wait(200))
        committed |= {p: p.read_bytes() for p in arena.folder.glob("out/results/*/[0-9]*")}
    with _started(command, arena) as process:
        statuses.append(process.wait(200))
    assert statuses[-1] == 1, _output(arena)  # one of the URLs is gone
    _check_run(arena, shops)
    assert all(path.read_bytes() == body for path, body in committed.items()), "fetched again"
    return f"exit statuses {statuses}, {len(committed)} commits before the last run"


def results_lost(arena: Arena) -> str:
    """Results are deleted or cut off between two runs: it is said, and they are fetched again."""
    shops = arena.url_list()
    command = _run_command(arena, shops)
    statuses, damaged = [], 0
    for _ in range(2 if arena.short else 4):
        with _started(command, arena) as process:
            statuses.append(process.wait(200))
        _check_run(arena, shops)
        files = sorted(arena.folder.glob("out/results/*/[0-9]*"))
        some = arena.rng.sample(files, arena.rng.randint(1, 4))
        for path in some:
            if arena.rng.random() < 0.5:
                path.unlink(missing_ok=True)
            else:
                body = path.read_bytes()
                path.write_bytes(body[: arena.rng.randrange(len(body))])
        damaged += len(some)
        for command_ in ("status", "results"):
            said = _said_of(arena, command_)
            assert said.returncode == 1, said
            assert (
                "gone or cut off" in said.stdout
                or "damaged" in said.stderr
                or ("not there any more" in said.stderr)
            ), said
    with _started(command, arena) as process:
        statuses.append(process.wait(200))
    assert set(statuses) == {1}  # one of the URLs is gone
    assert "results of an earlier run are gone or cut off" in _output(arena)
    _check_run(arena, shops)
    return f"{damaged} files lost"


def _said_of(arena: Arena, command: str) -> subprocess.CompletedProcess[str]:
    out = arena.folder / "out"
    [manifest] = out.glob("jobs/*/manifest.json")
    words = [manifest.parent.name, str(out)] if command == "status" else [str(out)]
    return subprocess.run(
        [sys.executable, "-m", "scatterfetch", command, *words],
        capture_output=True,
        text=True,
        check=False,
    )


def full_disk(arena: Arena) -> str:
    """The disk is full for a while. In a mount namespace of its own, see `tests.chaos.__main__`."""
    disk = arena.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        raise Skipped("a small file system cannot be mounted here")
    shops = arena.url_list()
    visits = count()

    def on_visit(_path: str) -> None:
        if next(visits) == 3:
            _fill(disk / "filler")

    arena.site.on_visit = on_visit
    with _started(_run_command(arena, shops, out=disk / "out"), arena) as process:
        while not (disk / "filler").exists() and process.poll() is None:
            time.sleep(0.1)
        began = time.time()
        # Until all workers have something to write.
        while time.time() < max([began, *(entry.ended for entry in arena.site.log)]) + 1.5:
            _fill(disk / "filler")  # with what was freed meanwhile
            time.sleep(0.02)
        (disk / "filler").unlink()
        full = time.time() - began
        status = process.wait(200)
    output = _output(arena)
    assert status == 1, output
    assert "No space left on device" in output, output
    _check_run(arena, shops, out=disk / "out")
    return f"full for {full:.1f} s"


SCENARIOS: dict[str, Callable[[Arena], str]] = {
    scenario.__name__: scenario
    for scenario in (
        killed_at_every_point,
        killed_at_random,
        crawled,
        remembered,
        delivered_twice,
        leases_run_out,
        services_in_trouble,
        invocations_time_out,
        hosts_in_trouble,
        flaky_website,
        many_shards,
        cancelled,
        redriven,
        upgraded,
        list_overwritten,
        bad_job,
        closed_in_parts,
        states_not_written,
        worker_dies_again_and_again,
        interrupted,
        results_lost,
        full_disk,
        *hands.SCENARIOS,
    )
}


def _run_command(arena: Arena, url_list: UrlList, out: Path | None = None) -> list[str]:
    (arena.folder / "urls.txt").write_bytes(url_list.body)
    (arena.folder / "spec.yaml").write_bytes(url_list.spec_body)
    command = [sys.executable, "-m", "scatterfetch", "run", str(arena.folder / "urls.txt")]
    command += ["--out", str(out or arena.folder / "out"), "--workers", "2"]
    everywhere = f"ConnectTo=::127.0.0.1:{arena.site.port}"
    for parameter in (everywhere, "AllowPrivateNetworks=true", "BatchSize=3"):
        command += ["--parameter", parameter]
    return command


@contextmanager
def _started(command: Sequence[str], arena: Arena) -> Iterator[subprocess.Popen[bytes]]:
    with (arena.folder / "output.txt").open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _output(arena: Arena) -> str:
    return (arena.folder / "output.txt").read_text()


def _check_run(arena: Arena, url_list: UrlList, out: Path | None = None) -> None:
    folder = out or arena.folder / "out"
    [manifest] = folder.glob("jobs/*/manifest.json")
    results = Results(folder, manifest.parent.name, url_list.lines)
    check_pages(results.final)
    check_visits(arena.site.log, {})
    check_pause(results.starts, PAUSE)


def _fill(path: Path) -> None:
    """Write to `path` until the disk is full."""
    with path.open("ab", buffering=0) as filler, suppress(OSError):
        while filler.write(bytes(4096)):
            pass
