"""What is to be sent is written first; a job is refused before its first batch or not at all."""

import gzip

import pytest

import functions.dispatcher.plan as plan_module
import functions.dispatcher.plans as plans_module
import functions.dispatcher.shards as shards_module
import functions.dispatcher.written as written_module
import shared.store
from functions.dispatcher.dispatch import Dispatcher
from shared.errors import StorageError
from shared.ids import batch_id
from shared.keys import (
    dispatched_folder,
    job_prefix,
    manifest_key,
    plan_key,
    plan_prefix,
    rejected_key,
)
from shared.manifest import encode_manifest
from shared.messages import (
    Shard,
    Submit,
    decode_batch,
    encode,
)
from shared.receipts import dispatched_key, receipt_key
from shared.store import Bucket
from tests.cloud import Deployment
from tests.dispatching import (
    CSV,
    LONG,
    SITEMAP,
    bodies,
    dispatch_all,
    forget,
    forget_plans,
    lines_of,
    run,
    sent,
    shards_in,
    started,
    started_alone,
    upload,
)


def test_batches_that_have_their_receipt_are_not_sent_again(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    request = upload(deployment, b"".join(b"http://e.example/%d\n" % n for n in range(25)))
    manifest = run(dispatcher, deployment, request)
    assert len(sent(deployment)) == 3
    deployment.data.put(receipt_key(manifest.job, batch_id(0, 0), {"scraped": 10}), b"")
    deployment.data.put(
        receipt_key(manifest.job, batch_id(0, 1), {"deferred-out_of_time": 10, "children": 1}), b""
    )

    run(dispatcher, deployment, request)

    assert [batch.batch for batch in sent(deployment)] == [batch_id(0, 1), batch_id(0, 2)]


def test_a_crash_between_batches_and_receipt_is_made_good(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = upload(deployment, b"".join(b"http://h%d.example/\n" % n for n in range(40)))

    def crash(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shards_module, "dispatched_key", crash)
        with pytest.raises(KeyboardInterrupt):
            run(dispatcher, deployment, request)
    before = sent(deployment)

    manifest = run(dispatcher, deployment, request)

    assert {encode(batch) for batch in sent(deployment)} == {encode(batch) for batch in before}
    assert len(lines_of(before)) == 40
    key = dispatched_key(manifest.job, 0, batches=len(before), targets=40, rejected=0, duplicates=0)
    assert key in list(deployment.data.keys(job_prefix(manifest.job)))


def test_what_is_written_is_sent_again_whatever_the_planner_thinks_by_then(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another release, another list of public suffixes: an id means the targets it meant."""
    body = b"".join(b"http://h%d.example/%d\n" % (n % 7, n) for n in range(80))
    request = upload(deployment, body)
    manifest = started(dispatcher, request)
    dispatch_all(dispatcher, deployment)
    before = bodies(deployment)
    keys = list(deployment.data.keys(job_prefix(manifest.job)))

    monkeypatch.setattr(plan_module, "domain_number", lambda host: len(host) + 3)
    monkeypatch.setattr(plan_module, "_number_of_domain", lambda origin: len(origin) + 3)
    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)

    assert bodies(deployment) == before
    assert list(deployment.data.keys(job_prefix(manifest.job))) == keys
    assert plan_key(manifest.job, 0) in keys


def test_urls_of_a_message_are_written_down_as_well(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Submit(id="x", urls=tuple(f"http://h{n % 7}.example/{n}" for n in range(30)))
    dispatcher.start(request, message_id="m1")
    before = bodies(deployment)

    monkeypatch.setattr(plan_module, "domain_number", lambda host: len(host) + 3)
    dispatcher.start(request, message_id="m2")

    assert bodies(deployment) == before


@pytest.mark.parametrize("is_raw", [False, True])
def test_what_sqs_refuses_is_escaped_in_a_plan_and_in_what_is_sent_of_it(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, is_raw: bool
) -> None:
    """A column may hold it; in a plan that is raw, it still is when the plan is sent."""
    body = "url,name,\uffff\nhttp://a.example/,x\ufffe,\ufffd\nhttp://b.example/,y,\n".encode()
    request = upload(deployment, body, "urls.csv")
    with monkeypatch.context() as patch:
        if is_raw:
            patch.setattr(written_module, "escaped", lambda raw: raw)
            patch.setattr(shards_module.Shards, "send", lambda _self, manifest, *_: manifest)
        manifest = run(dispatcher, deployment, request)
    if is_raw:
        dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)

    plan = deployment.data.get(plan_key(manifest.job, 0)) or b""
    assert ("\ufffe" in gzip.decompress(plan).decode()) is is_raw
    raw = bodies(deployment)
    assert not {"\ufffe", "\uffff"} & set("".join(raw))
    inputs = [target.input for text in raw for target in decode_batch(text).targets]
    assert {"name": "x\ufffe", "\uffff": "\ufffd"} in inputs


def test_nothing_is_sent_that_is_not_written(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher.start(upload(deployment, b"http://a.example/"), message_id="m1")

    def refused(*_: object) -> bool:
        raise StorageError("as scripted")

    monkeypatch.setattr(Bucket, "put_new", refused)
    with pytest.raises(StorageError, match="as scripted"):
        dispatch_all(dispatcher, deployment)

    assert sent(deployment) == []


def test_who_comes_second_sends_what_the_first_has_written(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deliveries of a shard at once; the second has looked before the first has written."""
    manifest = started_alone(dispatcher, deployment, upload(deployment, LONG))
    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)
    first = bodies(deployment)
    forget(deployment, dispatched_folder(manifest.job))

    monkeypatch.setattr(plan_module, "domain_number", lambda host: len(host) + 3)
    monkeypatch.setattr(plan_module, "_number_of_domain", lambda origin: len(origin) + 3)
    monkeypatch.setattr(plans_module.Plans, "find", lambda *_: None)
    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)

    assert bodies(deployment) == first


def test_a_plan_that_is_damaged_is_named_and_nothing_of_it_sent(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    manifest = started(dispatcher, upload(deployment, LONG))
    for body in (b"", b"no plan", gzip.compress(b'{"type":"x"}')):
        deployment.data.put(plan_key(manifest.job, 0), body)
        with pytest.raises(StorageError, match=r"plan/00000\.gz is (damaged|no plan)"):
            dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)

    assert sent(deployment) == []


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(
    ("key", "body"), [("urls.txt", LONG), ("urls.csv", CSV), ("urls.txt.gz", gzip.compress(LONG))]
)
def test_a_late_shard_of_a_list_that_is_gone_damages_it_and_the_job_ends(
    dispatcher: Dispatcher, deployment: Deployment, key: str, body: bytes
) -> None:
    request = upload(deployment, body, key)
    manifest = started_alone(dispatcher, deployment, request)
    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 0.0)
    following = shards_in(deployment)
    assert following
    deployment.upload(request.place.key, b"http://other.example/")

    while following:
        dispatcher.dispatch(following.pop(), time_left=lambda: 100.0)
        following += shards_in(deployment)

    assert deployment.manifest(manifest.job).error is None
    ledger = deployment.ledger(manifest.job)
    assert ledger.fully_dispatched
    assert ledger.damaged
    assert 0 < ledger.targets == len(lines_of(sent(deployment))) < 80
    report = deployment.data.get(rejected_key(manifest.job, len(ledger.dispatched) - 1))
    assert b"was overwritten while it was read" in (report or b"")


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("key", ["urls.txt", "urls.txt.gz"])
def test_a_message_that_comes_late_does_not_refuse_a_job_that_was_dispatched(
    dispatcher: Dispatcher, deployment: Deployment, key: str
) -> None:
    body = gzip.compress(LONG) if key.endswith(".gz") else LONG
    request = upload(deployment, body, key)
    manifest = run(dispatcher, deployment, request)
    keys = list(deployment.data.keys(job_prefix(manifest.job)))
    before = bodies(deployment)
    deployment.s3.delete_object(Bucket=deployment.input_bucket, Key=request.place.key)

    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)
    dispatch_all(dispatcher, deployment)

    assert deployment.manifest(manifest.job).error is None
    assert list(deployment.data.keys(job_prefix(manifest.job))) == keys
    assert bodies(deployment) == before


def test_a_job_of_release_0_1_is_not_refused_after_its_first_batch(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """That release has left no plans."""
    request = upload(deployment, LONG)
    manifest = run(dispatcher, deployment, request)
    forget_plans(deployment, manifest.job)
    deployment.upload(request.place.key, b"http://other.example/")

    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)

    assert deployment.manifest(manifest.job).error is None
    ledger = deployment.ledger(manifest.job)
    assert (ledger.targets, ledger.damaged) == (80, False)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("urls.txt", LONG),
        ("urls.txt", LONG[:90]),
        ("urls.txt", LONG[:300] + b"#" + b"-" * 300 + LONG[299:]),  # a shard without a line
        ("urls.csv", CSV),
        ("urls.txt.gz", gzip.compress(LONG)),
        ("urls.xml", SITEMAP),
    ],
)
def test_what_release_0_1_has_dispatched_is_not_planned_anew(
    dispatcher: Dispatcher,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    body: bytes,
) -> None:
    """Its ids mean other targets: the commit objects of these would not be about their targets."""
    manifest = run(dispatcher, deployment, upload(deployment, body, key))
    forget_plans(deployment, manifest.job)
    keys = list(deployment.data.keys(job_prefix(manifest.job)))
    deployment.received(deployment.work_queue_url)
    monkeypatch.setattr(plan_module, "domain_number", lambda host: len(host) + 3)
    monkeypatch.setattr(plan_module, "_number_of_domain", lambda origin: len(origin) + 3)

    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)
    dispatch_all(dispatcher, deployment)

    assert bodies(deployment) == []
    assert list(deployment.data.keys(job_prefix(manifest.job))) == keys


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(("key", "body"), [("urls.txt", LONG), ("urls.csv", CSV)])
def test_no_shard_lists_what_all_others_have_dispatched(
    dispatcher: Dispatcher, deployment: Deployment, key: str, body: bytes
) -> None:
    """Of n shards each would list up to n keys."""
    prefixes: list[str] = []
    shared.store.s3_client().meta.events.register(
        "provide-client-params.s3.ListObjectsV2",
        lambda params, **_: prefixes.append(params["Prefix"]),
    )

    manifest = run(dispatcher, deployment, upload(deployment, body, key))

    own = {prefix for prefix in prefixes if prefix.startswith(dispatched_folder(manifest.job))}
    assert own
    assert dispatched_folder(manifest.job) not in own


def test_urls_of_a_message_that_release_0_1_has_dispatched_are_not_planned_anew(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    request = Submit(id="x", urls=("http://a.example/", "http://b.example/"))
    manifest = started(dispatcher, request)
    forget_plans(deployment, manifest.job)
    deployment.received(deployment.work_queue_url)

    dispatcher.start(request, message_id="m1")

    assert bodies(deployment) == []
    assert list(deployment.data.keys(plan_prefix(manifest.job))) == []


def test_a_refused_job_stays_refused_and_sends_nothing(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """The first word counts: the list is there again when the message is delivered again."""
    request = upload(deployment, b"http://a.example/")
    manifest = started(dispatcher, request)
    deployment.upload(request.place.key, b"http://b.example/")
    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)
    assert deployment.manifest(manifest.job).error is not None
    deployment.data.put(manifest_key(manifest.job), encode_manifest(manifest))  # a crash before it
    deployment.upload(request.place.key, b"http://a.example/")

    dispatcher.dispatch(Shard(job=manifest.job), time_left=lambda: 100.0)

    assert deployment.manifest(manifest.job).error is not None
    assert sent(deployment) == []
