"""Whether a job is healthy, before its end and at it."""

from typing import Any

import msgspec
import pytest

from functions.dispatcher.checkup import EARLY_URLS
from functions.dispatcher.health import LastJob
from shared.ids import batch_id
from shared.keys import cancelled_key, last_job_key, manifest_key
from shared.messages import Tick
from shared.quality import Quality
from shared.tally import Tally
from tests.cloud import Deployment
from tests.integration.dispatcher.test_close import JOB, Job

LAST = last_job_key("books", "books/0")


@pytest.fixture
def job(deployment: Deployment) -> Job:
    return Job(deployment)


def expecting(job: Job, **expect: Any) -> None:
    body = job.data.get(manifest_key(JOB))
    assert body is not None
    more = {"spec": {"expect": expect}, "scraper": "books", "list_id": "books/0"}
    job.data.put(manifest_key(JOB), msgspec.json.encode(msgspec.json.decode(body) | more))


def tally(scraped: int, failed: int = 0, filled: int = 0) -> Tally:
    counts = {"scraped": scraped, "failed-http_500": failed}
    quality = Quality(
        pages=scraped,
        rows=scraped,
        columns={"price": (scraped, filled)},
        examples={"filled.price": ["http://a.example/"]},
    )
    return Tally(receipts=1, counts={k: n for k, n in counts.items() if n}, quality=quality)


def test_a_hopeless_job_says_so_before_its_end_and_once(job: Job) -> None:
    expecting(job, filled={"price": 0.5})
    job.dispatched(batches=9)
    job.receipt(batch_id(0, 0), tally(EARLY_URLS - 1))
    job.look()
    assert job.events == []

    job.receipt(batch_id(0, 1), tally(1))
    job.look()
    job.look(Tick(job=JOB, number=1))

    assert job.kinds() == ["Job unhealthy"]
    [(_, facts)] = job.events
    assert (facts["early"], facts["ended"]) == (True, False)
    assert facts["unmet"][0]["check"] == "filled.price"
    assert facts["unmet"][0]["examples"] == ["http://a.example/"]
    assert job.data.get(cancelled_key(JOB)) is None


def test_a_job_that_its_spec_ends_is_cancelled(job: Job) -> None:
    expecting(job, failed=0.1, filled={"price": 0.5}, stop_when=["failed"])
    job.dispatched(batches=9)
    job.receipt(batch_id(0, 0), tally(400, failed=100, filled=400))

    job.look()

    assert job.data.get(cancelled_key(JOB)) is not None
    [(_, facts)] = job.events
    assert facts["ended"]


def test_what_does_not_end_a_job_only_tells(job: Job) -> None:
    expecting(job, failed=0.5, filled={"price": 0.5}, stop_when=["failed"])
    job.dispatched(batches=9)
    job.receipt(batch_id(0, 0), tally(400, failed=100, filled=0))

    job.look()

    assert job.data.get(cancelled_key(JOB)) is None
    assert job.kinds() == ["Job unhealthy"]


def test_an_unhealthy_job_is_announced_and_in_its_summary(job: Job) -> None:
    expecting(job, filled={"price": 0.5})
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), tally(10, filled=4))

    job.look()

    assert job.kinds() == ["Job unhealthy", "Job completed"]
    assert job.events[1][1]["healthy"] is False
    summary = job.summary()
    assert summary.health is not None
    assert [one.found for one in summary.health.unmet] == ["in 40 %"]
    assert (summary.rows, summary.columns) == (10, {"price": 0.4})
    assert job.data.get(LAST) is None


def test_the_next_job_is_compared_with_the_last_healthy_one(job: Job) -> None:
    expecting(job, against_last={"rows": 0.2})
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), tally(10, filled=10))
    job.look()
    assert job.kinds() == ["Job completed"]
    body = job.data.get(LAST)
    assert body is not None
    kept = msgspec.json.decode(body, type=LastJob)
    assert (kept.job, kept.rows, kept.filled) == (JOB, 10, {"price": 1.0})


def test_a_later_job_is_no_measure_for_an_earlier_one(job: Job) -> None:
    expecting(job, against_last={"rows": 0.2})
    later = LastJob(job="books-2", created_at="2026-12-31", rows=1_000, filled={})
    job.data.put(LAST, msgspec.json.encode(later))
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), tally(10))

    job.look()

    assert job.kinds() == ["Job completed"]
    assert job.data.get(LAST) == msgspec.json.encode(later)


def test_a_job_that_was_cancelled_is_no_measure_and_not_behind(job: Job) -> None:
    expecting(job, against_last={"rows": 0.2})
    former = LastJob(job="books-0", created_at="2026-01-01", rows=1_000, filled={})
    job.data.put(LAST, msgspec.json.encode(former))
    job.data.put(cancelled_key(JOB), b"")
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), tally(10))

    job.look()

    assert job.kinds() == ["Job completed"]
    assert job.data.get(LAST) == msgspec.json.encode(former)
