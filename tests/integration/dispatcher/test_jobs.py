"""Starting a job, against a real S3 and SQS API."""

import pytest

from functions.dispatcher.dispatch import Dispatcher
from shared.messages import (
    ListUploaded,
    Place,
    Submit,
)
from tests.cloud import Deployment
from tests.dispatching import dispatch_all, run, sent, upload


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


@pytest.mark.parametrize(
    "key",
    [
        "books/spec.yaml",
        "README.md",
        "folder/",
        "submitted/books-1/urls.txt",
        "scheduled/b/urls.txt",
    ],
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

    assert manifest.error is not None
    assert "one of `list` and `urls`, or a spec with `start`" in manifest.error


def test_a_crawl_begins_where_its_spec_says(dispatcher: Dispatcher, deployment: Deployment) -> None:
    spec = {"start": ["http://a.example/"], "follow": [{"css": "a"}]}
    manifest = run(dispatcher, deployment, Submit(name="crawl", spec=spec))

    assert manifest.error is None
    assert [target.url for batch in sent(deployment) for target in batch.targets] == [
        "http://a.example/"
    ]


def test_submissions_are_told_apart_by_id_or_message(dispatcher: Dispatcher) -> None:
    def job(request: Submit, message_id: str) -> str:
        manifest = dispatcher.start(request, message_id=message_id)
        assert manifest is not None
        return manifest.job

    plain, named = Submit(urls=("http://a.example/",)), Submit(id="x", urls=("http://a.example/",))
    assert job(plain, "m1") == job(plain, "m1")
    assert job(plain, "m1") != job(plain, "m2")
    assert job(named, "m1") == job(named, "m2")
