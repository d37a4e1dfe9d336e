"""The end of a job that is remembered: each partition is swept before the job is complete."""

import msgspec
import pytest

from shared.ids import batch_id, sweep_id
from shared.keys import cancelled_key, limit_key, manifest_key, memory_key
from shared.messages import Batch, Tick, decode_batch
from shared.receipts import swept_key
from shared.tally import Tally
from tests.cloud import Deployment
from tests.dispatching import sent
from tests.integration.dispatcher.test_close import JOB, Job

COUNTS = {"scraped": 3, "rows_new": 1, "rows_changed": 2, "rows_same": 4}


@pytest.fixture
def job(deployment: Deployment) -> Job:
    job = Job(deployment)
    body = job.data.get(manifest_key(JOB))
    assert body is not None
    more = {"spec": {"remember": True}, "scraper": "shops/books"}
    job.data.put(manifest_key(JOB), msgspec.json.encode(msgspec.json.decode(body) | more))
    for partition, path in ((3, ""), (12, ""), (12, "0"), (12, "13")):
        job.data.put(memory_key("shops/books", partition, path), b"")
    job.data.put(memory_key("shops", 7), b"")  # another scraper's
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), Tally(receipts=1, counts=COUNTS))
    return job


def test_a_job_is_complete_when_each_partition_is_swept(job: Job) -> None:
    job.look()

    assert job.events == []
    assert sent(job.deployment) == [
        Batch(
            job=JOB,
            batch=sweep_id(number),
            partition=number,
            sweep=True,
            leads_known=True,
            pages_known=True,
        )
        for number in (3, 12)
    ]
    [(tick, delay)] = job.sent()
    assert delay == 10

    job.data.put(swept_key(JOB, 3, {"rows_gone": 5}), b"")
    job.data.put(memory_key("shops/books", 4), b"")  # which has come since
    job.look(tick)
    assert [one.partition for one in sent(job.deployment)] == [12]
    [(tick, delay)] = job.sent()
    assert delay == 20

    job.data.put(swept_key(JOB, 12, {}), b"")
    job.look(tick)

    assert job.kinds() == ["Job completed"]
    assert job.summary().changes == {"new": 1, "changed": 2, "same": 4, "gone": 5, "unseen": 0}
    [(_, facts)] = job.events
    assert facts["changes"] == job.summary().changes
    assert job.sent() == []


def test_a_second_copy_of_a_tick_sends_no_further_one(job: Job) -> None:
    job.look()
    job.look()

    assert len(job.sent()) == 1


@pytest.mark.parametrize("ended", [cancelled_key(JOB), limit_key(JOB)])
def test_nobody_can_tell_what_is_gone_of_a_job_that_was_cut_off(job: Job, ended: str) -> None:
    job.data.put(ended, b"")

    job.look()

    assert job.summary().changes == {
        "new": 1,
        "changed": 2,
        "same": 4,
        "gone": None,
        "unseen": None,
    }
    assert job.deployment.received(job.deployment.work_queue_url) == []


def test_a_job_that_is_the_first_of_its_scraper_and_has_remembered_nothing(job: Job) -> None:
    body = job.data.get(manifest_key(JOB))
    assert body is not None
    job.data.put(
        manifest_key(JOB), msgspec.json.encode(msgspec.json.decode(body) | {"scraper": "new"})
    )

    job.look(Tick(job=JOB))

    assert job.kinds() == ["Job completed"]


def test_a_batch_has_targets_or_is_a_sweep() -> None:
    with pytest.raises(Exception, match="a batch has targets, unless it is a sweep"):
        decode_batch(f'{{"type":"batch.v1","job":"{JOB}","batch":"00000-000000","partition":1}}')
