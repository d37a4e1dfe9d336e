"""
What workers must survive that have many batches in hand.

Scenarios like those of `tests.chaos.scenarios`.
"""

import time
from collections import Counter

from tests.chaos.arena import Arena, check
from tests.chaos.harness import UrlList, life_of, list_of
from tests.chaos.proxy import Answer, Call, Fault, Forward, succeed
from tests.chaos.times import STALL

_RENEW = "^worker.* ChangeMessageVisibilityBatch .*-work.fifo"
_WAKE = "^(worker|dispatcher).* SendMessageBatch .*-wakequeue"
_HANG_SECONDS = 9.0  # longer than a lease
_MANY = 10  # batches in hand
_PARTITIONS = 256  # more than hosts, so that most have one of their own


def killed_with_many_in_hand(arena: Arena) -> str:
    """Kill -9 of whoever has most in hand: all of it comes to others when the leases end."""
    few = {r"chaos\.handlers\.dispatcher": "chaos.handlers.dispatcher_that_calls_few"}
    handlers = {**_worker("worker_with_many"), **few}
    # Two, so that they have many each.
    fleet = arena.fleet(handlers, _PARTITIONS, workers=2, waits_for_leases=True, BatchSize="8")
    moments = sorted(arena.rng.sample(range(10, 90), 1 if arena.short else 3))
    killed: list[tuple[set[str], float]] = []

    def on_visit(_path: str) -> None:
        life, count = fleet.fullest()
        if moments and len(arena.site.visits) >= moments[0] and count >= _MANY:
            moments.pop(0)
            handles = set(fleet.sqs.in_hand(life))
            fleet.kill(life)
            killed.append((handles, fleet.deaths[life]))

    arena.site.on_visit = on_visit
    check(arena, fleet, fleet.run(_long_list(arena, hosts=32 if arena.short else 48, pages=6)))
    assert killed
    for handles, moment in killed:
        fleet.sqs.check_came_back(handles, moment)
    counts = [len(handles) for handles, _ in killed]
    return f"killed with {counts} in hand, {fleet.sqs.again} came back"


def leases_lost_one_at_a_time(arena: Arena) -> str:
    """SQS refuses to renew one batch of many, amid its pages; others have it soon after."""
    fleet = arena.fleet(_worker("worker_with_many"), _PARTITIONS, BatchSize="12")
    times = 2 if arena.short else 8
    fleet.proxy.faults.append(Fault(_RENEW, fleet.losing_leases(times)))
    check(arena, fleet, fleet.run(_long_list(arena, hosts=8 if arena.short else 14, pages=12)))
    assert fleet.leases_lost
    assert fleet.sqs.again >= len(fleet.leases_lost)
    return f"{len(fleet.leases_lost)} leases lost, {fleet.sqs.again} batches came back"


def heartbeats_hang(arena: Arena) -> str:
    """A worker's renewals have no answer until its leases have ended; its other calls go on."""
    fleet = arena.fleet(_worker("worker_with_many"), _PARTITIONS, BatchSize="20")
    times = 1 if arena.short else 3
    until: dict[str, float] = {}

    def hang(call: Call, forward: Forward) -> Answer | None:
        now = time.monotonic()
        if call.client not in until and len(until) < times:
            until[call.client] = now + _HANG_SECONDS
        if now < until.get(call.client, 0.0):
            time.sleep(2)  # longer than anybody waits
            return None
        return forward(call)

    fleet.proxy.faults.append(Fault(_RENEW, hang))
    check(arena, fleet, fleet.run(_long_list(arena, hosts=8 if arena.short else 14, pages=20)))
    assert until
    assert fleet.sqs.again
    return f"{len(until)} workers had no answer, {fleet.sqs.again} batches came back"


def stalled(arena: Arena) -> str:
    """
    One page holds a worker up for longer than a lease.

    Where it is the event loop that is held up, the heartbeat goes on. Where it is the whole
    process, others have its batches by then, and it does nothing more for them.
    """
    freezes = arena.seed % 2 == 1
    handler = "worker_that_freezes" if freezes else "worker_that_stalls"
    fleet = arena.fleet(_worker(handler), _PARTITIONS, BatchSize="12")
    hosts = arena.hosts()
    arena.site.stalling = set(arena.rng.sample(hosts, 1 if arena.short else 3))
    stalls = [f"http://{host}/page/stall" for host in sorted(arena.site.stalling)]
    shops = list_of("shops", hosts, 11)
    visits: list[tuple[str, float]] = []
    renewals: list[tuple[str, float]] = []

    def on_request(path: str, user_agent: str) -> None:
        if path == "/page/stall":
            visits.append((life_of(user_agent), time.time()))

    def note(call: Call, forward: Forward) -> Answer | None:
        renewals.append((call.client, time.time()))
        return forward(call)

    arena.site.on_request = on_request
    fleet.proxy.faults.append(Fault(_RENEW, note))
    # Amid the pages of its host.
    urls = [*shops.urls[: 4 * len(hosts)], *stalls, *shops.urls[4 * len(hosts) :]]
    check(arena, fleet, fleet.run(UrlList(shops.name, tuple(urls), shops.spec)))
    assert not arena.site.stalling
    amid = [
        at
        for life, visited in visits
        for renewed, at in renewals
        if renewed == life and visited + 1 < at < visited + STALL - 1
    ]
    assert fleet.sqs.again if freezes else amid
    return f"{handler} {len(stalls)} times, {fleet.sqs.again} batches came back"


def wakes_lost(arena: Arena) -> str:
    """Calls for workers are lost: all of the first ones, and others by chance; ticks go on."""
    fleet = arena.fleet()
    faults = [
        Fault(_WAKE, succeed, times=arena.rng.randint(1, 3)),
        Fault(_WAKE, succeed, chance=0.5, times=3),  # ticks become rare soon
    ]
    fleet.proxy.faults += faults
    check(arena, fleet, fleet.run(arena.url_list(), limit=200))
    assert faults[0].fired
    return f"{[fault.fired for fault in faults]} wakes lost"


def machines_beside_lambda(arena: Arena) -> str:
    """Workers that no wake calls and that stay, some of them unplugged, beside those of Lambda."""
    machines = 1 if arena.short else 2
    fleet = arena.fleet(machines=machines, waits_for_leases=True)
    moments = sorted(arena.rng.sample(range(8, 60), 1 if arena.short else 3))
    unplugged: list[int] = []

    def on_visit(_path: str) -> None:
        life, count = fleet.fullest(machines=arena.rng.random() < 0.7)
        if moments and len(arena.site.visits) >= moments[0] and count:
            moments.pop(0)
            unplugged.append(count)
            fleet.kill(life)

    arena.site.on_visit = on_visit
    check(arena, fleet, fleet.run(arena.url_list(pages=8)))
    assert unplugged
    commits = Counter(
        "machine" if fleet.is_machine(what.partition(" ")[0]) else "lambda"
        for what, status in fleet.proxy.log
        if " PUT " in what and "/results/" in what and status == 200
    )
    assert commits.keys() == {"machine", "lambda"}
    return f"commits {dict(commits)}, unplugged with {unplugged} in hand"


def _worker(name: str) -> dict[str, str]:
    return {r"chaos\.handlers\.worker": f"chaos.handlers.{name}"}


def _long_list(arena: Arena, *, hosts: int, pages: int) -> UrlList:
    names = [f"shop{n}.example" for n in range(hosts)]
    return list_of("shops", arena.rng.sample(names, hosts), pages)


SCENARIOS = (
    killed_with_many_in_hand,
    leases_lost_one_at_a_time,
    heartbeats_hang,
    stalled,
    wakes_lost,
    machines_beside_lambda,
)
