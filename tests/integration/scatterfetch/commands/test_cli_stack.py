"""The commands that look after a deployed stack, as people call them."""

import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path
from socket import create_server
from typing import Any, Protocol

import msgspec
import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from functions.dispatcher.summary import encode_summary, summarize
from functions.worker.commit import OutcomeFile
from scatterfetch.commands.place import open_stack
from scatterfetch.jobs import stack as stack_module
from scatterfetch.jobs.deployed import wait_for
from scatterfetch.jobs.place import READERS
from scatterfetch.jobs.progress import Job, Progress
from scatterfetch.jobs.stack import NoStackError, Stack
from scatterfetch.jobs.standing import look_at
from scatterfetch.lists.url_list import UrlList
from scatterfetch.localcloud.template import ACCOUNT
from scatterfetch.results.files import fetched_results
from scatterfetch.results.table import Table
from shared.errors import InvalidJobError, Reason, StorageError
from shared.ids import batch_id
from shared.keys import cancelled_key, manifest_key, rejected_key, results_key, summary_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Place, Tick, decode_dispatch
from shared.outcomes import Kind, Outcome
from shared.receipts import dispatched_key, receipt_key
from shared.spec import Spec
from shared.tally import Tally
from tests.cloud import Deployment
from tests.commandline import scatterfetch_here
from tests.integration.scatterfetch.test_cli import run_list
from tests.results import outcome
from tests.site import Site
from tests.stack import serving_stacks


class Command(Protocol):
    def __call__(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(autouse=True)
def _stacks(
    deployment: Deployment, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A stack `fleet` is where AWS's endpoint is, and one `other` that is none of ours."""
    stacks = {"fleet": deployment.outputs, "other": {"Website": "http://a.example/"}}
    with serving_stacks(stacks) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        yield


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return functools.partial(scatterfetch_here, cwd=tmp_path)


def put_job(deployment: Deployment, job: str, **more: Any) -> None:
    manifest = Manifest(
        job=job,
        source=Place(deployment.input_bucket, "books/urls.txt"),
        spec=Spec(),
        partitions=16,
        batch_size=10,
        **{"created_at": "2026-11-21T01:14:42.000+00:00", **more},
    )
    deployment.data.put(manifest_key(job), encode_manifest(manifest))


def put_ledger(deployment: Deployment, job: str, batches: int, *, receipts: int) -> None:
    """As of a job of which so many batches of ten are committed."""
    targets = 10 * batches
    put = deployment.data.put
    put(dispatched_key(job, 0, batches=batches, targets=targets, rejected=1, duplicates=0), b"")
    put(rejected_key(job, 0), b"{}\n")
    for number in range(receipts):
        put(results_key(job, batch_id(0, number)), b"results")
        counts = {"scraped": 9, "failed-http_404": 1, "size": 7}
        put(receipt_key(job, batch_id(0, number), counts), b"")


def test_a_status_for_people(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "books")
    put_ledger(deployment, "books", 3, receipts=2)

    done = command("status", "books", "--stack", "fleet")

    assert done.stderr == ""
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["scraped", "18"] in lines
    assert ["failed", "http_404", "2"] in lines
    assert ["under", "way", "10"] in lines
    assert ["total", "30"] in lines
    assert f"list s3://{deployment.input_bucket}/books/urls.txt" in done.stdout
    assert "1 line rejected; see jobs/books/rejected/" in done.stdout
    assert "2 of 3 batches" in done.stdout
    assert "add up" not in done.stdout
    assert done.returncode == 1  # since some failed


def test_a_status_for_programs(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "books")
    put_ledger(deployment, "books", 3, receipts=3)

    done = command("status", "books", "--stack", "fleet", "--json")

    found = msgspec.json.decode(done.stdout)
    assert found["outcomes"] == {"scraped": 27, "failed-http_404": 3}
    assert (found["state"], found["targets"], found["adds_up"]) == ("complete", 30, True)


def test_results_that_are_gone_are_said_aloud(command: Command, deployment: Deployment) -> None:
    """A stack writes results once: they can only be missed."""
    put_job(deployment, "books")
    put_ledger(deployment, "books", 3, receipts=3)
    deployment.s3.delete_object(
        Bucket=deployment.data_bucket, Key=results_key("books", batch_id(0, 1))
    )
    deployment.data.put(results_key("books", batch_id(0, 2)), b"res")

    done = command("status", "books", "--stack", "fleet")
    rows = command("results", "books", "--stack", "fleet")

    said = "Results are gone or cut off: those of 2 batches, 20 URLs, such as s3://"
    assert said in done.stdout
    assert done.stdout.splitlines()[1].startswith("incomplete")
    assert (done.returncode, rows.returncode) == (1, 1)
    assert "00000-000001.jsonl.gz was committed and is not there any more" in rows.stderr


def test_a_lost_url_is_said_aloud(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "books")
    put_ledger(deployment, "books", 1, receipts=1)
    key = dispatched_key("books", 0, batches=1, targets=11, rejected=1, duplicates=0)
    for old in deployment.data.keys("jobs/books/dispatched/"):
        deployment.s3.delete_object(Bucket=deployment.data_bucket, Key=old)
    deployment.data.put(key, b"")

    done = command("status", "books", "--stack", "fleet")

    assert "The sum does not add up: 11 targets, of which 1 are unaccounted for." in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize(("receipts", "lists"), [(9_990, 10), (10_000, 11)])
def test_ten_thousand_batches_take_a_dozen_calls(
    deployment: Deployment, receipts: int, lists: int
) -> None:
    """S3 lists a thousand a call, and besides there is the manifest to be read."""
    put_job(deployment, "books")
    put_ledger(deployment, "books", 10_000, receipts=0)
    moto = s3_backends[ACCOUNT]["aws"]  # without HTTP it takes a second and not a minute
    for number in range(receipts):
        moto.put_object(
            deployment.data_bucket, receipt_key("books", batch_id(0, number), {"scraped": 10}), b""
        )
    calls: list[str] = []
    stack = open_stack("fleet")
    for client in (stack._s3, stack._sqs):
        client.meta.events.register("before-send", lambda request, **_: calls.append(request.url))

    found = look_at(stack, "books")

    *others, results = calls  # of the results, of which there are none here
    assert "prefix=results" in results
    assert len(others) == lists + 1 <= 12  # beside the one of open_stack
    assert all("delimiter=" in url for url in others if "list-type" in url)  # a quarter of the time
    assert (found.batches, found.batches_done) == (10_000, receipts)


class Said:
    """A display that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def show(self, progress: Progress) -> None:
        pass

    def say(self, text: str) -> None:
        self.said.append(text)


def refusing(stack: Stack, calls: int) -> None:
    """Let AWS refuse that many calls."""
    left = iter(range(calls))

    def refuse(**_: Any) -> None:
        if next(left, None) is not None:
            raise ClientError({"Error": {"Code": "ExpiredToken"}}, "GetObject")

    stack._s3.meta.events.register("before-call", refuse)


def test_who_waits_for_a_job_bears_a_refusal(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scatterfetch.jobs.deployed._LOOK_INTERVAL", 0.01)
    put_job(deployment, "books")
    put_ledger(deployment, "books", 3, receipts=3)
    stack, display = open_stack("fleet"), Said()
    refusing(stack, 3)

    finished = wait_for(stack, [Job("books", UrlList("l", "l.txt", b"", None))], display)

    assert finished.complete
    [said] = display.said
    assert "ExpiredToken" in said
    assert said.endswith("the jobs go on, and are looked at again")


def test_who_is_refused_for_long_is_told_that_the_job_goes_on(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scatterfetch.jobs.deployed._LOOK_INTERVAL", 0.01)
    monkeypatch.setattr("scatterfetch.jobs.deployed._BLIND_SECONDS", 0.0)
    put_job(deployment, "books")
    stack = open_stack("fleet")
    refusing(stack, 1_000)

    with pytest.raises(StorageError, match="the jobs go on, `scatterfetch status books --stack"):
        wait_for(stack, [Job("books", UrlList("l", "l.txt", b"", None))], Said())


def test_the_status_of_a_local_run(site: Site, command: Command, tmp_path: Path) -> None:
    site.page("/a", "A")
    run_list(site, tmp_path, b"http://one.example/a\nhttp://one.example/a\n")
    jobs = command("jobs")
    job = jobs.stdout.split()[2]

    done = command("status", job, "out", "--json")

    assert (done.returncode, jobs.returncode) == (0, 0)
    found = msgspec.json.decode(done.stdout)
    assert (found["urls"], found["duplicates"], found["outcomes"]) == (2, 1, {"scraped": 1})
    assert found["state"] == "complete"
    assert site.visits


def test_jobs_are_listed_by_their_beginning(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "second", created_at="2026-11-21T03:00:00.000+00:00")
    put_job(deployment, "first", created_at="2026-11-21T02:00:00.000+00:00")
    put_job(deployment, "bad", created_at="2026-11-21T04:00:00.000+00:00", error="it is empty")
    put_ledger(deployment, "first", 2, receipts=2)
    tally = Tally(counts={"scraped": 18, "failed-http_404": 2})
    summary = summarize(
        deployment.manifest("first"),
        deployment.ledger("first"),
        tally,
        worker_memory=1024,
        architecture="arm64",
    )
    deployment.data.put(summary_key("first"), encode_summary(summary))

    done = command("jobs", "--stack", "fleet")

    place = f"s3://{deployment.input_bucket}/books/urls.txt"
    assert done.stdout.splitlines() == [
        "2026-11-21 02:00:00  first   complete, 18 scraped, 2 failed",
        f"2026-11-21 03:00:00  second  under way, {place}",
        "2026-11-21 04:00:00  bad     refused: it is empty",
    ]


def commit(deployment: Deployment, job: str, batch: str, *outcomes: Outcome) -> None:
    file = OutcomeFile()
    for each in outcomes:
        file.add(each)
    deployment.data.put(results_key(job, batch), file.close(0))


def test_the_results_of_a_job(command: Command, deployment: Deployment) -> None:
    commit(deployment, "books", "00000-000001", outcome("/b", {"title": "B"}, line=2))
    commit(
        deployment,
        "books",
        "00000-000000",
        outcome("/a", {"title": "A"}),
        outcome("/dead", kind=Kind.DEAD, reason=Reason.DNS, line=7),
    )
    commit(deployment, "books", "00000-000000-r1", outcome("/dead", {"title": "alive"}, line=7))
    commit(deployment, "films", "00000-000000", outcome("/film", {"title": "F"}))

    rows = command("results", "books", "--stack", "fleet", "--format", "csv")
    outcomes = command("results", "books", "--stack", "fleet", "--outcomes")

    assert (rows.returncode, rows.stderr) == (0, "")
    assert [line.split(",")[2] for line in rows.stdout.splitlines()] == [
        "title",
        "A",
        "alive",
        "B",
    ]
    assert len(outcomes.stdout.splitlines()) == 3


def test_results_are_fetched_once_and_some_ahead(deployment: Deployment) -> None:
    for number in range(3 * READERS):
        commit(deployment, "books", batch_id(0, number), outcome(f"/{number}", {"n": number}))
    stack = open_stack("fleet")
    fetched: list[str] = []
    stack.data._s3.meta.events.register(
        "before-send.s3.GetObject", lambda request, **_: fetched.append(request.url)
    )

    with fetched_results(stack, "books") as files:
        table = Table(files)
        assert next(table.rows()) == {"n": 0}
        assert 0 < len(fetched) <= 2 * READERS
        for _ in range(2):
            assert [row["n"] for row in table.rows()] == list(range(3 * READERS))
        assert len(fetched) == 3 * READERS
        folder = files[0].path.parent

    assert not folder.exists()


def test_cancelling_leaves_word_for_the_workers(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "books")
    put_ledger(deployment, "books", 3, receipts=1)

    done = command("cancel", "books", "--stack", "fleet")

    assert (done.returncode, done.stderr) == (0, "")
    assert "10 of 30 URLs have their outcome; of the others no more are fetched" in done.stdout
    assert deployment.data.get(cancelled_key("books")) == b""
    [record] = deployment.receive(deployment.dispatch_queue_url)
    assert decode_dispatch(record["body"]) == [Tick(job="books")]  # its end is seen soon


def test_a_complete_job_is_not_cancelled(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "books")
    put_ledger(deployment, "books", 1, receipts=1)

    done = command("cancel", "books", "--stack", "fleet")

    assert (done.returncode, done.stdout) == (0, "books is complete already\n")
    assert deployment.data.get(cancelled_key("books")) is None


def test_a_stack_that_is_gone_is_told_from_one_that_nobody_can_be_asked_for() -> None:
    with pytest.raises(NoStackError):
        stack_module.open_stack("flet", None)


def test_who_is_in_a_hurry_asks_for_a_stack_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks every few minutes has other things to do."""
    with create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", address)

        with pytest.raises(InvalidJobError, match="cannot look up the stack fleet") as raised:
            stack_module.open_stack("fleet", None, patience=0.2)

        assert not isinstance(raised.value, NoStackError)
        silent.accept()[0].close()
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


@pytest.mark.parametrize(
    ("args", "environment", "problem"),
    [
        pytest.param(
            ["status", "films", "--stack", "fleet"],
            {},
            "there is no job 'films' in the stack fleet; `scatterfetch jobs --stack fleet` lists",
            id="no such job",
        ),
        pytest.param(
            ["results", "films", "--stack", "fleet"],
            {},
            "the stack fleet has no results of a job 'films'; `scatterfetch jobs --stack fleet`",
            id="no results",
        ),
        pytest.param(
            ["results", "films", "--job", "films", "--stack", "fleet"],
            {},
            "leave --job out",
            id="two jobs",
        ),
        pytest.param(
            ["cancel", "films", "--stack", "fleet"], {}, "there is no job 'films'", id="to cancel"
        ),
        pytest.param(
            ["jobs", "--stack", "flet"],
            {},
            "there is no stack 'flet' in us-east-1; is it in another region (AWS_REGION)",
            id="no such stack",
        ),
        pytest.param(
            ["jobs", "--stack", "flet"],
            {"AWS_REGION": "eu-west-1"},
            "there is no stack 'flet' in eu-west-1",
            id="the AWS CLI's region",
        ),
        pytest.param(
            ["jobs", "--stack", "other"],
            {},
            "the stack other has no output DataBucketName: either it is none of scatterfetch's",
            id="not ours",
        ),
        pytest.param(
            ["jobs", "--stack", "fleet"],
            {
                "AWS_ACCESS_KEY_ID": "",
                "AWS_SECRET_ACCESS_KEY": "",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            "there are no AWS credentials; set AWS_PROFILE",
            id="no credentials",
        ),
        pytest.param(
            ["jobs", "--stack", "fleet"],
            {"AWS_PROFILE": "nobody"},
            "cannot look up the stack fleet: there is no AWS profile 'nobody'; `aws configure",
            id="no such profile",
        ),
        pytest.param(
            ["jobs", "--stack", "fleet"],
            {"AWS_REGION": "a b"},
            "cannot look up the stack fleet: 'a b' is no region of AWS; set AWS_REGION",
            id="no region",
        ),
        pytest.param(
            ["jobs", "--stack", "fleet"],
            {"AWS_ENDPOINT_URL_CLOUDFORMATION": "nowhere"},
            "cannot look up the stack fleet: Invalid endpoint: nowhere; see AWS_ENDPOINT_URL",
            id="no endpoint",
        ),
        pytest.param(
            ["jobs", "out", "--stack", "fleet"], {}, "name one", id="a folder and a stack"
        ),
        pytest.param(["jobs"], {}, "out is no folder; name the folder that", id="no folder"),
        pytest.param(["jobs", "."], {}, ". has no jobs; name the folder that", id="another one"),
    ],
)
def test_what_cannot_be_found_is_said_clearly(
    command: Command, args: list[str], environment: dict[str, str], problem: str
) -> None:
    done = command(*args, **environment)

    assert done.returncode == 2
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refusal_of_aws_is_no_traceback(command: Command, deployment: Deployment) -> None:
    put_job(deployment, "books")
    deployment.s3.delete_object(Bucket=deployment.data_bucket, Key=manifest_key("books"))
    deployment.s3.delete_bucket(Bucket=deployment.data_bucket)

    done = command("status", "books", "--stack", "fleet")

    assert done.returncode == 2
    assert done.stderr.startswith("scatterfetch: ")
    assert "NoSuchBucket" in done.stderr
    assert "Traceback" not in done.stderr
