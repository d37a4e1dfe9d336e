"""The fleet's lock changes hands without two owners of a host, against a real S3 API."""

import math
import threading
from typing import Any

import msgspec
import pytest

from functions.worker.fence import ADOPT_SECONDS, Fence, LockTakenError, adopt
from functions.worker.politeness.partition import PartitionState, decode_state, encode_state
from functions.worker.politeness.pause import HostState
from functions.worker.politeness.robots import cached_robots
from shared.errors import StorageError
from shared.keys import state_key
from shared.lock import (
    FENCE_SECONDS,
    LOCK_KEY,
    LOOK_SECONDS,
    Lock,
    decode_lock,
    encode_lock,
    lock_name,
)
from shared.settings import WorkerSettings
from shared.store import Bucket
from shared.urls import partition_of
from tests.cloud import Deployment

NOW = 1_795_292_541.0
LIFE = 130.0  # seconds that a worker may have a batch


class Fleet:
    """Workers of several releases on one stack, with a clock that is set."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.now = NOW
        self._fences: dict[int, Fence] = {}

    def settings(self, partitions: int) -> WorkerSettings:
        return msgspec.structs.replace(
            self.deployment.worker_settings, partitions=partitions, former_partitions=256
        )

    def wait(self, partitions: int) -> float:
        """Return for how long a worker of the release with so many partitions must wait."""
        fence = self._fences.setdefault(
            partitions, Fence(self.deployment.data, self.settings(partitions), lambda: self.now)
        )
        try:
            fence.hold()
        except LockTakenError:  # it ends, and another one may begin later
            del self._fences[partitions]
            return math.inf
        except StorageError as error:
            return error.wait
        return 0.0

    def begin_anew(self) -> None:
        """Let all workers end, and others begin later."""
        self._fences.clear()

    def lock(self) -> Lock:
        body = self.deployment.data.get(LOCK_KEY)
        assert body is not None
        return decode_lock(body)


@pytest.fixture
def fleet(deployment: Deployment) -> Fleet:
    return Fleet(deployment)


def test_a_new_stack_waits_for_nobody(fleet: Fleet) -> None:
    assert fleet.wait(1024) == 0
    assert fleet.lock() == Lock(name=lock_name(1024))


def test_a_stack_of_release_0_1_rests_until_its_workers_have_ended(fleet: Fleet) -> None:
    fleet.deployment.data.put(state_key(7), encode_state(PartitionState(), NOW))

    assert fleet.wait(1024) == FENCE_SECONDS
    assert fleet.lock() == Lock(name=lock_name(1024), since=NOW, former=256)
    fleet.now += FENCE_SECONDS - 1
    assert fleet.wait(1024) == 1
    fleet.now += 1
    assert fleet.wait(1024) == 0


def test_a_second_upgrade_from_0_1_rests_where_the_lock_is_deleted(fleet: Fleet) -> None:
    """0.1 knows nothing of the lock, which would say that it is ours still; see operations.md."""
    fleet.deployment.data.put(state_key(7), encode_state(PartitionState(), NOW))
    fleet.wait(1024)
    fleet.now += 30 * FENCE_SECONDS
    fleet.deployment.s3.delete_object(Bucket=fleet.deployment.data_bucket, Key=LOCK_KEY)
    fleet.begin_anew()

    assert fleet.wait(1024) == FENCE_SECONDS
    assert fleet.lock() == Lock(name=lock_name(1024), since=fleet.now, former=256)


def test_no_worker_begins_before_all_of_the_former_lock_have_ended(fleet: Fleet) -> None:
    """However they come: an upgrade, old workers that are still started, and a rollback."""
    began: dict[int, float] = {}
    for step in range(600):
        fleet.now = NOW + 3 * step
        upgraded = 300 < 3 * step < 1200
        both = 300 < 3 * step < 330  # while a release is rolled out
        for partitions in {1024} if upgraded and not both else {256, 1024} if both else {256}:
            if fleet.wait(partitions) == 0:
                for other, at in began.items():
                    assert other == partitions or fleet.now >= at + LIFE
                began[partitions] = fleet.now
    assert began.keys() == {256, 1024}
    assert began[256] > began[1024]


def test_the_lock_is_looked_at_once_in_a_while(fleet: Fleet) -> None:
    assert fleet.wait(1024) == 0
    other = Lock(name=lock_name(256), since=NOW)
    fleet.deployment.data.put(LOCK_KEY, encode_lock(other))

    fleet.now += LOOK_SECONDS - 1
    assert fleet.wait(1024) == 0
    fleet.now += 1
    assert fleet.wait(1024) == math.inf, "it leaves the hosts to the release that came later"
    assert fleet.lock() == other
    assert fleet.wait(1024) == FENCE_SECONDS, "a worker that begins takes the lock"
    assert fleet.lock().former == 256


def test_the_threads_of_a_worker_take_the_lock_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them takes the others for another release."""
    former = Lock(name=lock_name(256))
    fleet.deployment.data.put(LOCK_KEY, encode_lock(former))
    fence = Fence(fleet.deployment.data, fleet.settings(1024), lambda: fleet.now)
    get_versioned = Bucket.get_versioned
    looks: list[str] = []
    waits: list[float] = []

    def hold() -> None:
        with pytest.raises(StorageError) as raised:
            fence.hold()
        waits.append(raised.value.wait)

    other = threading.Thread(target=hold)

    def look(bucket: Bucket, key: str) -> Any:
        looks.append(key)
        found = get_versioned(bucket, key)
        if len(looks) == 1:  # another thread wants to know in the middle of it
            other.start()
            other.join(1.0)
        return found

    monkeypatch.setattr(Bucket, "get_versioned", look)

    hold()
    other.join()

    assert waits == [FENCE_SECONDS, FENCE_SECONDS], "and not the 0 of a lock that is taken"
    assert looks == [LOCK_KEY]


def test_what_hosts_have_asked_for_is_known_under_the_next_lock(fleet: Fleet) -> None:
    data = fleet.deployment.data
    hosts = [f"shop{number}.example" for number in range(40)]
    by_former: dict[int, PartitionState] = {}
    for number, host in enumerate(hosts):
        state = by_former.setdefault(partition_of(host, 5), PartitionState(hosts={}, robots={}))
        state.hosts[host] = HostState(cool_until=NOW + 600 + number, updated_at=NOW)
        robots = cached_robots(200, b"User-agent: *\nDisallow: /x", user_agent="a", now=NOW)
        assert robots is not None
        state.robots[f"https://{host}"] = robots
    for former, state in by_former.items():
        data.put(state_key(former), encode_state(state, NOW))
    lock = Lock(name=lock_name(16), since=NOW, former=5)
    asked = hosts[0]
    own = partition_of(asked, 16)
    known = decode_state(data.get(state_key(own)))

    adopt(known, own, [asked], lock, data, NOW + FENCE_SECONDS)

    assert known.hosts[asked].cool_until == NOW + 600
    assert f"https://{asked}" in known.robots
    late = PartitionState(hosts={}, robots={})
    adopt(late, own, [asked], lock, data, NOW + ADOPT_SECONDS + 1)
    assert late.hosts == {}
