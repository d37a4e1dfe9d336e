"""The arithmetic of costs, against figures worked out by hand from AWS's pages."""

import pytest
from msgspec.structs import asdict

from functions.dispatcher.prices import TOGETHER_SECONDS, Usage, cost_of, usage_of
from shared import wakes


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        # 1,000,000 invocations of 1 s with 1 GB.
        (Usage(gb_seconds=1e6, invocations=1e6), 13.3334 + 0.20),
        (Usage(s3_writes=1_000), 0.005),
        (Usage(s3_reads=1_000), 0.0004),
        (Usage(sqs_standard=1e6), 0.40),
        (Usage(sqs_fifo=1e6), 0.50),
        (Usage(events=1e6), 1.00),
        (Usage(log_bytes=2e9), 1.00),
        (Usage(sent_bytes=10e9), 0.90),
    ],
)
def test_each_meter_costs_what_the_price_list_says(usage: Usage, dollars: float) -> None:
    assert cost_of(usage).total == pytest.approx(dollars, rel=1e-4)


def test_x86_costs_a_quarter_more() -> None:
    hour = Usage(gb_seconds=3600)

    assert cost_of(hour, architecture="x86_64").compute == pytest.approx(0.06, rel=1e-4)
    assert cost_of(hour).compute == pytest.approx(0.048, rel=1e-4)


def test_a_million_pages_by_hand() -> None:
    """10,000 batches of 100 pages, 500 ms each at 1,024 MB, 10 kB a message; workers of 300 s."""
    usage = usage_of(
        requests=1_000_000,
        batches=10_000,
        children=0,
        worker_seconds=5_000,
        worker_memory=1024,
        message_bytes=10_000,
    )

    # Ten messages are 100 kB, two chunks: 0.2 a batch to send it, one to receive, one to
    # acknowledge, one for its share of renewals and of empty receives.
    assert usage.sqs_fifo == pytest.approx(32_000)
    assert asdict(cost_of(usage)) == pytest.approx(
        {
            "compute": 0.066667 + 5_000 / 100 * 0.20e-6,
            "s3": 0.15 + 0.012,
            "sqs": 0.016,
            "events": 1e-6,
            "logs": 0.01,
            "sent": 0.045,
        }
    )


def test_deferred_batches_pay_for_their_way_back() -> None:
    straight, with_children = (
        usage_of(
            requests=0,
            batches=20,
            children=children,
            worker_seconds=0,
            worker_memory=1024,
            message_bytes=10_000,
        )
        for children in (0, 10)
    )

    # Of the dispatcher, and of the worker that it calls.
    assert with_children.invocations - straight.invocations == 20
    assert with_children.gb_seconds - straight.gb_seconds == pytest.approx(13)
    assert with_children.sqs_standard == 60  # sent, received, deleted, and so is a wake
    assert with_children.sqs_fifo - straight.sqs_fifo == pytest.approx(10 * 0.8)  # sent alone


def test_children_that_come_together_call_one_worker() -> None:
    """Thirty of them in half a minute, and of a day."""
    assert TOGETHER_SECONDS == wakes.TOGETHER_SECONDS
    seldom, often = (
        usage_of(
            requests=0,
            batches=30,
            children=30,
            worker_seconds=0,
            worker_memory=1024,
            message_bytes=10_000,
            seconds=seconds,
        )
        for seconds in (86_400, 30)
    )

    assert seldom.invocations == 30 + 30
    assert often.invocations == 30 + 4
    assert seldom.gb_seconds - often.gb_seconds == pytest.approx(26 * 1.3)
    assert seldom.sqs_standard - often.sqs_standard == 26 * 3


def test_large_messages_count_by_their_chunks() -> None:
    usage = usage_of(
        requests=0,
        batches=10,
        children=0,
        worker_seconds=0,
        worker_memory=1024,
        message_bytes=100_000,
    )

    # Received as two chunks each, renewed and deleted; 1 MB is sixteen chunks to send.
    assert usage.sqs_fifo == 10 * (2 + 2) + 16


def test_the_dispatcher_is_paid_as_well() -> None:
    """A thousand parts of a list, 10 s each at 512 MB."""
    usage = usage_of(
        requests=0,
        batches=0,
        children=0,
        worker_seconds=0,
        worker_memory=1024,
        message_bytes=0,
        dispatches=1_000,
        dispatcher_seconds=10_000,
    )

    assert usage.gb_seconds == 5_000
    assert usage.invocations == 1_000
    assert cost_of(usage).s3 == pytest.approx(0.02 + 0.0012)


def test_a_crawl_reads_and_writes_what_is_taken_with_each_batch() -> None:
    listed, crawled = (
        usage_of(
            requests=100,
            batches=10,
            children=0,
            worker_seconds=1.0,
            worker_memory=512,
            message_bytes=1_000,
            takes=takes,
        )
        for takes in (False, True)
    )

    assert (crawled.s3_writes - listed.s3_writes, crawled.s3_reads - listed.s3_reads) == (10, 10)
