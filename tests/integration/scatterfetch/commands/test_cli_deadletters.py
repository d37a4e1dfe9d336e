"""`scatterfetch deadletters` and `redrive`, against real queues."""

import functools
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from functions.worker.commit import OutcomeFile
from scatterfetch.commands.place import open_stack
from scatterfetch.deadletters.letters import held
from scatterfetch.deadletters.redriving import redrive
from scatterfetch.jobs import polled_queue
from scatterfetch.jobs.polled_queue import PolledQueue
from shared.errors import Reason, StorageError
from shared.keys import cancelled_key, manifest_key, results_key, summary_key, tick_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Defer, Target, Tick, decode_batch, encode
from shared.outcomes import Kind
from shared.queue import Message, Queue
from shared.spec import Spec
from tests.cloud import Deployment
from tests.commandline import scatterfetch_here
from tests.integration.scatterfetch.commands.test_cli_stack import Command
from tests.results import outcome, put_results
from tests.stack import serving_stacks


@pytest.fixture(autouse=True)
def _stacks(
    deployment: Deployment, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with serving_stacks({"fleet": deployment.outputs}) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        monkeypatch.setattr(polled_queue, "NONE_SECONDS", 0)  # moto's is one server
        yield


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return functools.partial(scatterfetch_here, cwd=tmp_path)


def batch(job: str, number: int, *urls: str, died: Reason | None = None) -> Batch:
    targets = tuple(Target(url, line) for line, url in enumerate(urls, start=1))
    name = f"00000-{number:06d}" + ("-r1" if died else "")
    return Batch(job=job, batch=name, partition=7, died=died, targets=targets)


def put_dead(deployment: Deployment, *batches: Batch) -> None:
    """As workers do."""
    Queue(deployment.dead_letter_queue_url, deployment.sqs).send(
        Message(encode(Defer(batch=one))) for one in batches
    )


def put_poison(deployment: Deployment, *bodies: str) -> None:
    """As SQS does after three deliveries."""
    queue = Queue(deployment.work_dlq_url, deployment.sqs)
    for number, body in enumerate(bodies):  # several calls at once would keep no order
        queue.send([Message(body, group="7", identity=f"poison {number}")])


def waiting(deployment: Deployment, url: str) -> list[str]:
    """Return the bodies of the messages that can be received."""
    return [record["body"] for record in deployment.receive(url)]


def test_letters_are_shown_by_job_reason_and_host(command: Command, deployment: Deployment) -> None:
    urls = ["http://a.example/1", "http://a.example/2", "http://b.example/"]
    put_dead(deployment, batch("books", 0, *urls, died=Reason.TIMEOUT))
    put_poison(deployment, encode(batch("films", 0, "http://c.example/")), "{}")

    done = command("deadletters", "--stack", "fleet")

    assert (done.returncode, done.stderr) == (0, "")
    table, _, _ = done.stdout.partition("\n\n")
    header, *lines = [line.split() for line in table.splitlines()]
    assert header == ["QUEUE", "JOB", "REASON", "HOST", "URLS"]
    assert lines[0] == ["DispatchDLQ", "books", "timeout", "a.example", "2"]
    assert lines[1] == ["DispatchDLQ", "books", "timeout", "b.example", "1"]
    assert lines[2][:5] == ["WorkDLQ", "-", "not", "a", "batch"]
    assert " ".join(lines[3]) == "WorkDLQ films no worker could bring it to an end c.example 1"
    assert done.stdout.endswith("4 URLs in 3 dead letters\n")


def test_few_urls_are_shown_with_their_details(command: Command, deployment: Deployment) -> None:
    """The letter has the URL, and the results of the batch that it died in the rest."""
    dead = outcome("/1", kind=Kind.DEAD, reason=Reason.TIMEOUT, detail="no answer within 30 s")
    file = OutcomeFile()
    file.add(dead)
    deployment.data.put(results_key("books", "00000-000000"), file.close(0))
    put_dead(deployment, batch("books", 0, dead.url, died=Reason.TIMEOUT))
    put_poison(deployment, encode(batch("films", 0, "http://c.example/")))

    done = command("deadletters", "--stack", "fleet")

    _, urls, total = done.stdout.split("\n\n")
    expected = [
        "books: timeout",
        "  http://a.example/1  no answer within 30 s",
        "films: no worker could bring it to an end",
        "  http://c.example/",
    ]
    assert urls.splitlines() == expected
    assert total == "2 URLs in 2 dead letters\n"
    asked = command("deadletters", "--stack", "fleet", "--urls")
    assert asked.stdout.splitlines() == [*expected, "2 URLs in 2 dead letters"]
    program = command("deadletters", "--stack", "fleet", "--urls", "--json", "--job", "books")
    assert msgspec.json.decode(program.stdout)["targets"] == [
        {"url": "http://a.example/1", "line": 1, "detail": "no answer within 30 s"}
    ]


def test_many_urls_are_shown_if_asked_for(command: Command, deployment: Deployment) -> None:
    urls = [f"http://a.example/{number}" for number in range(11)]
    put_dead(deployment, batch("books", 0, *urls, died=Reason.TIMEOUT))

    done = command("deadletters", "--stack", "fleet")

    assert done.stdout.splitlines()[2:] == [
        "`deadletters --urls` shows the URLs",
        "11 URLs in 1 dead letter",
    ]
    asked = command("deadletters", "--stack", "fleet", "--urls").stdout.splitlines()
    assert asked == ["books: timeout", *(f"  {url}" for url in urls), "11 URLs in 1 dead letter"]


def test_looking_leaves_letters_where_they_are(command: Command, deployment: Deployment) -> None:
    """All of them, and others see them at once."""
    put_dead(
        deployment, *(batch("books", n, "http://a.example/", died=Reason.DNS) for n in range(23))
    )
    put_poison(deployment, encode(batch("books", 0, "http://c.example/")))

    shown = command("deadletters", "--stack", "fleet", "--json").stdout.splitlines()

    assert len(shown) == 24
    first = msgspec.json.decode(shown[0])
    assert (first["job"], first["reason"], first["hosts"]) == ("books", "dns", {"a.example": 1})
    assert msgspec.json.decode(first["body"])["type"] == "defer.v1"
    assert len(waiting(deployment, deployment.dead_letter_queue_url)) == 10
    assert len(waiting(deployment, deployment.work_dlq_url)) == 1


def test_letters_of_one_job(command: Command, deployment: Deployment) -> None:
    put_dead(
        deployment,
        batch("books", 0, "http://a.example/", died=Reason.DNS),
        batch("films", 0, "http://b.example/", died=Reason.DNS),
    )

    done = command("deadletters", "--stack", "fleet", "--job", "films")

    assert "1 URL in 1 dead letter" in done.stdout
    assert "a.example" not in done.stdout


def test_those_behind_others_of_their_group_are_mentioned(
    command: Command, deployment: Deployment
) -> None:
    put_poison(deployment, *(encode(batch("books", n, "http://a.example/")) for n in range(12)))

    done = command("deadletters", "--stack", "fleet")

    assert "10 URLs in 10 dead letters" in done.stdout
    assert "about 2 more in WorkDLQ cannot be seen" in done.stderr


def test_letters_of_a_cancelled_job_stay(command: Command, deployment: Deployment) -> None:
    """A worker would skip their targets, and nobody could give them another life again."""
    put_dead(
        deployment,
        batch("books", 0, "http://a.example/", died=Reason.DNS),
        batch("films", 0, "http://b.example/", died=Reason.DNS),
    )
    deployment.data.put(manifest_key("books"), b"")
    deployment.data.put(cancelled_key("books"), b"")
    deployment.data.put(cancelled_key("long-ago"), b"")  # which has no letters

    for dry in (["--dry-run"], []):
        of_it = command("redrive", "--stack", "fleet", "--job", "books", *dry)
        assert (of_it.returncode, of_it.stdout) == (2, "")
        assert "books was cancelled, so its dead letters would be skipped" in of_it.stderr
    shown = command("redrive", "--stack", "fleet", "--dry-run")
    of_all = command("redrive", "--stack", "fleet")

    assert "1 message of DispatchDLQ would be moved to DispatchQueue" in shown.stdout
    assert "letters of books would stay: cancelled jobs fetch nothing\n" in shown.stderr
    assert "1 message of DispatchDLQ moved to DispatchQueue" in of_all.stdout
    assert of_all.stderr == "scatterfetch: letters of books stay: cancelled jobs fetch nothing\n"
    [left] = waiting(deployment, deployment.dead_letter_queue_url)
    assert '"job":"books"' in left


@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize("job", ["boks", "books/urls.txt"])
def test_another_life_for_no_job_is_wrong_usage(
    command: Command, deployment: Deployment, job: str, dry: list[str]
) -> None:
    done = command("redrive", "--stack", "fleet", "--job", job, *dry)

    assert done.returncode == 2
    assert f"there is no job '{job}' in the stack fleet" in done.stderr
    assert waiting(deployment, deployment.dispatch_queue_url) == []


def test_all_is_given_another_life(command: Command, deployment: Deployment) -> None:
    dead = batch("books", 0, "http://a.example/", died=Reason.TIMEOUT)
    poison = [batch("films", n, "http://b.example/") for n in range(12)]
    put_dead(deployment, dead)
    put_poison(deployment, *map(encode, poison))

    shown = command("redrive", "--stack", "fleet", "--dry-run")
    done = command("redrive", "--stack", "fleet")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[-2:] == [
        "1 message of DispatchDLQ would be moved to DispatchQueue",
        "12 messages of WorkDLQ would be moved to WorkQueue",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "1 message of DispatchDLQ moved to DispatchQueue",
        "12 messages of WorkDLQ moved to WorkQueue",
    ]
    assert waiting(deployment, deployment.dispatch_queue_url) == [encode(Defer(batch=dead))]
    records = deployment.received(deployment.work_queue_url)
    assert [decode_batch(record["body"]) for record in records] == poison  # in their order
    assert {record["attributes"]["MessageGroupId"] for record in records} == {"7"}
    for url in (deployment.dead_letter_queue_url, deployment.work_dlq_url):
        assert waiting(deployment, url) == []


def test_one_job_is_given_another_life(command: Command, deployment: Deployment) -> None:
    books, films = (
        batch(job, 0, "http://a.example/", died=Reason.DNS) for job in ("books", "films")
    )
    put_dead(deployment, films, books)

    done = command("redrive", "--stack", "fleet", "--job", "books")

    assert "1 message of DispatchDLQ moved" in done.stdout
    [letter, _tick] = waiting(deployment, deployment.dispatch_queue_url)
    assert letter == encode(Defer(batch=books))
    assert waiting(deployment, deployment.dead_letter_queue_url) == [encode(Defer(batch=films))]


def test_letters_behind_those_of_another_job_are_reached_or_mentioned(
    command: Command, deployment: Deployment
) -> None:
    """A partition shows its first ten: nine of another job leave room for one, time and again."""
    others = [encode(batch("films", n, "http://a.example/")) for n in range(12)]
    wanted = [encode(batch("books", n, "http://a.example/")) for n in range(8)]
    put_poison(deployment, *others[:9], *wanted[:4], *others[9:], *wanted[4:])

    shown = command("redrive", "--stack", "fleet", "--job", "books", "--dry-run")
    done = command("redrive", "--stack", "fleet", "--job", "books")

    assert shown.returncode == 1
    assert "1 message of WorkDLQ would be moved" in shown.stdout
    assert "about 10 more in WorkDLQ cannot be seen" in shown.stderr
    assert done.returncode == 1
    assert "4 messages of WorkDLQ moved" in done.stdout
    assert "about 6 more in WorkDLQ cannot be seen" in done.stderr
    assert "without --job all are moved" in done.stderr
    records = deployment.received(deployment.work_queue_url)
    assert [record["body"] for record in records] == wanted[:4]

    rest = command("redrive", "--stack", "fleet")

    assert rest.returncode == 0
    assert "16 messages of WorkDLQ moved" in rest.stdout


@pytest.mark.parametrize("of_one", [["--job", "books"], []])
def test_jobs_are_looked_at_soon_after_a_redrive(
    command: Command, deployment: Deployment, of_one: list[str]
) -> None:
    """A job's own ticks may have ended; one that is complete needs none."""
    data = deployment.data
    manifest = Manifest(job="books", spec=Spec(), partitions=1, batch_size=1, created_at="")
    data.put(manifest_key("books"), encode_manifest(manifest))
    for key in [tick_key("books", 0), tick_key("books", 7), summary_key("films")]:
        data.put(key, b"")

    command("redrive", "--stack", "fleet", *of_one)

    tick = Tick(job="books", number=8, first=8)
    assert waiting(deployment, deployment.dispatch_queue_url) == [encode(tick)]


def test_a_dry_run_moves_nothing(command: Command, deployment: Deployment) -> None:
    put_dead(deployment, batch("books", 0, "http://a.example/", died=Reason.DNS))

    done = command("redrive", "--stack", "fleet", "--dry-run")

    assert "1 URL in 1 dead letter" in done.stdout
    assert "1 message of DispatchDLQ would be moved to DispatchQueue\n" in done.stdout
    assert waiting(deployment, deployment.dispatch_queue_url) == []
    assert len(waiting(deployment, deployment.dead_letter_queue_url)) == 1


def test_what_was_sent_and_not_deleted_is_sent_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption between the two loses no batch, and doubles none."""
    put_poison(deployment, encode(batch("books", 0, "http://a.example/")))
    stack = open_stack("fleet")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PolledQueue, "delete", interrupted)
        with pytest.raises(KeyboardInterrupt):
            redrive(stack, "WorkDLQ", "books")
    assert redrive(stack, "WorkDLQ", "books").letters == 1

    assert len(deployment.received(deployment.work_queue_url)) == 1
    assert waiting(deployment, deployment.work_dlq_url) == []


def test_what_could_not_be_sent_stays(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_poison(deployment, encode(batch("books", 0, "http://a.example/")))
    stack = open_stack("fleet")

    def refused(*_: object) -> None:
        raise StorageError("no")

    monkeypatch.setattr(Queue, "send", refused)
    with pytest.raises(StorageError):
        redrive(stack, "WorkDLQ", "books")

    assert len(waiting(deployment, deployment.work_dlq_url)) == 1


def test_nobody_else_gets_a_letter_that_is_looked_at(deployment: Deployment) -> None:
    put_dead(deployment, batch("books", 0, "http://a.example/", died=Reason.DNS))
    queue = PolledQueue(deployment.dead_letter_queue_url, deployment.sqs)

    with held(queue) as messages:
        assert len(next(messages)) == 1
        assert waiting(deployment, queue.url) == []

    assert len(waiting(deployment, queue.url)) == 1


def test_a_slow_reader_sees_each_letter_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pager keeps them for minutes; then they come again, before those that nobody has seen."""
    now = time.time() * 1000
    monkeypatch.setattr("scatterfetch.localcloud.queues._now_ms", lambda: now)
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda: now)
    queue = PolledQueue(deployment.dead_letter_queue_url, deployment.sqs)
    queue.send([Message(f"{n}") for n in range(35)])
    seen = []

    with held(queue) as messages:
        for together in messages:
            seen += [message.body for message in together]
            now += 61_000

    assert sorted(seen, key=int) == [f"{n}" for n in range(35)]


def test_no_letters(command: Command) -> None:
    assert command("deadletters", "--stack", "fleet").stdout == "nothing was given up on\n"


def test_the_dead_of_a_local_run(command: Command, tmp_path: Path) -> None:
    dead = outcome("/a", kind=Kind.DEAD, reason=Reason.TIMEOUT, detail="no answer within 30 s")
    (tmp_path / "out/jobs").mkdir(parents=True)
    put_results(tmp_path / "out", "books", "00000-000000", dead, outcome("/b"))

    done = command("deadletters", "out")

    assert "results  books  timeout  a.example  1" in done.stdout
    assert "books: timeout\n  http://a.example/a  no answer within 30 s\n" in done.stdout
    asked = command("deadletters", "out", "--urls").stdout
    assert asked == (
        "books: timeout\n  http://a.example/a  no answer within 30 s\n1 URL in 1 dead letter\n"
    )


def test_a_dry_run_refuses_what_is_refused(command: Command, tmp_path: Path) -> None:
    dead = outcome("/a", kind=Kind.DEAD, reason=Reason.TIMEOUT)
    (tmp_path / "out/jobs").mkdir(parents=True)
    put_results(tmp_path / "out", "books", "00000-000000", dead)

    for dry in (["--dry-run"], []):
        done = command("redrive", "out", *dry)
        assert done.returncode == 2
        assert "nobody knows what the job was" in done.stderr
