"""The operator's commands, against the deployed stack."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from aiohttp import web

from scatterfetch.jobs.polled_queue import PolledQueue
from shared.keys import manifest_key, receipts_prefix
from shared.lock import PARTITIONS
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Target, Wake, encode
from shared.queue import Message
from shared.spec import FetchSpec, Spec
from shared.urls import parse_url, partition_of
from tests.e2e.conftest import Stack, eventually
from tests.integration.scatterfetch.test_cli import scatterfetch
from tests.site import Site

pytestmark = pytest.mark.e2e


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., str]:
    """Run a command about the stack; return what it prints."""

    def run(*args: str, status: int = 0) -> str:
        name = os.environ.get("SCATTERFETCH_STACK", "scatterfetch-e2e")
        done = scatterfetch(*args, "--stack", name, cwd=tmp_path)
        assert done.returncode == status, done.stderr
        return done.stdout

    return run


Command = Callable[..., str]


def write_list(folder: Path, *urls: str, spec: str) -> None:
    (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
    (folder / "spec.yaml").write_text(spec)


def status_of(command: Command, job: str, *, status: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(command("status", job, "--json", status=status))
    return found


def test_a_job_from_the_list_to_the_table(
    stack: Stack, command: Command, site: Site, tmp_path: Path
) -> None:
    pages = [site.page(f"/{n}", title=f"Page {n}") for n in range(3)]
    write_list(tmp_path, *pages, "/about", spec="fetch: {pause: 0}")

    shown = command("submit", "urls.txt", "--wait", "--name", f"e2e-{uuid.uuid4().hex[:8]}")

    job = shown.splitlines()[0]
    assert ["total", "3"] in [line.split() for line in shown.splitlines()]
    found = status_of(command, job)
    assert (found["state"], found["outcomes"], found["rejected"]) == ("complete", {"scraped": 3}, 1)
    assert found["adds_up"]
    assert job in command("jobs")
    rows = command("results", job, "--format", "csv").splitlines()
    assert {row.split(",")[2] for row in rows[1:]} == {f"Page {n}" for n in range(3)}
    # The upload of the list has started no job of its own.
    assert stack.jobs("submitted") == set()


def test_dead_targets_are_given_another_life(
    stack: Stack, command: Command, site: Site, tmp_path: Path
) -> None:
    url = site.reply("/down", web.Response(status=500))
    write_list(tmp_path, url, spec="fetch: {pause: 0, attempts: 1}")
    shown = command("submit", "urls.txt", "--wait", status=1)
    job = shown.splitlines()[0]
    assert status_of(command, job, status=1)["outcomes"] == {"dead-http_5xx": 1}
    assert job in command("deadletters")
    site.page("/down", title="Up again")

    command("redrive")

    letters = PolledQueue(stack.outputs["DispatchDLQUrl"], stack.sqs)
    [task] = stack.sqs.list_message_move_tasks(SourceArn=letters.arn())["Results"]
    assert task["Status"] == "COMPLETED"  # it was SQS that has moved them

    def is_scraped() -> bool:
        return stack.ledger(job).final == {"scraped": 1}

    eventually(is_scraped, within=60, hope="another outcome")
    [row] = command("results", job).splitlines()
    assert msgspec.json.decode(row)["title"] == "Up again"
    assert stack.waiting("DispatchDLQUrl") == 0


@pytest.fixture
def impatient(stack: Stack) -> Iterator[None]:
    """The work queue hides a message for a second, until a worker asks for more."""
    url = stack.outputs["WorkQueueUrl"]
    before = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    yield
    stack.sqs.set_queue_attributes(QueueUrl=url, Attributes=before["Attributes"])


@pytest.mark.usefixtures("impatient")
def test_poison_reaches_the_dead_letters_and_a_redrive_brings_batches_back(
    stack: Stack, command: Command, site: Site
) -> None:
    job = f"e2e-{uuid.uuid4().hex[:8]}"
    page = site.page("/poison", title="Antidote")
    partition = partition_of(parse_url(page).host, PARTITIONS)
    batch = Batch(job=job, batch="00000-000000", partition=partition, targets=(Target(page, 1),))
    work = PolledQueue(stack.outputs["WorkQueueUrl"], stack.sqs)
    work.send([Message("{}", group="3", identity=f"{job}/poison")])
    wakes = PolledQueue(stack.outputs["WakeQueueUrl"], stack.sqs)
    wakes.send([Message(encode(Wake()))])  # as the dispatcher does
    eventually(lambda: stack.waiting("WorkDLQUrl") == 1, within=90, hope="a dead letter")
    dead = PolledQueue(stack.outputs["WorkDLQUrl"], stack.sqs)
    dead.send([Message(encode(batch), group=batch.group, identity=f"{job}/batch")])
    manifest = Manifest(
        job=job,
        spec=Spec(fetch=FetchSpec(pause=0)),
        partitions=PARTITIONS,
        batch_size=10,
        created_at="2026-11-21T01:14:42.000+00:00",
    )
    stack.data.put(manifest_key(job), encode_manifest(manifest))
    shown = command("deadletters")
    assert "not a batch message" in shown
    assert job in shown

    command("redrive", "--job", job)

    eventually(
        lambda: list(stack.data.keys(receipts_prefix(job, 0))), within=60, hope="the receipt"
    )
    [line] = stack.outcomes(job)
    assert line["rows"][0]["title"] == "Antidote"
    assert stack.waiting("WorkDLQUrl") == 1  # what is not this job's
    [poison] = dead.receive(hidden=10)
    assert poison.body == "{}"
    dead.delete([poison.handle])


def test_a_job_is_cancelled(stack: Stack, command: Command, site: Site, tmp_path: Path) -> None:
    pages = [site.page(f"/slow/{n}", title="T") for n in range(100)]
    write_list(tmp_path, *pages, spec="fetch: {pause: 3, max_idle: 5}")
    job = command("submit", "urls.txt").strip()
    eventually(lambda: "/slow/1" in site.paths(), within=60, hope="a visit")

    command("cancel", job)

    stack.complete(job, within=60)
    found = status_of(command, job)
    assert found["outcomes"]["skipped-cancelled"] > 50
    assert found["outcomes"]["scraped"] + found["outcomes"]["skipped-cancelled"] == 100


def test_the_end_of_a_job_is_an_event(
    stack: Stack, command: Command, site: Site, tmp_path: Path
) -> None:
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    queue = stack.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = PolledQueue(queue, stack.sqs).arn()
    events: Any = boto3.client("events")
    events.put_rule(Name=name, EventPattern='{"source":["scatterfetch"]}')
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        write_list(tmp_path, site.page("/a", title="A"), spec="fetch: {pause: 0}")
        job = command("submit", "urls.txt", "--wait").splitlines()[0]

        def completed() -> bool:
            bodies = [message.body for message in PolledQueue(queue, stack.sqs).receive(hidden=30)]
            details = [msgspec.json.decode(body) for body in bodies]
            return any(
                (one["detail-type"], one["detail"]["job"]) == ("Job completed", job)
                for one in details
            )

        eventually(completed, within=60, hope="the event")
    finally:
        events.remove_targets(Rule=name, Ids=["queue"])
        events.delete_rule(Name=name)
        events.close()
        stack.sqs.delete_queue(QueueUrl=queue)
