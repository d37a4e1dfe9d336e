"""`scatterfetch schedule`, against moto's EventBridge Scheduler, which stores and never fires."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import boto3
import pytest

import shared.store
from functions.dispatcher.dispatch import Dispatcher
from scatterfetch.localcloud.template import ACCOUNT, REGION
from scatterfetch.releases import RELEASE
from shared.ids import job_id
from shared.messages import Place, Submit, decode_dispatch
from shared.store import Bucket
from shared.wakes import Wakes
from tests.cloud import Deployment
from tests.commandline import scatterfetch_here
from tests.dispatching import NOW, run, sent
from tests.integration.scatterfetch.commands.test_cli_stack import Command
from tests.roles import restricted
from tests.stack import serving_stacks

TIME = "<aws.scheduler.scheduled-time>"
SPEC = "fetch: {pause: 2}"


@dataclass
class Fleet:
    """A stack called `fleet` in which nobody is at work, and its schedules."""

    deployment: Deployment
    group: str
    outputs: dict[str, str]
    scheduler: Any

    def schedule(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.scheduler.get_schedule(Name=name, GroupName=self.group)
        return found

    def uploaded(self, key: str) -> bytes:
        found = self.deployment.s3.get_object(Bucket=self.deployment.input_bucket, Key=key)
        return found["Body"].read()

    def message(self, name: str, *, at: str | None = None) -> Submit:
        """Return what a schedule sends, at a time."""
        body = self.schedule(name)["Target"]["Input"]
        [message] = decode_dispatch(body.replace(TIME, at) if at else body)
        assert isinstance(message, Submit)
        return message


@pytest.fixture
def fleet(
    deployment: Deployment, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    group = f"group-of-{deployment.input_bucket}"
    queue = deployment.dispatch_queue_url.rpartition("/")[2]
    outputs = {
        **deployment.outputs,
        "Release": RELEASE,
        "ScheduleGroupName": group,
        "ScheduleRoleArn": f"arn:aws:iam::{ACCOUNT}:role/fleet-ScheduleRole",
        "DispatchQueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
    }
    monkeypatch.setenv("MOTO_ALLOW_NONEXISTENT_REGION", "true")  # the SDK's list lacks Scheduler's
    scheduler: Any = boto3.client("scheduler", endpoint_url=endpoint)
    scheduler.create_schedule_group(Name=group)
    with serving_stacks({"fleet": outputs}) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        yield Fleet(deployment, group, outputs, scheduler)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "urls.txt").write_text("http://a.example/\n")
    (folder / "spec.yaml").write_text(SPEC)
    return tmp_path


@pytest.fixture
def command(fleet: Fleet, books: Path) -> Command:
    del fleet

    def schedule(*args: str, **environment: str) -> CompletedProcess[str]:
        words = ("schedule", *args, "--stack", "fleet")
        return scatterfetch_here(*words, cwd=books, **environment)

    return schedule


def test_a_list_is_uploaded_and_submitted_each_time(command: Command, fleet: Fleet) -> None:
    done = command("add", "books/urls.txt", "cron(0 6 * * ? *)", "--timezone", "Europe/Berlin")

    assert (done.returncode, done.stdout) == (0, "books-urls\n"), done.stderr
    made = fleet.schedule("books-urls")
    assert made["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert made["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert made["State"] == "ENABLED"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert made["Target"]["Arn"] == fleet.outputs["DispatchQueueArn"]
    assert made["Target"]["RoleArn"] == fleet.outputs["ScheduleRoleArn"]
    message = fleet.message("books-urls", at="2026-12-01T05:00:00Z")
    assert (message.name, message.overlap) == ("books/urls", "skip")
    assert (message.id, message.at) == ("books-urls/2026-12-01T05:00:00Z", "2026-12-01T05:00:00Z")
    assert message.spec is not None
    assert message.spec["fetch"] == {"pause": 2.0}
    key = "scheduled/books-urls/urls.txt"
    assert message.list == Place(fleet.deployment.input_bucket, key)
    assert fleet.uploaded(key) == b"http://a.example/\n"


def test_a_list_of_the_input_bucket_keeps_its_own_spec(command: Command, fleet: Fleet) -> None:
    fleet.deployment.upload("shop/urls.txt", b"http://a.example/\n")
    place = Place(fleet.deployment.input_bucket, "shop/urls.txt")

    assert command("add", str(place), "rate(1 day)").stdout == "shop-urls\n"

    message = fleet.message("shop-urls")
    assert (message.list, message.spec, message.name) == (place, None, "shop/urls")
    given = command("add", str(place), "rate(1 day)", "--replace", "--spec", "books/spec.yaml")
    assert given.returncode == 0, given.stderr
    message = fleet.message("shop-urls")
    assert message.spec is not None
    assert message.spec["fetch"] == {"pause": 2.0}


def test_what_a_schedule_sends_is_a_job_of_the_list_as_it_is_then(
    command: Command, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = fleet.deployment
    command("add", "books/urls.txt", "rate(1 day)")
    deployment.upload("scheduled/books-urls/urls.txt", b"http://later.example/\n")
    client = restricted(deployment, "DispatcherRole")
    monkeypatch.setattr(shared.store, "s3_client", lambda: client)
    dispatcher = Dispatcher(
        deployment.dispatcher_settings,
        data=Bucket(deployment.data_bucket, client),
        dispatch_queue=deployment.dispatch_queue,
        work_queue=deployment.work_queue,
        wakes=Wakes(deployment.wake_queue, workers=20),
        now=lambda: NOW,
    )

    first = run(dispatcher, deployment, fleet.message("books-urls", at="2026-12-01T05:00:00Z"))
    again = run(dispatcher, deployment, fleet.message("books-urls", at="2026-12-01T05:00:00Z"))
    second = run(dispatcher, deployment, fleet.message("books-urls", at="2026-12-02T05:00:00Z"))

    assert first.job.startswith("books-urls-2026-12-01-")
    assert (first.error, first.scraper, first.spec.fetch.pause) == (None, "books", 2)
    assert again == first
    assert second.job.startswith("books-urls-2026-12-02-")
    assert second.error == f"skipped: {first.job}, the last job of this name, is not complete"
    urls = {target.url for batch in sent(deployment) for target in batch.targets}
    assert urls == {"http://later.example/"}


def test_a_crawl_begins_again_each_time(command: Command, fleet: Fleet, books: Path) -> None:
    (books / "shop.yaml").write_text("follow: [{css: 'a[href]'}]")

    done = command(
        "add", "https://shop.example/", "rate(7 days)", "--spec", "shop.yaml", "--overlap", "queue"
    )

    assert (done.returncode, done.stdout) == (0, "shop.example\n"), done.stderr
    message = fleet.message("shop.example")
    assert (message.urls, message.list) == (("https://shop.example/",), None)
    assert (message.name, message.overlap) == ("shop.example", "queue")
    assert message.spec is not None
    assert message.spec["follow"]


def test_schedules_are_listed(command: Command, fleet: Fleet) -> None:
    command("add", "books/urls.txt", "rate(1 day)")
    command("add", "books/urls.txt", "at(2026-12-24T18:00:00)", "--name", "books/xmas night")
    fleet.scheduler.create_schedule(
        Name="foreign",
        GroupName=fleet.group,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:::q", "RoleArn": "arn:aws:iam:::role/r", "Input": "hello"},
    )
    command("pause", "books-urls")

    done = command("list")
    lines = [json.loads(line) for line in command("list", "--json").stdout.splitlines()]

    bucket, other = fleet.deployment.input_bucket, "scheduled/books-xmas-night/urls.txt"
    assert done.stdout.splitlines() == [
        f"books-urls  rate(1 day), paused  s3://{bucket}/scheduled/books-urls/urls.txt",
        f"books-xmas-night  at(2026-12-24T18:00:00)  s3://{bucket}/{other}",
    ]
    assert "the schedule foreign does not submit a list: others made it" in done.stderr
    assert [(line["name"], line["paused"], line["overlap"]) for line in lines] == [
        ("books-urls", True, "skip"),
        ("books-xmas-night", False, "skip"),
    ]


def test_a_stack_without_schedules_says_so(command: Command) -> None:
    done = command("list")

    assert (done.returncode, done.stdout) == (0, "")
    assert "there are no schedules in the stack fleet" in done.stderr


def test_a_paused_schedule_is_as_it_was_but_for_that(command: Command, fleet: Fleet) -> None:
    command("add", "books/urls.txt", "cron(0 6 * * ? *)", "--timezone", "Europe/Berlin")
    before = fleet.schedule("books-urls")

    assert command("pause", "books-urls").returncode == 0

    paused = fleet.schedule("books-urls")
    assert paused["State"] == "DISABLED"
    same = ("Target", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow")
    assert [paused[key] for key in same] == [before[key] for key in same]
    assert command("resume", "books-urls").returncode == 0
    assert fleet.schedule("books-urls")["State"] == "ENABLED"


def test_a_schedule_is_removed(command: Command, fleet: Fleet) -> None:
    command("add", "books/urls.txt", "rate(1 day)")

    assert command("remove", "books-urls").returncode == 0

    assert fleet.scheduler.list_schedules(GroupName=fleet.group)["Schedules"] == []


def test_a_job_is_started_now(command: Command, fleet: Fleet) -> None:
    command("add", "books/urls.txt", "rate(1 day)")

    jobs = [command("run-now", "books-urls").stdout.strip() for _ in range(2)]

    assert len({*jobs}) == 2
    records = fleet.deployment.received(fleet.deployment.dispatch_queue_url)
    sent = [message for record in records for message in decode_dispatch(record["body"])]
    for message in sent:
        assert isinstance(message, Submit)
        assert (message.name, message.overlap) == ("books/urls", "skip")
        assert message.list == fleet.message("books-urls").list
        assert message.id is not None
        assert message.at is not None
        assert datetime.fromisoformat(message.at).tzinfo
        assert job_id(f"books/urls-{message.at[:10]}", message.id) in jobs
    assert len(sent) == 2


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("add", "books/urls.txt", "daily"), "'daily' is not a schedule. Write rate(1 day)"),
        (
            ("add", "books/urls.txt", "rate(1 day)", "--timezone", "Berlin"),
            "'Berlin' is not a time zone",
        ),
        (("add", "nothing.txt", "rate(1 day)"), "cannot read the URL list nothing.txt"),
        (("add", "s3://bucket", "rate(1 day)"), "s3://bucket is not a list"),
        (("add", "s3://other/urls.txt", "rate(1 day)"), "not in the input bucket of the stack"),
        (("add", "s3://{input}/no.txt", "rate(1 day)"), "/no.txt; is its name misspelt?"),
        (("remove", "books"), "there is no schedule books; `scatterfetch schedule list"),
        (("pause", "books"), "there is no schedule books"),
        (("run-now", "books"), "there is no schedule books"),
    ],
)
def test_what_is_wrong_is_said(
    command: Command, fleet: Fleet, args: tuple[str, ...], problem: str
) -> None:
    done = command(*(arg.format(input=fleet.deployment.input_bucket) for arg in args))

    assert done.returncode == 2
    assert problem in done.stderr
    assert fleet.scheduler.list_schedules(GroupName=fleet.group)["Schedules"] == []


def test_a_schedule_is_overwritten_only_if_that_is_wanted(
    command: Command, fleet: Fleet, books: Path
) -> None:
    command("add", "books/urls.txt", "rate(1 day)")
    command("pause", "books-urls")
    (books / "books/urls.txt").write_text("http://other.example/\n")

    refused = command("add", "books/urls.txt", "rate(2 days)")

    assert refused.returncode == 2
    assert "there is a schedule books-urls already: overwrite it with --replace" in refused.stderr
    assert fleet.schedule("books-urls")["ScheduleExpression"] == "rate(1 day)"
    assert fleet.uploaded("scheduled/books-urls/urls.txt") == b"http://a.example/\n"
    assert command("add", "books/urls.txt", "rate(2 days)", "--replace").returncode == 0
    replaced = fleet.schedule("books-urls")
    assert (replaced["ScheduleExpression"], replaced["State"]) == ("rate(2 days)", "DISABLED")
    assert fleet.uploaded("scheduled/books-urls/urls.txt") == b"http://other.example/\n"


def test_a_list_that_the_dispatcher_would_refuse_is_not_scheduled(
    command: Command, books: Path, fleet: Fleet
) -> None:
    (books / "books/urls.txt").write_text("# nothing\n")

    assert command("add", "books/urls.txt", "rate(1 day)").returncode == 2
    assert "Contents" not in fleet.deployment.s3.list_objects_v2(
        Bucket=fleet.deployment.input_bucket
    )


def test_a_stack_of_an_earlier_release_has_no_schedules(
    deployment: Deployment, endpoint: str, books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_stacks({"old": deployment.outputs}) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)

        done = scatterfetch_here("schedule", "list", "--stack", "old", cwd=books)

    assert done.returncode == 2
    assert "has no schedules: deploy this release to it" in done.stderr
