"""
A fleet under fire: the local cloud, its sandboxes told apart, its calls led through a fault proxy.

Knows how to run jobs until every queue is empty, and what must be true then whatever happened.
"""

import asyncio
import json
import os
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from itertools import count, pairwise
from math import inf
from pathlib import Path
from random import Random
from typing import Any

import boto3
from aiohttp import web

from functions.dispatcher.names import uploaded_job
from functions.dispatcher.summary import decode_summary
from scatterfetch.deadletters.redriving import redrive
from scatterfetch.deployable import TEMPLATE
from scatterfetch.jobs.stack import Stack
from scatterfetch.localcloud.cloud import LocalCloud
from scatterfetch.localcloud.sandbox import FunctionError, Sandbox, SandboxDiedError
from scatterfetch.localcloud.template import REGION, WORKER, Function, Template
from shared.errors import InvalidJobError, Reason
from shared.ids import child_id, dead_letter_id, root_id
from shared.keys import (
    announced_key,
    cancelled_key,
    manifest_key,
    results_key,
    results_prefix,
    summary_key,
)
from shared.ledger import ledger_of
from shared.manifest import decode_manifest
from shared.messages import Batch, ListUploaded, Wake, decode_batch, decode_dispatch, encode
from shared.outcomes import FINAL, Kind, Outcome
from shared.receipts import outcome_name
from shared.urls import parse_url
from tests.chaos.proxy import (
    Answer,
    Call,
    Effect,
    FaultProxy,
    Forward,
    refuse,
    refuse_entries,
    succeed,
)
from tests.chaos.times import GAP, LEASE
from tests.results import read_outcomes
from tests.site import LogEntry, Site

DISPATCHER = "DispatcherFunction"
PAUSE = 0.4
LINKED_PAGES = 4
"""Of each host that is linked."""
_LATENCY = 0.15  # seconds, of every answer
_ON_ITS_WAY = 1.0  # seconds that a call which was under way may be late
_STOP_SECONDS = 2.0  # that a worker has, which has lost a lease, until another has the batch
_FIRST_MACHINE = 100  # numbers below are sandboxes
_LOOK_INTERVAL = 0.4  # seconds between two looks at the queues
_LIFE = re.compile(r"/(\w+-\d+\.\d+)\)")
# The template's times, shorter and in the same order of length. Faults come a hundred times as
# often as in life, so messages are not given up on.
TIMES = {
    r"(?m)^( +)Timeout: \d+": r"\1Timeout: 40",
    r"(?m)^( +)VisibilityTimeout: \d+": r"\1VisibilityTimeout: 41",
    r"maxReceiveCount: \d+": "maxReceiveCount: 100",
    r"Handler: functions\.(\w+)\.handler\.handler": r"Handler: tests.chaos.handlers.\1",
}


@dataclass
class Website(Site):
    """
    All hosts of a scenario.

    ``/page/N`` is a page, ``/moved/HOST/N`` leads to one on another host, anything else is not
    found.
    """

    seed: int = 0
    flaky: float = 0.0
    """How many requests fail: resets, 503s and hangs."""
    outages: dict[str, float] = field(default_factory=dict)
    """By host, how long it resets every connection, from the first one on; in seconds."""
    busy: set[str] = field(default_factory=set)
    """Hosts that answer 429 to everything but robots.txt."""
    broken: set[str] = field(default_factory=set)
    """Hosts that answer 500 to everything but robots.txt."""
    stalling: set[str] = field(default_factory=set)
    """
    Hosts whose ``/page/stall`` holds up the worker that gets it, once.

    It is XHTML then, by which handlers that can be held up know it.
    """
    linked: Sequence[str] = ()
    """Hosts whose pages are linked, each to those of its own and of the next two, and by moves."""
    prices: dict[str, int] = field(default_factory=dict)
    """Of ``/item/N`` of each host, by host and path."""
    on_request: Callable[[str, str], None] = lambda _path, _user_agent: None
    """Is called with path and User-Agent of each request."""
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _first: dict[str, float] = field(default_factory=dict)

    async def _scripted(self, request: web.Request) -> web.StreamResponse:
        host, path = request.host.partition(":")[0], request.path
        self._asked[host, path] += 1
        self.on_request(path, request.headers.get("User-Agent", ""))
        # Long enough for two workers at one host to be seen there at once.
        await asyncio.sleep(_LATENCY)
        trouble = self._trouble(host, path)
        if trouble == "reset":
            assert request.transport is not None
            request.transport.abort()
        elif trouble == "hang":
            await asyncio.sleep(3600)
        elif trouble:
            return web.Response(status=int(trouble))
        match path.split("/"):
            case ["", "robots.txt"]:
                return web.Response(text="User-agent: *\nDisallow: /secret\n")
            case ["", "page", number]:
                html = f"<!doctype html><title>{host} {number}</title>{self._links(host, number)}"
                stalls = number == "stall" and host in self.stalling
                self.stalling -= {host} if stalls else set()
                kind = "application/xhtml+xml" if stalls else "text/html"
                return web.Response(text=html, content_type=kind)
            case ["", "item", number] if (price := self.prices.get(f"{host}{path}")) is not None:
                return web.Response(
                    text=f"<!doctype html><title>{host} {number}</title><b>{price}</b>",
                    content_type="text/html",
                    headers={"ETag": f'"{price}"'},
                )
            case ["", "moved", other, number]:
                location = f"http://{other}/page/{number}"
                return web.Response(status=301, headers={"Location": location})
        return web.Response(status=404)

    def _links(self, host: str, number: str) -> str:
        if host not in self.linked:
            return ""
        at, page = self.linked.index(host), int(number)
        near = [self.linked[(at + step) % len(self.linked)] for step in range(3)]
        links = [f"http://{one}/page/{page}" for one in near]
        links += [f"/page/{(page + 1) % LINKED_PAGES}", f"/page/{page // 2}"]
        links += [f"/moved/{near[1]}/{page}", f"/page/{page}?again", "/page/9/gone"]
        return "".join(f'<a href="{link}">x</a>' for link in links)

    def _trouble(self, host: str, path: str) -> str:
        """Return what a request meets: `reset`, `hang`, a status, or nothing."""
        first = self._first.setdefault(host, time.monotonic())
        if time.monotonic() - first < self.outages.get(host, 0.0):
            return "reset"
        if host in self.busy and path != "/robots.txt":
            return "429"
        if host in self.broken and path != "/robots.txt":
            return "500"
        # Of the request and not of the moment: the same seed is the same website.
        chance = Random(f"{self.seed}/{host}/{path}/{self._asked[host, path]}")
        return chance.choice(["reset", "503", "hang"]) if chance.random() < self.flaky else ""


# ---- lists


@dataclass(frozen=True)
class UrlList:
    """A list of URLs of a `Website`; with lines that are none, since those are never missing."""

    name: str
    urls: tuple[str, ...]
    spec: str = f"pause: {PAUSE}, attempts: 10"
    more: str = ""
    """What else the spec says, behind `fetch`."""
    file: str = "urls"
    """Its name in the folder of its `name`, without `.txt`."""
    is_clean: bool = False
    """Whether it has URLs alone, each once."""

    @property
    def key(self) -> str:
        return f"{self.name}/{self.file}.txt"

    @property
    def body(self) -> bytes:
        first, *others = self.urls
        if self.is_clean:
            return "\n".join(self.urls).encode()
        return "\n".join(["# a comment", "/about", first, "", first, *others]).encode()

    @property
    def spec_body(self) -> bytes:
        """At most one request to a host, and two seconds for it."""
        usual = "per_host: 1, timeout: 2, wait_initial: 0.1, wait_max: 1, max_idle: 1"
        return f"fetch: {{{usual}, {self.spec}}}\n{self.more}".encode()

    @property
    def lines(self) -> dict[int, str]:
        """The URL by its line."""
        first, *others = self.urls
        return {3: first, **dict(enumerate(others, start=6))}


def list_of(name: str, hosts: Sequence[str], pages: int, **more: Any) -> UrlList:
    """Return a list of `pages` pages of each host; the first has lost some, and moved others."""
    urls = [f"http://{host}/page/{n}" for n in range(pages) for host in hosts]
    # In a row, so that one batch has to tell several partitions of them.
    urls += [f"http://{hosts[0]}/moved/{host}/9" for host in hosts[1:7]]
    return UrlList(name, (*urls, f"http://{hosts[0]}/gone"), **more)


# ---- the fleet


def life_of(user_agent: str) -> str:
    """Return which process has made a request; see `_Sandbox`."""
    life = _LIFE.search(user_agent)
    return life[1] if life else ""


class _Sandbox(Sandbox):
    """
    A sandbox whose requests, to AWS and to websites, tell which process they come from.

    A process is a `life`: ``worker-1.2`` is the second one of the first worker.
    """

    def __init__(
        self, function: Function, endpoint: str, log: Path, number: int, fleet: "Fleet"
    ) -> None:
        super().__init__(function, endpoint, log, number)
        self._fleet = fleet
        self._handler = function.handler
        self._number = number
        self._lives = 0
        self._release = 0

    @property
    def life(self) -> str:
        kind = "worker" if "Worker" in self.name else "dispatcher"
        return f"{kind}-{self._number}.{self._lives}"

    def start(self) -> "_Sandbox":
        if self.pid is None:
            self._release = self._fleet.release
            suffix, partitions = self._fleet.releases[self._release]
            self._function = replace(self._function, handler=self._handler + suffix)
            self._environment["PARTITIONS"] = f"{partitions}"
            self._lives += 1
            self._environment["AWS_ACCESS_KEY_ID"] = self.access_key = self.life
            self._environment["USER_AGENT"] = f"chaos/1 (+https://chaos.example/{self.life})"
        super().start()
        return self

    def invoke(self, event: Mapping[str, Any]) -> Any:
        if self._release != self._fleet.release:
            self.stop()  # what is under way ends as it began, and what begins is of the new release
        result = super().invoke(event)
        failed = {failure["itemIdentifier"] for failure in result["batchItemFailures"]}
        for record in event["Records"]:
            if record["messageId"] in failed:
                self._fleet.hurry("DispatchQueue", record["receiptHandle"])
        return result

    def kill(self) -> None:
        super().kill()
        self._fleet.deaths.setdefault(self.life, time.time())

    def stop(self) -> None:
        super().stop()
        self._fleet.deaths.setdefault(self.life, time.time())


class Sqs:
    """
    What SQS does otherwise than moto.

    It heeds the last receipt handle of a message and no earlier one, and for five minutes it knows
    the deduplication ids of what was deleted, too.
    """

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._sent: set[tuple[str, str]] = set()
        self._batches: dict[str, dict[str, Batch]] = defaultdict(dict)
        self.first: set[str] = set()
        """The handles of messages that were delivered for the first time."""
        self.again = 0
        """How often a batch was delivered that had been delivered before."""
        self._hidden: dict[str, float] = {}
        """By receipt handle, until when nobody else receives the message, at the latest."""
        self._deleted: set[str] = set()

    def holds(self, handle: str) -> bool:
        """Tell whether `handle` is the last one of its message."""
        message = self._messages.get(handle)
        return message is None or self._last[message] == handle

    def in_hand(self, life: str) -> dict[str, Batch]:
        """Return the batches that a process has in hand, by receipt handle."""
        batches = list(self._batches[life].items())
        return {handle: batch for handle, batch in batches if self.holds(handle)}

    def check_came_back(self, handles: Iterable[str], moment: float) -> None:
        """
        All that a worker had in hand which died at that moment, others had a lease later.

        Not counted is what it had deleted in that moment.
        """
        for handle in handles:
            if handle not in self._deleted:
                # From its receipt it is hidden for as long as that may wait, too: for a second.
                assert self._hidden[handle] <= moment + LEASE + 1 + _ON_ITS_WAY
                assert not self.holds(handle), "nobody has received it again"

    def correct(self, call: Call, forward: Forward) -> Answer:
        match call.what.partition(" ")[0]:
            case "ReceiveMessage":
                answer = forward(call)
                hidden = time.time() + call.arguments.get("VisibilityTimeout", 0)
                for message in json.loads(answer.body).get("Messages", []):
                    self._note(call.client, message)
                    self._hidden[message["ReceiptHandle"]] = hidden
                return answer
            case "ChangeMessageVisibility" | "DeleteMessage":
                handle = call.arguments["ReceiptHandle"]
                if not self.holds(handle):
                    return (refuse if call.client else succeed)(call, forward)
                self._batches[call.client].pop(handle, None)
                if call.what.startswith("Delete"):
                    self._deleted.add(handle)
            case "ChangeMessageVisibilityBatch":
                entries = call.arguments["Entries"]
                stale = [entry for entry in entries if not self.holds(entry["ReceiptHandle"])]
                answer = refuse_entries(call, forward, stale)
                now = time.time()
                self._hidden |= {e["ReceiptHandle"]: now + e["VisibilityTimeout"] for e in entries}
                return answer
            case "SendMessageBatch":
                return self._send(call, forward)
        return forward(call)

    def _note(self, client: str, message: Mapping[str, Any]) -> None:
        receives = message.get("Attributes", {}).get("ApproximateReceiveCount")
        if receives is None:
            return  # whoever did not ask is no function: a redrive
        handle = message["ReceiptHandle"]
        self._messages[handle] = message["MessageId"]
        self._last[message["MessageId"]] = handle
        if receives == "1":
            self.first.add(handle)
        with suppress(InvalidJobError):  # then it is no batch
            self._batches[client][handle] = decode_batch(message["Body"])
            self.again += receives != "1"

    def _send(self, call: Call, forward: Forward) -> Answer:
        entries = call.arguments["Entries"]
        ids = {
            e["Id"]: (e.get("MessageGroupId", ""), e.get("MessageDeduplicationId")) for e in entries
        }
        known = [entry for entry in entries if ids[entry["Id"]] in self._sent]
        answer = succeed(call, forward)
        if fresh := [entry for entry in entries if entry not in known]:
            answer = forward(call.asking(Entries=fresh))
            if answer.status != HTTPStatus.OK:
                return answer
        said = json.loads(answer.body)
        sent = said.get("Successful", [])
        self._sent |= {ids[entry["Id"]] for entry in sent if ids[entry["Id"]][1]}
        said["Successful"] = sent + [{"Id": entry["Id"], "MessageId": "known"} for entry in known]
        return answer._replace(body=json.dumps(said).encode())


class Fleet(LocalCloud):
    """
    The local cloud under fire.

    Args:
        folder: For its data bucket, its logs and its template.
        site: All the hosts there are.
        rng: The source of chance.
        times: Patterns in the template and what takes their place, after `TIMES`.
        workers: Worker sandboxes.
        dispatchers: Dispatcher sandboxes.
        partitions: The fleet's number of partitions.
        machines: Workers that no wake calls and that stay, beside the sandboxes.
        waits_for_leases: What a dead worker had in hand comes back when its leases end, as on AWS,
            and not soon.
        parameters: Of the template.
    """

    dead_seconds = GAP

    def __init__(
        self,
        folder: Path,
        site: Website,
        rng: Random,
        *,
        times: Mapping[str, str] | None = None,
        workers: int = 3,
        dispatchers: int = 2,
        partitions: int = 12,
        machines: int = 0,
        waits_for_leases: bool = False,
        **parameters: str,
    ) -> None:
        self.rng = rng
        self.site = site
        self.folder = folder
        self.said: list[str] = []
        self._notifications: dict[str, str] = {}
        self.letters = 0
        """Messages that were in dead-letter queues when all others were empty."""
        self.deaths: dict[str, float] = {}
        """When each process that has died did so, by its life."""
        self.leases_lost: set[str] = set()
        """By receipt handle, what a worker was refused the lease on."""
        self._held: dict[str, str] = {}
        """By key, the life of the worker whose commit is held."""
        self._waits_for_leases = waits_for_leases
        self._has_ended = threading.Event()
        self._machines = machines
        self._plugged_in: list[threading.Thread] = []
        self.sqs = Sqs()
        self.releases = [("", partitions)]
        """What comes behind the names of a release's handlers, and its number of partitions."""
        self.release = 0
        """Which of `releases` is deployed: an invocation under way goes on with the former one."""
        template = folder / "template.yaml"
        template.write_text(_edited(TEMPLATE.read_text(), {**TIMES, **(times or {})}))
        parameters = {
            "AllowPrivateNetworks": "true",
            "ConnectTo": f"::127.0.0.1:{site.port}",
            "BatchSize": "3",
            **parameters,
        }
        super().__init__(
            folder,
            workers=workers,
            parameters=parameters,
            on_put=lambda _: None,
            report=self.said.append,
            template=template,
            partitions=partitions,
        )
        self._wanted[DISPATCHER] = dispatchers
        self.proxy = FaultProxy(self._server.endpoint, rng, self.sqs.correct)
        self._server.endpoint = self.proxy.endpoint
        self.template = Template(template, self.proxy.endpoint, parameters)

    def run(
        self,
        *lists: UrlList,
        limit: float = 400.0,
        later: Iterable[Callable[[], object]] = (),
        held: Iterable[str] = (),
    ) -> dict[str, UrlList]:
        """
        Upload `lists` and work until every queue is empty; return them by their jobs.

        Nobody is told of those that are `held`, by name or key, until somebody says `begin`. At
        the end comes the first of `later`, and the work goes on until every queue is empty again.

        Raises:
            AssertionError: that is not so after `limit` seconds.
        """
        jobs = {}
        try:
            self.proxy.start()
            self.start()
            for each in lists:
                self.upload(f"{each.name}/spec.yaml", each.spec_body)
                notification = self.upload(each.key, each.body)(b"")
                self._notifications.setdefault(each.name, notification)
                self._notifications[each.key] = notification
                [uploaded] = decode_dispatch(notification)
                assert isinstance(uploaded, ListUploaded)
                jobs[uploaded_job(uploaded)] = each
            self.serve()
            for each in lists:
                if each.name not in held and each.key not in held:
                    self.begin(each.key)
            deadline = time.monotonic() + limit
            self._exhaust(deadline)
            for step in later:
                step()
                self._exhaust(deadline)
            self._settle(jobs)
        finally:
            self.stop()
            self.proxy.stop()
        return jobs

    def serve(self) -> None:
        super().serve()
        for number in range(_FIRST_MACHINE, _FIRST_MACHINE + self._machines):
            thread = threading.Thread(target=self._keep_plugged_in, args=(number,), daemon=True)
            self._plugged_in.append(thread)
            thread.start()

    def _keep_plugged_in(self, number: int) -> None:
        function = self._function(WORKER)
        machine = _Sandbox(
            replace(
                function,
                name=f"Machine{WORKER}",
                handler=function.handler.replace(".worker", ".machine"),
                timeout=1_000_000,
            ),
            self.proxy.endpoint,
            self._logs / f"machine-{number}.log",
            number,
            self,
        )
        self._sandboxes.append(machine)
        while not self._has_ended.is_set():
            with suppress(FunctionError, SandboxDiedError):
                machine.invoke({"Records": []})

    def stop(self) -> None:
        self._has_ended.set()
        while any(thread.is_alive() for thread in self._plugged_in):
            for sandbox in self._sandboxes:
                sandbox.kill()
            for thread in self._plugged_in:
                thread.join(_LOOK_INTERVAL)
        super().stop()

    def begin(self, name: str) -> None:
        """Start the job of the list of this name, or of this key."""
        self.notify(self._notifications[name])

    def cancel(self, job: str) -> None:
        """Ask for the end of a job, as the command does."""
        self._s3.put_object(Bucket=self._kept.bucket, Key=cancelled_key(job), Body=b"")

    def redrive(self) -> int:
        """Give all dead letters another life, as the command does; return how many there were."""
        outputs = {f"{name}Url": self.template.queue_url(name) for name in self.template.queues}
        session = boto3.Session("test", "test", region_name=REGION)
        os.environ["AWS_ENDPOINT_URL"] = self.proxy.endpoint
        return redrive(Stack("chaos", session, outputs), "DispatchDLQ", None).letters

    def _exhaust(self, deadline: float) -> None:
        empty = 0
        while empty < 2:  # between two queues a message is in neither
            empty = empty + 1 if self.idle() else 0
            assert time.monotonic() < deadline, "there is no end: " + "; ".join(self.said[-5:])
            time.sleep(_LOOK_INTERVAL)

    def _settle(self, jobs: Iterable[str]) -> None:
        for job in jobs:
            self.look_at(job)
        # Not for ever: a job that is not complete is told better by its results.
        _within(60, lambda: all((self.folder / announced_key(job)).exists() for job in jobs))
        self.letters = self.dead_letters()

    def hurry(self, queue: str, handle: str) -> None:
        """Let a message come back now."""
        if self.sqs.holds(handle):
            self._sqs.change_message_visibility(
                QueueUrl=self.template.queue_url(queue), ReceiptHandle=handle, VisibilityTimeout=0
            )

    def kill(self, life: str) -> None:
        """End the process of that life with SIGKILL."""
        self._sandbox(life).kill()

    @staticmethod
    def is_machine(life: str) -> bool:
        """Tell whether a process is a worker beside the sandboxes."""
        kind, _, number = life.partition("-")
        return kind == "worker" and float(number) >= _FIRST_MACHINE

    def fullest(self, *, machines: bool = False) -> tuple[str, int]:
        """Return which process has most batches in hand, or which machine, and how many."""
        lives = [s.life for s in self._sandboxes if isinstance(s, _Sandbox) and s.pid]
        lives = [life for life in lives if life not in self.deaths]
        lives = [life for life in lives if not machines or self.is_machine(life)]
        counts = [(len(self.sqs.in_hand(life)), life) for life in lives]
        number, life = max(counts, default=(0, ""))
        return life, number

    def kill_one(self) -> None:
        """End some process that runs."""
        alive = [sandbox for sandbox in self._sandboxes if sandbox.pid]
        if alive:
            self.rng.choice(alive).kill()

    def killing(self, *, after: bool = False, entries: int | None = None) -> Effect:
        """
        Return what kills who calls, before or after what he asks for is done.

        With `entries`, only that many of several messages are sent before.
        """

        def effect(call: Call, forward: Forward) -> None:
            if entries is not None:
                forward(call.asking(Entries=call.arguments["Entries"][:entries]))
            elif after:
                forward(call)
            self.kill(call.client)

        return effect

    def redelivering(self) -> Effect:
        """Return what makes acknowledged messages come back, once each."""

        def effect(call: Call, forward: Forward) -> Answer | None:
            if call.arguments["ReceiptHandle"] not in self.sqs.first:
                return forward(call)
            forward(call.asking("ChangeMessageVisibility", VisibilityTimeout=0))
            return succeed(call, forward)

        return effect

    def stalling(self) -> Effect:
        """Return what leaves the first process that calls without any answer, for all its life."""
        victims: list[str] = []

        def effect(call: Call, forward: Forward) -> Answer | None:
            victims.append(call.client)
            if call.client != victims[0]:
                return forward(call)
            while call.client not in self.deaths:
                time.sleep(0.1)
            return None

        return effect

    def losing_leases(self, times: int) -> Effect:
        """
        Return what refuses to renew a batch from now on, and soon has it received by another.

        Of one heartbeat one lease more is lost, and `times` in all.
        """
        lost = self.leases_lost

        def effect(call: Call, forward: Forward) -> Answer:
            entries = call.arguments["Entries"]
            fresh = [entry["ReceiptHandle"] for entry in entries]
            fresh = [handle for handle in fresh if handle not in lost]
            if fresh and len(lost) < times:
                handle = self.rng.choice(fresh)
                lost.add(handle)
                # On AWS the refusal comes later than the end of the lease: there is time to stop.
                threading.Timer(_STOP_SECONDS, self.hurry, ("WorkQueue", handle)).start()
            return refuse_entries(call, forward, [e for e in entries if e["ReceiptHandle"] in lost])

        return effect

    def losing_commit(self, times: int, *, once: Callable[[], bool]) -> Effect:
        """
        Return what holds commits until another worker has committed the same batch.

        It begins `once` that is true: a worker that is held cannot take what another waits for.
        """
        held = self._held

        def effect(call: Call, forward: Forward) -> Answer | None:
            key = call.what.partition("/")[2]
            if key not in held and len(held) < times and once():
                held[key] = call.client
                self._give_away(call.client, key)
            if held.get(key) != call.client or _within(3, (self.folder / key).exists):
                return forward(call)
            return None  # and the SDK asks again

        return effect

    def nothing_for_held(self) -> Effect:
        """
        Return what gives nothing to a worker whose commit is held.

        It would take its own batch, and another could not commit it before.
        """

        def is_held(life: str) -> bool:
            keys = [key for key, holder in self._held.items() if holder == life]
            return any(not (self.folder / key).exists() for key in keys)

        def effect(call: Call, forward: Forward) -> Answer:
            if is_held(call.client):
                time.sleep(0.2)  # as who waits for a message; else it would ask again at once
                return succeed(call, forward)
            answer = forward(call)
            if not is_held(call.client):
                return answer
            for message in json.loads(answer.body).get("Messages") or []:  # it had asked before
                self.hurry("WorkQueue", message["ReceiptHandle"])
            return succeed(call, forward)

        return effect

    def _give_away(self, life: str, key: str) -> None:
        """Let the batch be received again whose commit object is `key`, and call who does."""
        url = self.template.queue_url("WakeQueue")
        self._sqs.send_message(QueueUrl=url, MessageBody=encode(Wake()))
        for handle, batch in self.sqs.in_hand(life).items():
            if results_key(batch.job, batch.batch) == key:
                self.leases_lost.add(handle)  # or the next heartbeat would hide it again
                self.hurry("WorkQueue", handle)

    def _sandbox(self, life: str) -> "_Sandbox":
        [found] = [s for s in self._sandboxes if isinstance(s, _Sandbox) and s.life == life]
        return found

    def _start_sandboxes(self, name: str, count: int) -> None:
        for number in range(1, count + 1):
            log = self._logs / f"{name}-{number}.log"
            sandbox = _Sandbox(self._function(name), self.proxy.endpoint, log, number, self)
            self._sandboxes.append(sandbox.start())

    def _make_queues(self) -> None:
        super()._make_queues()
        if self._waits_for_leases:  # as on AWS
            for mapping in self.mappings.values():
                mapping._lose = lambda *_: None  # type: ignore[method-assign]


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait for `condition`, `seconds` at most; tell whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _edited(text: str, edits: Mapping[str, str]) -> str:
    for pattern, replacement in edits.items():
        text, count = re.subn(pattern, replacement, text)
        assert count, f"template.yaml has no {pattern}"
    return text


# ---- what must be true afterwards


class Results:
    """
    The results of a job, each batch with what it has deferred.

    Raises:
        AssertionError: a target has no final outcome or two, or the ledger says otherwise.
    """

    def __init__(self, folder: Path, job: str, lines: Mapping[int, str]) -> None:
        self._folder, self._job = folder, job
        manifest = decode_manifest((folder / manifest_key(job)).read_bytes())
        keys = [p.relative_to(folder).as_posix() for p in folder.glob(f"jobs/{job}/*/*")]
        self._ledger = ledger_of(manifest, keys)
        self._committed = {
            path.name.partition(".")[0]: read_outcomes(path)
            for path in folder.glob(f"{results_prefix(job)}[0-9]*")
        }
        assert self._ledger.complete, self._ledger
        self._final: dict[int | str, Outcome] = {}
        self._letters = 0
        self.starts: list[tuple[str, float]] = []
        """Host and time of the first request for each target in each batch."""
        roots = [batch for batch in self._committed if batch == root_id(batch)]
        targets: dict[int | str, str] = dict(lines.items())
        for batch in roots:
            self._follow(batch, dict(targets))
        assert not self._committed, f"nobody has deferred anything to {list(self._committed)}"
        listed = {i: outcome.url for i, outcome in self._final.items() if isinstance(i, int)}
        assert listed == lines
        self._check_ledger([key for key in keys if "/receipts/" in key], len(lines))

    @property
    def final(self) -> dict[str, Outcome]:
        """The final outcome of each URL."""
        return {outcome.url: outcome for outcome in self._final.values()}

    def _follow(self, batch: str, targets: dict[int | str, str]) -> None:
        """Take out a batch, in which the first thing to fetch is `targets`, and its children."""
        outcomes = self._committed.pop(batch)
        deferred: dict[int | str, str] = {}
        for outcome in outcomes:
            for found in outcome.found:
                (targets if found.child is None else deferred)[found.url] = found.url
        for outcome in outcomes:
            assert outcome.id in targets, f"{batch} holds {outcome.url}, which is not for it"
            if outcome.elapsed_ms:  # something was fetched
                began = datetime.fromisoformat(outcome.fetched_at).timestamp()
                self.starts.append((parse_url(targets[outcome.id]).host, began))
            if outcome.outcome is Kind.DEFERRED:
                deferred[outcome.id] = (outcome.url, *outcome.redirects)[-1]
            elif outcome.outcome in FINAL:
                assert outcome.id not in self._final, f"{outcome.url} has two final outcomes"
                self._final[outcome.id] = outcome
        children = self._ledger.receipts[batch].get("children", 0)
        names = [child_id(batch, number) for number in range(1, children + 1)]
        together = [self._committed.get(name, []) for name in names]
        joined = {
            found.url
            for child in together
            for o in child
            for found in o.found
            if found.child is None
        }
        came_back = [o.id for child in together for o in child if o.id not in joined]
        assert Counter(came_back) == Counter(deferred.keys()), f"{batch} has deferred others"
        for name in names:
            self._follow(name, deferred)
        self._follow_letters(batch, {o.id: o.url for o in outcomes if o.outcome is Kind.DEAD})

    def _follow_letters(self, batch: str, dead: dict[int | str, str]) -> None:
        """Take out what was redriven of a batch: its outcomes are in the place of the dead ones."""
        for number in count(1):
            letter = dead_letter_id(batch, number)
            if letter not in self._committed:
                return
            self._letters += 1
            for outcome in self._committed[letter]:
                died = self._final.pop(outcome.id)
                assert died.outcome is Kind.DEAD, f"{died.url} was redriven and not dead"
            self._follow(letter, dict(dead))

    def _check_ledger(self, receipts: list[str], lines: int) -> None:
        ledger = self._ledger
        assert len(receipts) == len(ledger.receipts) == ledger.batches + self._letters
        assert (ledger.listed, ledger.rejected, ledger.duplicates) == (lines, 1, 1)
        assert ledger.targets == len(self._final)
        summary = decode_summary((self._folder / summary_key(self._job)).read_bytes())
        assert (summary.rejected, summary.duplicates) == (1, 1)
        assert summary.targets == len(self._final)
        assert summary.targets - summary.found == lines
        kinds = Counter(str(outcome.outcome) for outcome in self._final.values())
        # It is written once, and a redrive comes later.
        assert self._letters or +Counter(summary.outcomes) == kinds
        counted = Counter(outcome_name(o.outcome, o.reason) for o in self._final.values())
        assert ledger.final == counted


def check_pages(final: Mapping[str, Outcome]) -> None:
    """All pages are scraped, each with what is on it; what is gone is gone."""
    for url, outcome in final.items():
        _, _, host, *path = url.split("/")
        if path == ["gone"]:
            assert (outcome.outcome, outcome.status) == (Kind.FAILED, 404)
        else:
            at = path[1] if path[0] == "moved" else host
            assert outcome.outcome is Kind.SCRAPED, outcome
            assert outcome.rows[0]["title"] == f"{at} {path[-1]}"


def check_crawled(final: Mapping[str, Outcome], hosts: Sequence[str]) -> None:
    """Of all pages of `hosts`, and of each link to one, there is one outcome; each is read once."""
    titles = Counter(
        outcome.rows[0]["title"]
        for url, outcome in final.items()
        if outcome.outcome is Kind.SCRAPED and not url.endswith("?again")
    )
    assert titles == {f"{host} {page}": 1 for host in hosts for page in range(LINKED_PAGES)}
    expected = {f"http://{host}/page/{page}" for host in hosts for page in range(LINKED_PAGES)}
    moved = {
        f"http://{host}/moved/{hosts[(at + 1) % len(hosts)]}/{page}"
        for at, host in enumerate(hosts)
        for page in range(LINKED_PAGES)
    }
    gone = {f"http://{host}/page/9/gone" for host in hosts}
    again = {f"{url}?again" for url in expected}
    # A page that a move has led to first is no target of its own.
    assert {*final} <= expected | moved | gone | again
    assert {*final} >= moved | gone | again
    for url, outcome in final.items():
        if url in gone:
            assert (outcome.outcome, outcome.status) == (Kind.FAILED, 404)
        elif url in moved and outcome.outcome is Kind.SKIPPED:
            assert outcome.reason is Reason.DUPLICATE
        else:
            assert outcome.outcome is Kind.SCRAPED, outcome


def check_visits(log: Iterable[LogEntry], deaths: Mapping[str, float]) -> None:
    """
    No host has two requests at once, by the log of the website.

    Specs allow one, so two would be of two workers. A request ends with the process that made it.
    """
    by_host = defaultdict(list)
    for entry in sorted(log, key=lambda entry: entry.began):
        died = deaths.get(life_of(entry.user_agent), inf)
        if entry.began < died:
            by_host[entry.host].append((entry, min(entry.ended, died)))
    assert by_host
    for entries in by_host.values():
        for (one, ended), (other, _) in pairwise(entries):
            assert ended <= other.began, f"at once: {one} and {other}"


def check_pause(starts: Iterable[tuple[str, float]], pause: float) -> None:
    """
    Between two requests to a host there is at least half of the pause, which is what jitter leaves.

    By the clock of the workers: on its way a request can catch up with the one before it.
    """
    by_host = defaultdict(list)
    for host, began in sorted(starts):
        by_host[host].append(began)
    for times in by_host.values():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps, default=inf) >= pause / 2 - 0.002, times  # of whole milliseconds
