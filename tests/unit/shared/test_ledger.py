from itertools import permutations

from shared.keys import redriven_key
from shared.ledger import Ledger
from shared.manifest import Manifest
from shared.receipts import dispatched_key, receipt_key
from shared.spec import Spec

KEYS = [
    dispatched_key("j", 0, batches=2, targets=20, rejected=3, duplicates=1),
    receipt_key("j", "00000-000000", {"scraped": 9, "failed-http_404": 1}),
    receipt_key(
        "j",
        "00000-000001",
        {"scraped": 7, "deferred-out_of_time": 3, "children": 1, "due": 1_795_255_321},
    ),
    receipt_key("j", "00000-000001-1", {"scraped": 3}),
]


def test_how_many_shards_a_stream_has_is_known_when_the_last_is_dispatched() -> None:
    manifest = Manifest(
        job="j", spec=Spec(), partitions=8, batch_size=10, created_at="now", size=1, streamed=True
    )
    ledger = Ledger(manifest.shards)
    assert not ledger.fully_dispatched

    def key(shard: int, *, last: bool = False) -> str:
        return dispatched_key("j", shard, batches=0, targets=0, rejected=0, duplicates=0, last=last)

    ledger.add(key(2, last=True))
    ledger.add(key(0))
    assert not ledger.fully_dispatched

    ledger.add(key(1))
    assert ledger.fully_dispatched


def test_the_ledger_adds_up_in_whatever_order_keys_come() -> None:
    for keys in permutations(KEYS):
        ledger = Ledger(shards=1)
        for number, key in enumerate(keys):
            assert not ledger.complete, keys[:number]
            ledger.add(key)
        assert ledger.complete
        assert ledger.final == {"scraped": 19, "failed-http_404": 1}
        assert ledger.final.total() == ledger.targets == 20
        assert (ledger.rejected, ledger.duplicates) == (3, 1)


def test_a_job_waits_for_all_its_shards() -> None:
    ledger = Ledger(shards=2)
    for key in KEYS:
        ledger.add(key)
    assert not ledger.complete

    ledger.add(dispatched_key("j", 1, batches=0, targets=0, rejected=0, duplicates=0))

    assert ledger.complete


def test_a_job_is_not_complete_since_some_other_batch_has_a_receipt() -> None:
    """An orphan must not stand in for a batch that is still to come."""
    ledger = Ledger(shards=1)
    ledger.add(dispatched_key("j", 0, batches=1, targets=2, rejected=0, duplicates=0))
    parent = {"deferred-redirected": 2, "children": 2}
    ledger.add(receipt_key("j", "00000-000000", parent))
    ledger.add(receipt_key("j", "00000-000000-1", {"scraped": 1}))
    ledger.add(receipt_key("j", "00000-000000-1-1", {"scraped": 1}))
    assert not ledger.complete

    ledger.add(receipt_key("j", "00000-000000-2", {"scraped": 1}))

    assert ledger.complete


def test_what_a_redriven_batch_gave_up_on_is_under_way() -> None:
    """Until all its letters have said what became of it; other batches stay dead."""
    ledger = Ledger(1)
    ledger.add(dispatched_key("j", 0, batches=2, targets=6, rejected=0, duplicates=0))
    ledger.add(receipt_key("j", "00000-000000", {"dead-timeout": 2, "dead-dns": 1, "scraped": 1}))
    ledger.add(receipt_key("j", "00000-000001", {"dead-dns": 2}))
    assert ledger.complete

    ledger.add(redriven_key("j", "00000-000000"))

    assert (ledger.complete, ledger.redriven_left) == (False, 3)
    assert ledger.final == {"scraped": 1, "dead-dns": 2}

    ledger.add(receipt_key("j", "00000-000000-r1", {"redriven-dns": 1, "dead-timeout": 1}))

    assert (ledger.complete, ledger.redriven_left) == (False, 2)
    assert ledger.final == {"scraped": 1, "dead-dns": 2, "dead-timeout": 1}

    ledger.add(receipt_key("j", "00000-000000-r2", {"redriven-timeout": 2, "scraped": 2}))

    assert (ledger.complete, ledger.redriven_left) == (True, 0)
    assert ledger.final == {"scraped": 3, "dead-dns": 2, "dead-timeout": 1}


def test_a_job_waits_for_what_a_dead_letter_has_deferred() -> None:
    ledger = Ledger(shards=1)
    ledger.add(dispatched_key("j", 0, batches=1, targets=1, rejected=0, duplicates=0))
    ledger.add(receipt_key("j", "00000-000000", {"dead-timeout": 1}))
    redriven = {"redriven-timeout": 1, "deferred-timeout": 1, "children": 1}
    ledger.add(receipt_key("j", "00000-000000-r1", redriven))
    before = (ledger.complete, ledger.final)

    ledger.add(receipt_key("j", "00000-000000-r1-1", {"scraped": 1}))

    assert before == (False, {})
    assert (ledger.complete, ledger.final) == (True, {"scraped": 1})


def test_a_dead_letter_counts_from_its_receipt_on() -> None:
    """What it has deferred may be done before: then its target is still the dead one."""
    ledger = Ledger(shards=1)
    ledger.add(dispatched_key("j", 0, batches=1, targets=1, rejected=0, duplicates=0))
    ledger.add(receipt_key("j", "00000-000000", {"dead-timeout": 1}))
    ledger.add(receipt_key("j", "00000-000000-r1-1", {"scraped": 1}))
    before = (ledger.complete, ledger.final)

    redriven = {"redriven-timeout": 1, "deferred-timeout": 1, "children": 1}
    ledger.add(receipt_key("j", "00000-000000-r1", redriven))

    assert before == (True, {"dead-timeout": 1})
    assert (ledger.complete, ledger.final) == (True, {"scraped": 1})


def test_what_counts_is_worked_out_once_for_all_the_keys_there_are() -> None:
    ledger = Ledger(shards=1)
    for key in KEYS[:3]:
        ledger.add(key)
    ledger.add(receipt_key("j", "00000-000009-1", {"scraped": 1}))  # its parent has none yet
    known = ledger.known

    assert ledger.known is known
    assert set(known) == {"00000-000000", "00000-000001"}

    ledger.add(KEYS[3])

    assert set(ledger.known) == {"00000-000000", "00000-000001", "00000-000001-1"}
