"""Lists that can be cut anywhere, against a real S3 and SQS API."""

import pytest

import functions.dispatcher.jobs as jobs_module
from functions.dispatcher.dispatch import Dispatcher
from shared.keys import (
    job_prefix,
)
from tests.cloud import Deployment
from tests.dispatching import (
    bodies,
    dispatch_all,
    forget_dispatch,
    lines_of,
    run,
    sent,
    shards_in,
    started,
    upload,
)


@pytest.mark.usefixtures("small_shards")
def test_shards_give_what_the_whole_list_would(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    body = b"\n".join(b"http://h%d.example/%s" % (n % 5, b"x" * (n * 7 % 60)) for n in range(60))

    manifest = run(dispatcher, deployment, upload(deployment, body))

    ledger = deployment.ledger(manifest.job)
    assert manifest.shards is not None
    assert manifest.shards > 10
    assert ledger.fully_dispatched
    lines = body.decode().split("\n")
    found = lines_of(sent(deployment))
    assert set(found.values()) == set(lines)
    assert all(lines[number - 1] == url for number, url in found.items())
    assert ledger.targets == len(found)


@pytest.mark.usefixtures("small_shards")
def test_shards_are_dispatched_alone_and_in_any_order(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """As by many invocations at once: the batches are those of one going through them all."""
    body = b"\n".join(b"http://h%d.example/%d" % (n % 7, n) for n in range(80))
    manifest = started(dispatcher, upload(deployment, body))
    [whole] = shards_in(deployment)

    dispatcher.dispatch(whole, time_left=lambda: 100.0)
    shards = shards_in(deployment)
    assert all(shard.alone for shard in shards)
    assert [shard.shard for shard in shards] == [*range(1, manifest.shards or 0)]
    for shard in reversed(shards):
        dispatcher.dispatch(shard, time_left=lambda: 0.0)
    in_parallel = bodies(deployment)
    keys = list(deployment.data.keys(f"{job_prefix(manifest.job)}dispatched/"))

    forget_dispatch(deployment, manifest.job)
    dispatcher.dispatch(whole, time_left=lambda: 0.0)
    dispatch_all(dispatcher, deployment)

    assert bodies(deployment) == in_parallel
    assert list(deployment.data.keys(f"{job_prefix(manifest.job)}dispatched/")) == keys
    assert shards_in(deployment) == []


@pytest.mark.usefixtures("small_shards")
def test_a_list_of_carriage_returns_has_the_same_targets_in_shards(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    ends = [b"\r", b"\r\n", b"\n", b"\r\r\n"]
    lines = [b"http://h%d.example/%s" % (n % 5, b"x" * (n * 7 % 60)) for n in range(60)]
    body = b"".join(line + ends[n % 4] for n, line in enumerate(lines))

    manifest = run(dispatcher, deployment, upload(deployment, body))

    numbered = dict(enumerate(body.decode().splitlines(), start=1))
    assert manifest.shards is not None
    assert manifest.shards > 10
    found = lines_of(sent(deployment))
    assert set(found.values()) == {line.decode() for line in lines}
    assert all(numbered[number] == url for number, url in found.items())


def test_a_long_list_of_domains_is_refused_as_a_whole(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "SHARD_BYTES", 1_000)
    body = b"".join(b"shop%d.example\n" % n for n in range(500))

    manifest = run(dispatcher, deployment, upload(deployment, body))

    assert manifest.error is not None
    assert "write https://shop0.example;" in manifest.error
    assert deployment.ledger(manifest.job).dispatched == {}
