import re
from itertools import permutations

import msgspec
import pytest

from shared.errors import InvalidJobError
from shared.jobs import (
    SHARD_BYTES,
    Ledger,
    Manifest,
    child_id,
    decode_manifest,
    dispatched_key,
    encode_manifest,
    job_id,
    receipt_key,
    settled,
)
from shared.messages import JobId
from shared.spec import FetchSpec, Spec

MANIFEST = Manifest(
    job="j", spec=Spec(fetch=FetchSpec(timeout=5)), partitions=8, batch_size=10, created_at="now"
)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("books/2026-11-21", "books-2026-11-21-"),
        ("Büro & Co", "b-ro-co-"),
        ("...", "job-"),
        ("x" * 300, "x" * 48 + "-"),
    ],
)
def test_job_ids_are_readable_and_valid(name: str, start: str) -> None:
    job = job_id(name, "event")

    assert job.startswith(start)
    msgspec.convert(job, JobId)


def test_a_job_is_its_name_and_event() -> None:
    assert job_id("a", "1") == job_id("a", "1")
    assert len({job_id("a", "1"), job_id("a", "2"), job_id("A", "1")}) == 3


def test_a_manifest_survives_the_bucket() -> None:
    assert decode_manifest(encode_manifest(MANIFEST)) == MANIFEST


def test_what_is_no_manifest_is_refused() -> None:
    with pytest.raises(InvalidJobError, match="not a manifest"):
        decode_manifest(b'{"type":"manifest.v9"}')


@pytest.mark.parametrize(
    ("size", "shards"),
    [(0, 1), (1, 1), (SHARD_BYTES, 1), (SHARD_BYTES + 1, 2)],
)
def test_a_list_is_cut_into_shards_by_its_size(size: int, shards: int) -> None:
    assert msgspec.structs.replace(MANIFEST, size=size).shards == shards


KEYS = [
    dispatched_key("j", 0, batches=2, targets=20, rejected=3, duplicates=1),
    receipt_key("j", "00000-000000", {"scraped": 9, "failed-http_404": 1}),
    receipt_key("j", "00000-000001", {"scraped": 7, "deferred-out_of_time": 3, "children": 1}),
    receipt_key("j", "00000-000001-1", {"scraped": 3}),
]


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


def test_equal_receipts_are_one_object() -> None:
    assert receipt_key("j", "00000-000000", {"scraped": 1, "failed-tls": 2}) == receipt_key(
        "j", "00000-000000", {"failed-tls": 2, "scraped": 1, "dead": 0}
    )


def test_keys_hold_only_what_s3_and_file_systems_take() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9/._=-]+", key) for key in KEYS)


def test_a_batch_is_settled_with_all_that_it_led_to() -> None:
    parent, child = "00000-000001", child_id("00000-000001", 1)

    assert not settled({}, parent)
    assert not settled({parent: {"children": 1}}, parent)
    assert settled({parent: {"children": 1}, child: {"scraped": 1}}, parent)
    assert not settled({parent: {"children": 1}, child: {"children": 1}}, parent)


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
