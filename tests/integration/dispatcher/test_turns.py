"""Jobs of one name that come again before the last one is complete."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from functions.dispatcher.dispatch import TURN_SECONDS, Dispatcher
from functions.dispatcher.turns import HOPELESS_DAYS, UNSTARTED_HOURS
from shared.keys import manifest_key, summary_key, turn_key
from shared.manifest import Manifest
from shared.messages import Submit, decode_dispatch
from shared.queue import Message, Queue
from tests.cloud import Deployment
from tests.dispatching import NOW, bodies, forget, started

FIRST = Submit(
    id="daily/1",
    name="books/daily",
    urls=("http://a.example/",),
    overlap="skip",
    at="2026-11-21T06:00:00Z",
)
SECOND = replace(FIRST, id="daily/2", at="2026-11-22T06:00:00Z")
THIRD = replace(FIRST, id="daily/3", at="2026-11-23T06:00:00Z")


def waiting(request: Submit) -> Submit:
    return replace(request, overlap="queue")


def complete(deployment: Deployment, job: str) -> None:
    deployment.data.put(summary_key(job), b"{}")


def later(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    def now() -> datetime:
        return NOW + by

    monkeypatch.setattr(dispatcher._jobs, "_now", now)
    monkeypatch.setattr(dispatcher._jobs._turns, "_now", now)


@pytest.fixture
def postponed(dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """What is sent to the dispatch queue again, to be a job later."""
    sent: list[Message] = []

    def send(_: Queue, messages: list[Message]) -> None:
        sent.extend(message for message in messages if '"submit.v1"' in message.body)

    monkeypatch.setattr(type(dispatcher._dispatch_queue), "send", send)
    return sent


def test_a_job_has_the_date_of_its_schedule_and_its_scraper_has_not(
    dispatcher: Dispatcher,
) -> None:
    first = started(dispatcher, FIRST)

    assert first.job.startswith("books-daily-2026-11-21-")
    assert first.scraper == "books"


def test_a_job_is_skipped_while_the_last_one_is_not_complete(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    first = started(dispatcher, FIRST)
    bodies(deployment)

    second = started(dispatcher, SECOND)

    assert second.error == f"skipped: {first.job}, the last job of this name, is not complete"
    assert deployment.manifest(second.job).error == second.error
    assert bodies(deployment) == []  # nothing is fetched for it
    complete(deployment, first.job)
    assert started(dispatcher, SECOND) == second  # however late it comes again
    assert started(dispatcher, THIRD).error is None


def test_jobs_of_other_names_and_those_that_may_overlap_are_not_held_up(
    dispatcher: Dispatcher,
) -> None:
    started(dispatcher, FIRST)

    assert started(dispatcher, replace(SECOND, name="books/weekly")).error is None
    assert started(dispatcher, replace(SECOND, overlap="run")).error is None
    assert started(dispatcher, Submit(name="books/daily", urls=FIRST.urls)).error is None


def test_a_message_that_comes_twice_is_one_job(dispatcher: Dispatcher) -> None:
    assert started(dispatcher, FIRST) == started(dispatcher, FIRST)


def test_a_crash_before_the_manifest_leaves_the_turn_to_the_same_job(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(dispatcher._jobs), "_create", _crash)
        with pytest.raises(RuntimeError):
            dispatcher.start(FIRST, message_id="m1")

    assert started(dispatcher, SECOND).error
    first = started(dispatcher, FIRST)
    assert first.error is None
    assert deployment.data.get(manifest_key(first.job))


def _crash(*_: object) -> Manifest:
    raise RuntimeError


def test_a_job_that_was_never_started_holds_up_nobody_for_long(
    dispatcher: Dispatcher, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started(dispatcher, FIRST)
    forget(deployment, manifest_key(first.job))
    later(dispatcher, monkeypatch, timedelta(hours=UNSTARTED_HOURS, seconds=1))

    assert started(dispatcher, SECOND).error is None


def test_a_job_that_never_ends_holds_up_nobody_for_ever(
    dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(dispatcher, FIRST)
    later(dispatcher, monkeypatch, timedelta(days=HOPELESS_DAYS, seconds=1))

    assert started(dispatcher, SECOND).error is None


@pytest.mark.parametrize("damaged", [b"", b"{", b"{}"])
def test_a_damaged_turn_holds_up_nobody(
    dispatcher: Dispatcher, deployment: Deployment, damaged: bytes
) -> None:
    started(dispatcher, FIRST)
    deployment.data.put(turn_key("books/daily"), damaged)

    assert started(dispatcher, SECOND).error is None
    assert started(dispatcher, THIRD).error


def test_a_refused_job_holds_up_nobody(dispatcher: Dispatcher) -> None:
    refused = started(dispatcher, replace(FIRST, urls=None))
    assert refused.error

    assert started(dispatcher, SECOND).error is None


def test_a_job_waits_until_the_last_one_is_complete(
    dispatcher: Dispatcher, deployment: Deployment, postponed: list[Message]
) -> None:
    first = started(dispatcher, FIRST)

    assert dispatcher.start(waiting(replace(SECOND, id=None)), message_id="m2") is None

    [message] = postponed
    assert message.delay == TURN_SECONDS
    [again] = decode_dispatch(message.body)
    assert again == waiting(replace(SECOND, id="m2"))
    assert isinstance(again, Submit)
    complete(deployment, first.job)
    second = dispatcher.start(again, message_id="another")
    assert second is not None
    assert second.error is None
    assert second.job.startswith("books-daily-2026-11-22-")


def test_one_job_of_a_name_waits_at_most(
    dispatcher: Dispatcher, deployment: Deployment, postponed: list[Message]
) -> None:
    """A job a day that takes two days would have more and more of them wait."""
    first = started(dispatcher, FIRST)
    assert dispatcher.start(waiting(SECOND), message_id="m2") is None
    assert dispatcher.start(waiting(SECOND), message_id="m2") is None

    third = started(dispatcher, waiting(THIRD))

    assert third.error == f"skipped: {first.job}, the last job of this name, is not complete"
    assert len(postponed) == 2
    complete(deployment, first.job)
    assert started(dispatcher, waiting(SECOND)).error is None


@pytest.mark.parametrize("last", [None, replace(FIRST, urls=None)])
def test_of_two_that_ask_at_once_one_has_the_turn(
    dispatcher: Dispatcher, last: Submit | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if last:
        started(dispatcher, last)
    data = dispatcher._jobs._turns._data
    write = data.put_over
    others = [SECOND]

    def put_over(key: str, body: bytes, *, etag: str | None) -> str | None:
        if others:
            assert started(dispatcher, others.pop()).error is None
        return write(key, body, etag=etag)

    monkeypatch.setattr(data, "put_over", put_over)

    assert started(dispatcher, THIRD).error


def test_a_message_that_comes_again_after_the_next_job_began_does_not_wait(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    first = started(dispatcher, waiting(FIRST))
    complete(deployment, first.job)
    started(dispatcher, waiting(SECOND))

    assert started(dispatcher, waiting(FIRST)) == first
