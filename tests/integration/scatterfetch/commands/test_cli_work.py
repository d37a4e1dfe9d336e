"""`scatterfetch work`: machines at work for a deployed stack, as processes."""

import gzip
import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from functions.worker.politeness.partition import PartitionState, decode_state, encode_state
from functions.worker.politeness.pause import HostState
from scatterfetch.releases import RELEASE
from shared.keys import manifest_key, results_key, state_key
from shared.lock import LOCK_KEY, PARTITIONS, Lock, encode_lock, lock_name
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Defer, Target, decode_dispatch, encode
from shared.outcomes import CommittedLine, Kind, decode_lines
from shared.queue import Message
from shared.spec import FetchSpec, Spec
from shared.urls import partition_of
from tests import ROOT
from tests.cloud import Deployment
from tests.commandline import scatterfetch_here
from tests.site import Site
from tests.stack import serving_stacks

JOB = "job-1"
OUTPUTS = {"Release": RELEASE, "Lock": lock_name(PARTITIONS), "Parsers": "none"}


def until(condition: Callable[[], Any]) -> None:
    """Wait for what another process brings about."""
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


class Stacks(dict[str, dict[str, str]]):
    """Stacks by their names, which counts how often somebody looks one up."""

    looks = 0

    def get(self, *args: Any) -> Any:
        self.looks += 1
        return super().get(*args)


class Fleet:
    """A stack without workers of its own, and a job whose batches a test sends."""

    def __init__(self, deployment: Deployment, site: Site, folder: Path) -> None:
        self.deployment = deployment
        self.site = site
        self.folder = folder
        self.stacks = Stacks(fleet=deployment.outputs | OUTPUTS)
        self.changing: set[str] = set()
        self._sent = 0
        manifest = Manifest(
            job=JOB,
            spec=Spec(fetch=FetchSpec(timeout=90, pause=0, robots="ignore", per_host=1)),
            partitions=PARTITIONS,
            batch_size=100,
            created_at="now",
        )
        deployment.data.put(manifest_key(JOB), encode_manifest(manifest))

    @property
    def parameters(self) -> dict[str, str]:
        return {
            "UserAgent": "machine/1.0 (+https://bot.example/)",
            "ConnectTo": f":80:127.0.0.1:{self.site.port}",
            "AllowPrivateNetworks": "true",
            "WorkerConcurrency": "0",
            "Partitions": "256",
            "BatchSize": "200",
        }

    def send(self, host: str, *paths: str) -> str:
        """Send a batch for the pages of `host` at `paths`; return its id."""
        self._sent += 1
        batch = Batch(
            job=JOB,
            batch=f"00000-{self._sent:06d}",
            partition=partition_of(host, PARTITIONS),
            targets=tuple(Target(f"http://{host}{path}", n) for n, path in enumerate(paths, 1)),
        )
        message = Message(encode(batch), group=batch.group, identity=batch.batch)
        self.deployment.work_queue.send([message])
        return batch.batch

    def outcomes(self, batch: str) -> list[CommittedLine] | None:
        """Return what was committed of a batch."""
        body = self.deployment.data.get(results_key(JOB, batch))
        return None if body is None else list(decode_lines(gzip.open(io.BytesIO(body))))

    def is_done(self, *batches: str) -> bool:
        return all(self.outcomes(batch) is not None for batch in batches)

    def deferred(self) -> list[str]:
        """Return the URLs that were handed back."""
        found = []
        for record in self.deployment.received(self.deployment.dispatch_queue_url):
            for message in decode_dispatch(record["body"]):
                assert isinstance(message, Defer)
                found += [target.url for target in message.batch.targets]
        return found

    @contextmanager
    def machine(self, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Have a machine at work until the end of the block."""
        path = os.environ.get("PYTHONPATH", str(ROOT))
        process = subprocess.Popen(
            [sys.executable, "-m", "scatterfetch", "work", "--stack", "fleet", *args],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def fleet(
    deployment: Deployment,
    endpoint: str,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fleet]:
    for path in ("/a", "/b"):
        site.page(path, path)
    fleet = Fleet(deployment, site, tmp_path)
    with serving_stacks(fleet.stacks, fleet.parameters, fleet.changing) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        yield fleet


@pytest.mark.long
def test_a_machine_works_for_a_stack_as_the_stack_says(fleet: Fleet) -> None:
    batches = [fleet.send(f"h{number}.example", "/a", "/b", "/none") for number in range(5)]

    with fleet.machine("--workers", "2") as process:
        until(lambda: fleet.is_done(*batches))
        until(lambda: not fleet.deployment.receive(fleet.deployment.work_queue_url))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert "2 workers for the stack fleet" in said
    assert "15 URLs done" in said
    assert "10 scraped, 5 failed" in said
    assert "Traceback" not in said
    assert fleet.stacks.looks == 1
    assert fleet.site.user_agents == {"machine/1.0 (+https://bot.example/)"}
    assert len(fleet.site.visits) == 15
    assert fleet.deployment.received(fleet.deployment.wake_queue_url) == [], "nobody to call"


def test_ctrl_c_hands_back_what_is_in_hand(fleet: Fleet) -> None:
    """And not when the slowest website has answered: what is done is committed, the rest left."""
    fleet.site.reply("/slow", 60.0)
    batch = fleet.send("h.example", "/a", "/slow", "/b")

    with fleet.machine("--workers", "1") as process:
        fleet.site.on_visit = lambda path: (
            process.send_signal(signal.SIGINT) if path == "/slow" else None
        )
        _, said = process.communicate(timeout=50)

    assert process.returncode == 0, said
    assert "stopping: what is under way is kept or handed back" in said
    assert [line.outcome for line in fleet.outcomes(batch) or []].count(Kind.SCRAPED) == 1
    assert sorted(fleet.deferred()) == ["http://h.example/b", "http://h.example/slow"]


def test_a_second_ctrl_c_ends_at_once(fleet: Fleet) -> None:
    fleet.site.reply("/slow", 60.0)
    batch = fleet.send("h.example", "/slow")

    with fleet.machine("--workers", "1") as process:
        asked = threading.Event()
        fleet.site.on_visit = lambda _path: asked.set()
        assert asked.wait(60)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        for line in process.stderr:
            if "stopping" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=50)

    assert process.returncode == 130
    assert not fleet.is_done(batch)


def test_workers_whose_machine_is_killed_hand_back_what_they_have(fleet: Fleet) -> None:
    fleet.site.reply("/slow", 60.0)
    batch = fleet.send("h.example", "/slow")

    with fleet.machine("--workers", "1") as process:
        fleet.site.on_visit = lambda _path: process.kill()
        deferred: list[str] = []

        def are_some_deferred() -> bool:
            deferred.extend(fleet.deferred())
            return bool(deferred)

        until(are_some_deferred)  # which they are behind the commit

    assert deferred == ["http://h.example/slow"]
    assert fleet.is_done(batch)


def test_two_machines_share_the_work_and_no_host(fleet: Fleet) -> None:
    hosts = [f"h{number}.example" for number in range(8)]
    fleet.site.reply("/slow", 0.2)
    batches: list[str] = []
    logs = [fleet.folder / name for name in ("one.log", "two.log")]

    def both_have_worked() -> bool:
        batches.extend(fleet.send(host, "/slow", "/a") for host in hosts)
        until(lambda: fleet.is_done(*batches))
        return all(f"{JOB}/" in log.read_text() for log in logs if log.exists())

    with (
        fleet.machine("--workers", "1", "--log", str(logs[0])) as one,
        fleet.machine("--workers", "1", "--log", str(logs[1])) as two,
    ):
        until(lambda: all(log.exists() for log in logs))
        until(both_have_worked)
        for process in (one, two):
            process.send_signal(signal.SIGTERM)
        for process in (one, two):
            process.communicate(timeout=60)

    assert (one.returncode, two.returncode) == (0, 0)
    assert len(fleet.site.visits) == 2 * len(batches), "each once"
    for host in hosts:
        visits = sorted((one.began, one.ended) for one in fleet.site.log if one.host == host)
        for (_, ended), (began, _) in pairwise(visits):
            assert ended <= began, "one owner, one request at a time"


def test_a_worker_that_dies_is_replaced(fleet: Fleet) -> None:
    first = fleet.send("h.example", "/a")

    with fleet.machine("--workers", "1") as process:
        until(lambda: fleet.is_done(first))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert process.stderr is not None
        said = next(line for line in process.stderr if "worker-1" in line)
        # One of them may go to the question that the dead one has asked, and come back later.
        others = [fleet.send(f"{name}.example", "/a") for name in "xyz"]
        until(lambda: any(map(fleet.is_done, others)))

    assert "worker-1 was killed by signal 9" in said
    assert "another worker begins in 1 s" in said


def test_a_machine_whose_clock_is_ahead_by_an_hour_leaves_hosts_alone_all_the_same(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another worker has written down holds, and what this one does."""
    (fleet.folder / "sitecustomize.py").write_text(
        "import time\nright = time.time\ntime.time = lambda: right() + 3600\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{fleet.folder}{os.pathsep}{ROOT}")
    host, other = "h.example", "other.example"
    number = partition_of(host, PARTITIONS)
    asked = PartitionState(hosts={host: HostState(cool_until=time.time() + 600)})
    fleet.deployment.data.put(state_key(number), encode_state(asked, time.time()))
    batches = [fleet.send(host, "/a"), fleet.send(other, "/b")]
    fleet.deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))

    with fleet.machine("--workers", "1") as process:
        until(lambda: fleet.is_done(*batches))
        until(lambda: not fleet.deployment.receive(fleet.deployment.work_queue_url))
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)

    assert fleet.site.visits == [(other, "/b")]
    assert re.search(r"this machine's clock is (3599|3600) s ahead of AWS's", said)
    key = state_key(partition_of(other, PARTITIONS))
    updated = decode_state(fleet.deployment.data.get(key)).hosts[other].updated_at
    assert abs(updated - time.time()) < 300


# ---- who may not work for a stack


@pytest.mark.parametrize(
    ("output", "value", "problem"),
    [
        (
            "Release",
            "0.3",
            f"is of release 0.3, and this is {RELEASE}: install 0.3 here, or deploy",
        ),
        ("Release", None, "is of release 0.1"),
        ("WakeQueueUrl", None, "has no output WakeQueueUrl"),
        ("Lock", "2048-1", f"is under the lock 2048-1, and workers .* {lock_name(PARTITIONS)}"),
        ("Lock", None, "is under the lock None"),
        ("Parsers", "0123", "deployed with other Python parsers than none, as there are here"),
        ("DataBucketName", None, "has no output DataBucketName"),
    ],
)
def test_a_machine_that_would_do_other_work_is_refused(
    fleet: Fleet, output: str, value: str | None, problem: str
) -> None:
    outputs = {**fleet.stacks["fleet"], output: value}
    fleet.stacks["fleet"] = {key: text for key, text in outputs.items() if text is not None}

    done = scatterfetch_here("work", "--stack", "fleet", cwd=fleet.folder)

    assert done.returncode == 2
    assert re.search(problem, done.stderr), done.stderr


def test_a_machine_waits_for_the_end_of_a_deployment(fleet: Fleet) -> None:
    """Or it would take back the lock that the release which is deployed has taken."""
    fleet.changing.add("fleet")

    with fleet.machine() as process:
        _, said = process.communicate(timeout=40)

    assert process.returncode == 2
    assert "the stack fleet is being deployed: wait until" in said


def test_a_machine_ends_when_another_release_takes_the_lock(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stack is the same until the deployment has come to its end."""
    (fleet.folder / "sitecustomize.py").write_text("from shared import lock; lock.LOOK_SECONDS = 0")
    monkeypatch.setenv("PYTHONPATH", f"{fleet.folder}{os.pathsep}{ROOT}")
    fleet.site.reply("/slow", 60.0)
    batch = fleet.send("h.example", "/slow")
    theirs = encode_lock(Lock(name=lock_name(PARTITIONS + 1), since=time.time()))
    fleet.site.on_visit = lambda _path: fleet.deployment.data.put(LOCK_KEY, theirs)

    with fleet.machine("--workers", "1") as process:
        _, said = process.communicate(timeout=40)

    assert process.returncode == 1, said
    assert "another release has taken the lock of the fleet" in said
    assert fleet.deployment.data.get(LOCK_KEY) == theirs
    assert fleet.is_done(batch)


def test_a_worker_of_too_little_memory_is_refused(fleet: Fleet) -> None:
    done = scatterfetch_here("work", "--stack", "fleet", "--memory", "256", cwd=fleet.folder)

    assert done.returncode == 2
    assert "--memory 256 is too little" in done.stderr
