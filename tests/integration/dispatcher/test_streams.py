"""Lists that are read from their beginning, against a real S3 and SQS API."""

import gzip
import hashlib
import re
from collections.abc import Callable

import msgspec
import pytest
from backports import zstd

from functions.dispatcher.dispatch import Dispatcher
from shared.keys import (
    job_prefix,
    rejected_key,
)
from shared.messages import (
    Shard,
    decode_batch,
)
from tests.cloud import Deployment
from tests.dispatching import (
    CSV,
    LONG,
    SITEMAP,
    bodies,
    forget_dispatch,
    forget_plans,
    lines_of,
    run,
    sent,
    shards_in,
    started,
    started_alone,
    upload,
)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("urls.txt.gz", gzip.compress(LONG[:700]) + gzip.compress(LONG[700:])),
        ("urls.txt.zst", zstd.compress(LONG[:700]) + zstd.compress(LONG[700:])),
        ("urls.csv", CSV),
        ("urls.csv.gz", gzip.compress(CSV)),
        ("urls.xml", SITEMAP),
        ("urls.xml.zst", zstd.compress(SITEMAP)),
        ("urls.jsonl.gz", gzip.compress(re.sub(rb"http.*", rb'{"url":"\g<0>"}', LONG))),
    ],
)
def test_a_stream_gives_the_same_in_one_go_and_in_many(
    dispatcher: Dispatcher, deployment: Deployment, key: str, body: bytes
) -> None:
    request = upload(deployment, body, key)
    manifest = started_alone(dispatcher, deployment, request)
    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)
    in_one_go = bodies(deployment)
    keys = list(deployment.data.keys(job_prefix(manifest.job)))
    assert shards_in(deployment) == []

    forget_dispatch(deployment, manifest.job)
    invocations = 0
    waiting = [Shard(job=manifest.job)]
    while waiting:
        invocations += 1
        dispatcher.dispatch(waiting.pop(), time_left=lambda: 0.0)
        waiting += shards_in(deployment)

    assert invocations > 10
    assert bodies(deployment) == in_one_go
    assert list(deployment.data.keys(job_prefix(manifest.job))) == keys
    ledger = deployment.ledger(manifest.job)
    assert ledger.fully_dispatched
    assert (ledger.targets, ledger.rejected) == (80, 0)
    line_of = {"csv": 2}.get(key.split(".")[1], 1)
    step = 2 if ".csv" in key else 1
    found = lines_of([decode_batch(body) for body in in_one_go])
    assert found == {line_of + step * n: f"http://h{n % 7}.example/{n}" for n in range(80)}


@pytest.mark.parametrize("packed", [gzip.compress, zstd.compress])
def test_a_list_that_breaks_off_is_reported_and_dispatched_up_to_there(
    dispatcher: Dispatcher, deployment: Deployment, packed: Callable[[bytes], bytes]
) -> None:
    body = b"".join(
        b"http://h.example/%s\n" % hashlib.md5(b"%d" % n).hexdigest().encode() for n in range(9_000)
    )
    suffix = ".gz" if packed is gzip.compress else ".zst"
    whole = packed(body)

    manifest = run(
        dispatcher, deployment, upload(deployment, whole[: len(whole) // 2], f"urls.txt{suffix}")
    )

    lines = body.decode().splitlines()
    found = lines_of(sent(deployment))
    assert 1_000 < len(found) < 9_000
    assert found == dict(enumerate(lines[: len(found)], start=1))
    report = deployment.data.get(rejected_key(manifest.job, 0))
    assert report is not None
    assert msgspec.json.decode(report) == {
        "line": len(found) + 1,
        "text": "",
        "reason": f"the {suffix[1:]} breaks off here: the file is not complete",
    }
    ledger = deployment.ledger(manifest.job)
    assert ledger.fully_dispatched
    assert (ledger.rejected, ledger.damaged) == (1, True)


@pytest.mark.parametrize(("rest", "damaged"), [(b"<url></loc>", True), (b"</urlset>", False)])
def test_a_sitemap_that_is_wrong_in_the_middle_is_damaged(
    dispatcher: Dispatcher, deployment: Deployment, rest: bytes, damaged: bool
) -> None:
    begin = b"<urlset><url><loc>http://h.example/a</loc></url>"

    manifest = run(dispatcher, deployment, upload(deployment, begin + rest, "map.xml"))

    ledger = deployment.ledger(manifest.job)
    assert (ledger.targets, ledger.damaged) == (1, damaged)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("time_left", [100.0, 0.0])
@pytest.mark.parametrize(
    ("key", "body"),
    [("urls.csv", CSV), ("urls.txt.gz", gzip.compress(LONG)), ("urls.xml", SITEMAP)],
)
def test_a_stream_goes_on_behind_what_release_0_1_has_dispatched_of_it(
    dispatcher: Dispatcher, deployment: Deployment, key: str, body: bytes, time_left: float
) -> None:
    """Its dispatcher was killed amid, so there is no message but that of the beginning."""
    manifest = started(dispatcher, upload(deployment, body, key))
    [waiting] = shards_in(deployment)
    for _ in range(3):
        dispatcher.dispatch(waiting, time_left=lambda: 0.0)
        [waiting] = shards_in(deployment)
    forget_plans(deployment, manifest.job)
    before = sent(deployment)

    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: time_left)
    while shards := shards_in(deployment):
        dispatcher.dispatch(shards.pop(), time_left=lambda: time_left)

    found = lines_of(before + sent(deployment))
    assert sorted(found.values()) == sorted(f"http://h{n % 7}.example/{n}" for n in range(80))
    ledger = deployment.ledger(manifest.job)
    assert ledger.fully_dispatched
    assert ledger.targets == 80


@pytest.mark.usefixtures("small_shards")
def test_a_stream_that_is_gone_behind_what_release_0_1_has_dispatched_is_damaged(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    request = upload(deployment, CSV, "urls.csv")
    manifest = started(dispatcher, request)
    [whole] = shards_in(deployment)
    dispatcher.dispatch(whole, time_left=lambda: 0.0)
    shards_in(deployment)
    forget_plans(deployment, manifest.job)
    deployment.upload(request.place.key, b"url\nhttp://other.example/\n")

    dispatcher.dispatch(whole, time_left=lambda: 100.0)

    assert deployment.manifest(manifest.job).error is None
    ledger = deployment.ledger(manifest.job)
    assert ledger.fully_dispatched
    assert ledger.damaged
    assert sorted(ledger.dispatched) == ["00000", "00001"]
