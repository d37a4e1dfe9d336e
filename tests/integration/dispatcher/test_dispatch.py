"""The dispatcher against a real S3 and SQS API."""

import gzip
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from backports import zstd

import functions.dispatcher.jobs as jobs_module
import functions.dispatcher.plan as plan_module
import functions.dispatcher.plans as plans_module
import functions.dispatcher.shards as shards_module
import functions.dispatcher.written as written_module
import shared.store
from functions.dispatcher.close import TICK_FIRST
from functions.dispatcher.dispatch import Dispatcher
from shared.errors import InvalidJobError, StorageError
from shared.ids import batch_id
from shared.keys import (
    cancelled_key,
    dispatched_folder,
    job_prefix,
    manifest_key,
    plan_key,
    plan_prefix,
    rejected_key,
)
from shared.manifest import Manifest, encode_manifest
from shared.messages import (
    Batch,
    Defer,
    ListUploaded,
    Place,
    Shard,
    Submit,
    Target,
    Tick,
    decode_batch,
    decode_dispatch,
    encode,
)
from shared.receipts import dispatched_key, receipt_key
from shared.spec import FetchSpec, Spec
from shared.store import Bucket
from tests.cloud import Deployment

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def dispatcher(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    """A dispatcher whose input bucket is the deployment's too."""
    monkeypatch.setattr(shared.store, "s3_client", lambda: deployment.s3)
    return Dispatcher(
        deployment.dispatcher_settings,
        data=deployment.data,
        dispatch_queue=deployment.dispatch_queue,
        work_queue=deployment.work_queue,
        now=lambda: NOW,
    )


def upload(deployment: Deployment, body: bytes, key: str = "books/urls.txt") -> ListUploaded:
    deployment.upload(key, body)
    return ListUploaded(Place(deployment.input_bucket, key), "event 1")


def started(dispatcher: Dispatcher, request: ListUploaded | Submit) -> Manifest:
    manifest = dispatcher.start(request, message_id="m1")
    assert manifest is not None
    return manifest


def started_alone(
    dispatcher: Dispatcher, deployment: Deployment, request: ListUploaded | Submit
) -> Manifest:
    """Start a job whose messages nobody but the test handles."""
    manifest = started(dispatcher, request)
    deployment.received(deployment.dispatch_queue_url)
    return manifest


def dispatch_all(dispatcher: Dispatcher, deployment: Deployment) -> None:
    """Dispatch every shard that waits in the dispatch queue, and those that follow."""
    while records := deployment.received(deployment.dispatch_queue_url):
        for record in records:
            [shard] = decode_dispatch(record["body"])
            if isinstance(shard, Shard):
                dispatcher.dispatch(shard, time_left=lambda: 100.0)


def sent(deployment: Deployment) -> list[Batch]:
    return [decode_batch(r["body"]) for r in deployment.received(deployment.work_queue_url)]


def run(dispatcher: Dispatcher, deployment: Deployment, request: ListUploaded | Submit) -> Manifest:
    started = dispatcher.start(request, message_id="m1")
    assert started is not None
    dispatch_all(dispatcher, deployment)
    return deployment.manifest(started.job)


def lines_of(batches: list[Batch]) -> dict[int, str]:
    found = [(target.line, target.url) for batch in batches for target in batch.targets]
    assert len(dict(found)) == len(found)
    return dict(found)


LIST = (
    b"\xef\xbb\xbfhttp://a.example/1\r\n# a comment\r\n\r\n  http://b.example/2  \r\n"
    b"http://A.example/1#again\r\n/about\r\nhttp://c.example/\xff\r\nhttp://c.example/7"
)


def test_a_list_becomes_batches_with_line_numbers(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    manifest = run(dispatcher, deployment, upload(deployment, LIST))

    assert lines_of(sent(deployment)) == {
        1: "http://a.example/1",
        4: "http://b.example/2",
        8: "http://c.example/7",
    }
    assert manifest.error is None
    ledger = deployment.ledger(manifest.job)
    assert (ledger.targets, ledger.rejected, ledger.duplicates) == (3, 2, 1)
    assert ledger.fully_dispatched


def test_rejected_lines_are_reported_with_number_and_reason(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    manifest = run(dispatcher, deployment, upload(deployment, LIST))

    body = deployment.data.get(rejected_key(manifest.job, 0))
    assert body is not None
    assert [msgspec.json.decode(line) for line in body.splitlines()] == [
        {
            "line": 6,
            "text": "/about",
            "reason": "a URL must start with http:// or https:// and name a host; this one is "
            "relative",
        },
        {
            "line": 7,
            "text": "http://c.example/\N{REPLACEMENT CHARACTER}",
            "reason": "not UTF-8 text",
        },
    ]


def test_an_event_that_is_delivered_twice_does_nothing_twice(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    body = b"".join(b"http://h%d.example/\n" % n for n in range(40))
    request = upload(deployment, body)
    first = run(dispatcher, deployment, request)
    before = sent(deployment)
    keys = list(deployment.data.keys(""))

    second = run(dispatcher, deployment, request)

    assert second == first
    # SQS itself drops what comes within five minutes; moto forgets what was deleted.
    assert {encode(batch) for batch in sent(deployment)} <= {encode(batch) for batch in before}
    assert list(deployment.data.keys("")) == keys


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


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "SHARD_BYTES", 150)


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


def shards_in(deployment: Deployment) -> list[Shard]:
    """Take the shards out of the dispatch queue; ticks come when they are due."""
    records = deployment.received(deployment.dispatch_queue_url)
    messages = [message for record in records for message in decode_dispatch(record["body"])]
    return [message for message in messages if isinstance(message, Shard)]


def forget_plans(deployment: Deployment, job: str) -> None:
    """As release 0.1 leaves a job."""
    forget(deployment, plan_prefix(job))


def forget_dispatch(deployment: Deployment, job: str) -> None:
    """As if nothing had been dispatched yet."""
    forget(deployment, plan_prefix(job))
    forget(deployment, dispatched_folder(job))


def forget(deployment: Deployment, prefix: str) -> None:
    objects: list[ObjectIdentifierTypeDef] = [{"Key": k} for k in deployment.data.keys(prefix)]
    if objects:
        deployment.s3.delete_objects(Bucket=deployment.data_bucket, Delete={"Objects": objects})


def bodies(deployment: Deployment) -> list[str]:
    return sorted(r["body"] for r in deployment.received(deployment.work_queue_url))


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


LONG = b"".join(b"http://h%d.example/%d\n" % (n % 7, n) for n in range(80))
CSV = b"name;URL\n" + b"".join(
    b'"one\nof %d";http://h%d.example/%d\n' % (n, n % 7, n) for n in range(80)
)
SITEMAP = (
    b"<urlset>\n"
    + b"".join(b"<url><loc>http://h%d.example/%d</loc></url>\n" % (n % 7, n) for n in range(80))
    + b"</urlset>"
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


@pytest.mark.parametrize(
    ("key", "body", "problem"),
    [
        ("urls.txt", b"", "urls.txt is empty; put one URL on each line"),
        ("urls.txt", b"# only\n\n", "holds no URL, only blank lines and comments"),
        ("urls.txt", b"/a\n/b\n", "urls.txt holds no URL: line 1 is '/a': a URL must start"),
        (
            "urls.txt",
            b"/a\n/b\n/c\n/d\n/e\n",
            "must start with http:// or https:// and name a host; this one is relative; and 2 more",
        ),
        ("urls.txt", "http://a.example/".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("urls.txt", b"\0\1\2", "is not text"),
        ("urls.xlsx", b"PK", "a spreadsheet is no list; save the sheet as CSV UTF-8"),
        ("tranco.csv", b"1,lamps.example\n2,oak.example\n", "write https://lamps.example, and so"),
        ("urls.txt.gz", b"http://a.example/", "urls.txt.gz is not compressed as its name says"),
        ("urls.txt.gz", gzip.compress(b"\0\1"), "is not text"),
        ("urls.txt.gz", gzip.compress(b""), "holds no URL"),
        ("urls.csv", b"name,price\nx,1\n", "urls.csv has no column with URLs"),
        ("page.xml", b"<html/>", "page.xml is no sitemap: it begins with <html>"),
        ("feed.xml", b"<rss/>", "feed.xml holds no URL"),
        ("urls.xml", b"http://a.example/", "urls.xml is no sitemap: it is no XML"),
        (
            "index.xml",
            b"<sitemapindex><sitemap><loc>http://a.example/1.xml</loc></sitemap></sitemapindex>",
            "<loc> 1 is 'http://a.example/1.xml': another sitemap: put it into the bucket",
        ),
    ],
)
def test_a_list_that_is_none_is_an_error_in_the_manifest(
    dispatcher: Dispatcher, deployment: Deployment, key: str, body: bytes, problem: str
) -> None:
    manifest = run(dispatcher, deployment, upload(deployment, body, key))

    assert manifest.error is not None
    assert problem in manifest.error
    assert sent(deployment) == []


def test_a_list_that_is_missing_is_an_error_in_the_manifest(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    place = Place(deployment.input_bucket, "nowhere.txt")

    manifest = run(dispatcher, deployment, Submit(list=place))

    assert manifest.error is not None
    assert "nowhere.txt; was it deleted, or is its name misspelt?" in manifest.error


def test_a_job_reads_the_version_it_was_started_with(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """Though nobody has named it: a schedule knows the list by its key."""
    deployment.s3.put_bucket_versioning(
        Bucket=deployment.input_bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    place = upload(deployment, b"http://a.example/").place
    dispatcher.start(Submit(list=Place(place.bucket, place.key)), message_id="m1")
    deployment.upload("books/urls.txt", b"http://b.example/")

    dispatch_all(dispatcher, deployment)

    [batch] = sent(deployment)
    assert [target.url for target in batch.targets] == ["http://a.example/"]


def test_a_list_that_changes_while_it_is_read_is_an_error(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    request = upload(deployment, b"http://a.example/")
    dispatcher.start(request, message_id="m1")
    deployment.upload("books/urls.txt", b"http://b.example/")

    dispatch_all(dispatcher, deployment)

    manifest = run(dispatcher, deployment, request)
    assert "was overwritten while it was read" in (manifest.error or "")
    assert sent(deployment) == []


@pytest.mark.parametrize(
    "key", ["books/spec.yaml", "README.md", "folder/", "submitted/books-1/urls.txt"]
)
def test_other_objects_are_no_lists(
    dispatcher: Dispatcher, deployment: Deployment, key: str
) -> None:
    uploaded = ListUploaded(Place(deployment.input_bucket, key), "e")

    assert dispatcher.start(uploaded, message_id="m1") is None
    assert list(deployment.data.keys("")) == []


def test_a_job_says_where_its_spec_was_found(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """A list that is handled before its spec.yaml has arrived takes the default."""
    early = run(dispatcher, deployment, upload(deployment, b"http://a.example/"))
    deployment.upload("books/spec.yaml", b"fetch: {timeout: 2}")
    late = run(dispatcher, deployment, upload(deployment, b"http://b.example/", "books/b.txt"))
    place = Place(deployment.input_bucket, "books/spec.yaml")
    named = run(dispatcher, deployment, Submit(urls=("http://a.example/",), spec_place=place))
    given = run(dispatcher, deployment, Submit(id="2", urls=("http://b.example/",), spec={}))

    assert [manifest.spec_from for manifest in (early, late, named, given)] == [
        "the default: no spec.yaml in the folders of the list",
        f"s3://{deployment.input_bucket}/books/spec.yaml",
        f"s3://{deployment.input_bucket}/books/spec.yaml",
        "the message",
    ]


def test_lists_of_one_name_and_content_are_two_jobs_if_their_formats_differ(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    body = b"http://a.example/\n"

    jobs = [
        run(dispatcher, deployment, upload(deployment, body, f"books/urls{suffix}")).job
        for suffix in (".txt", ".csv", ".TSV", ".txt")
    ]

    assert len(set(jobs)) == 3
    assert jobs[0] == jobs[3] == "books-urls-621d0d3bc49a"


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


def test_the_nearest_spec_up_the_folders_counts(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    deployment.upload("spec.yaml", b"fetch: {timeout: 1}")
    deployment.upload("books/spec.yaml", b"fetch: {timeout: 2}")

    def timeout_of(key: str) -> float:
        return run(
            dispatcher, deployment, upload(deployment, b"http://a.example/", key)
        ).spec.fetch.timeout

    assert timeout_of("books/new/urls.txt") == 2
    assert timeout_of("films/urls.txt") == 1


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (b"fetch: {timout: 2}", "books/spec.yaml:1: fetch.timout: there is no timout here"),
        (b"fetch: {timeout: 0}", "books/spec.yaml:1: fetch.timeout: it must be at least 1"),
        (b"fetch:\n  {timeout", "books/spec.yaml:2: not YAML"),
        (b"- a", "books/spec.yaml: it must be names with values, and is a list"),
        (b"\xff", "books/spec.yaml: not UTF-8"),
        (b"#" * 70_000, "books/spec.yaml: 70,000 bytes; a spec may have 65,536"),
        (b"[" * 30_000, "books/spec.yaml"),
        (
            b"fetch: {timeout: 2026-13-45}",
            "books/spec.yaml:1: fetch.timeout: it must be",
        ),
        (b"fetch: !!bool z", "books/spec.yaml: not YAML: a value makes no sense"),
        (b"fetch: !!timestamp z", "books/spec.yaml: not YAML: a value makes no sense"),
    ],
)
def test_a_wrong_spec_stops_the_job_before_it_starts(
    dispatcher: Dispatcher, deployment: Deployment, spec: bytes, problem: str
) -> None:
    deployment.upload("books/spec.yaml", spec)

    manifest = run(dispatcher, deployment, upload(deployment, b"http://a.example/"))

    assert problem in (manifest.error or "")
    assert sent(deployment) == []


def test_urls_can_come_with_the_message(dispatcher: Dispatcher, deployment: Deployment) -> None:
    spec = Spec(fetch=FetchSpec(timeout=7))
    urls = ("http://a.example/", "/about", "http://b.example/")

    message = Submit(name="Ad hoc", urls=urls, spec=msgspec.to_builtins(spec))
    manifest = run(dispatcher, deployment, message)

    assert manifest.job.startswith("ad-hoc-")
    assert manifest.spec == spec
    assert lines_of(sent(deployment)) == {1: "http://a.example/", 3: "http://b.example/"}
    assert deployment.ledger(manifest.job).rejected == 1


def test_a_spec_in_a_message_is_read_as_strictly_as_a_file(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """A schedule writes it by hand, and a newer command line what this release does not know."""
    message = Submit(urls=("http://a.example/",), spec={"fetch": {"pauze": 7}})

    manifest = run(dispatcher, deployment, message)

    assert manifest.error is not None
    assert "the spec of the message: fetch.pauze: there is no pauze here" in manifest.error
    assert sent(deployment) == []


def test_the_spec_of_a_message_is_checked_as_others_are(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """Else workers would be the first to see that it has a selector which is none."""
    spec = {"extract": {"fields": {"a": {"css": "h1["}}}}

    manifest = run(dispatcher, deployment, Submit(urls=("http://a.example/",), spec=spec))

    assert manifest.error is not None
    assert manifest.error.startswith("the spec of the message: extract.fields.a.css: ")
    assert sent(deployment) == []


def test_a_submission_needs_one_of_list_and_urls(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    manifest = run(dispatcher, deployment, Submit(name="neither"))

    assert manifest.error == "a submit.v1 message must have one of `list` and `urls`"


def test_submissions_are_told_apart_by_id_or_message(dispatcher: Dispatcher) -> None:
    def job(request: Submit, message_id: str) -> str:
        manifest = dispatcher.start(request, message_id=message_id)
        assert manifest is not None
        return manifest.job

    plain, named = Submit(urls=("http://a.example/",)), Submit(id="x", urls=("http://a.example/",))
    assert job(plain, "m1") == job(plain, "m1")
    assert job(plain, "m1") != job(plain, "m2")
    assert job(named, "m1") == job(named, "m2")


def test_a_deferred_batch_goes_into_the_group_of_its_partition(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    batch = Batch(
        job="j",
        batch="00000-000000-1",
        partition=5,
        hops=1,
        targets=(Target("http://a.example/", 1, 1, ("http://b.example/",)),),
    )

    dispatcher.forward(Defer(batch=batch, not_before=NOW.timestamp()))

    [record] = deployment.received(deployment.work_queue_url)
    assert decode_batch(record["body"]) == batch
    assert record["attributes"]["MessageGroupId"] == "5"


@pytest.mark.parametrize(("wait", "delay"), [(0.2, 1), (59.5, 60), (900, 900), (4_000, 900)])
def test_a_batch_that_is_not_due_goes_round_with_a_delay(
    dispatcher: Dispatcher, deployment: Deployment, wait: float, delay: int
) -> None:
    """SQS waits for a quarter of an hour at most; a longer wait takes several rounds."""
    batch = Batch(
        job="j", batch="00000-000000-1", partition=5, targets=(Target("http://a.example/", 1),)
    )
    sent_entries: list[dict[str, object]] = []
    deployment.sqs.meta.events.register(
        "before-parameter-build.sqs.SendMessageBatch",
        lambda params, **_: sent_entries.extend(params["Entries"]),
    )
    defer = Defer(batch=batch, not_before=NOW.timestamp() + wait)

    dispatcher.forward(defer)

    [entry] = sent_entries
    assert entry["DelaySeconds"] == delay
    assert decode_dispatch(str(entry["MessageBody"])) == [defer]
    assert sent(deployment) == []


def test_a_shard_of_no_job_is_refused(dispatcher: Dispatcher) -> None:
    with pytest.raises(InvalidJobError, match="shard of a job that has no list"):
        dispatcher.dispatch(Shard(job="nobody"), time_left=lambda: 100.0)


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


def test_what_waits_goes_on_at_once_when_its_job_is_cancelled(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """A worker will skip it, so that the job ends."""
    batch = Batch(job="j", batch="00000-000000-1", partition=3, targets=(Target("http://a/", 1),))
    later = Defer(batch=batch, not_before=NOW.timestamp() + 3_000)
    deployment.data.put(cancelled_key("j"), b"")

    dispatcher.forward(later)

    assert sent(deployment) == [batch]


def test_a_job_has_a_tick_from_its_start(dispatcher: Dispatcher, deployment: Deployment) -> None:
    """Whoever comes first sends it, and whoever comes after a crash does too."""
    body = b"http://a.example/"
    sent_messages: list[tuple[str, int]] = []
    deployment.sqs.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch",
        lambda params, **_: sent_messages.extend(
            (entry["MessageBody"], entry.get("DelaySeconds", 0)) for entry in params["Entries"]
        ),
    )
    request = upload(deployment, body)

    for _ in range(2):
        manifest = started(dispatcher, request)
        tick, shard = sent_messages
        assert tick == (encode(Tick(job=manifest.job)), TICK_FIRST)
        assert shard == (encode(Shard(job=manifest.job)), 0)
        sent_messages.clear()

    dispatcher.start(upload(deployment, b"", key="books/empty.txt"), message_id="m2")
    assert sent_messages == []


# ---- what is to be sent is committed first


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


# ---- a job is refused before its first batch, or not at all


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
