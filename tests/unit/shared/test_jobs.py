import re
from itertools import permutations

import msgspec
import pytest

from shared.errors import InvalidJobError, Reason
from shared.ids import (
    MAX_ID,
    child_id,
    dead_letter_id,
    descendants,
    generation,
    job_id,
    last_generations,
)
from shared.keys import redriven_key
from shared.ledger import Ledger
from shared.manifest import SHARD_BYTES, Manifest, decode_manifest, encode_manifest
from shared.messages import BatchId, JobId
from shared.receipts import (
    RECEIPT_END,
    dispatched_key,
    final_counts,
    lost_batches,
    receipt_key,
    settled,
)
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
    manifest = msgspec.structs.replace(MANIFEST, size=size, shard_bytes=SHARD_BYTES)

    assert manifest.shards == shards


def test_a_job_under_way_keeps_the_shards_it_began_with() -> None:
    """A manifest of an earlier release says nothing of their size."""
    body = (
        b'{"type":"manifest.v1","job":"j","spec":{},"partitions":8,"batch_size":10,'
        b'"created_at":"now","size":8388609}'
    )

    assert decode_manifest(body).shards == 2


def test_how_many_shards_a_stream_has_is_known_when_the_last_is_dispatched() -> None:
    manifest = msgspec.structs.replace(MANIFEST, size=1, streamed=True)
    ledger = Ledger(manifest.shards)
    assert not ledger.fully_dispatched

    def key(shard: int, *, last: bool = False) -> str:
        return dispatched_key("j", shard, batches=0, targets=0, rejected=0, duplicates=0, last=last)

    ledger.add(key(2, last=True))
    ledger.add(key(0))
    assert not ledger.fully_dispatched

    ledger.add(key(1))
    assert ledger.fully_dispatched


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
    assert all(re.fullmatch(r"[A-Za-z0-9/._=!-]+", key) for key in KEYS)


def test_receipts_alone_have_the_end_of_receipts() -> None:
    """A listing by it would take other keys for less than they are."""
    assert all(("/receipts/" in key) == key.endswith(RECEIPT_END) for key in KEYS)
    assert not any(RECEIPT_END in key[:-1] for key in KEYS)


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


def test_ids_of_children_stay_short_and_different_however_often_targets_are_deferred() -> None:
    ids = set()
    families = ["00000-000001", "00000-000001-r1", "00000-000002"]
    for depth in range(1_000):
        families = [child_id(batch, 1 + depth % 7) for batch in families]
        ids |= set(families)
        assert [generation(batch) for batch in families] == [0, 1, 0]
        assert {batch[:12] for batch in families} == {"00000-000001", "00000-000002"}

    assert len(ids) == 3_000
    assert max(map(len, ids)) <= MAX_ID
    for batch in ids:
        msgspec.convert(batch, BatchId)


def test_a_childs_id_is_the_same_every_time() -> None:
    long = "00000-000000" + "-1" * 26
    assert len(long) == MAX_ID
    assert child_id(long, 1) == child_id(long, 1) != child_id(long, 2)


def test_what_is_redriven_is_of_the_next_generation() -> None:
    batch, generations = "00000-000000", []
    for _ in range(3):
        batch = dead_letter_id(child_id(batch, 1), 12)
        generations.append(generation(batch))

    assert generations == [1, 2, 3]
    assert batch == "00000-000000-1-r12-1-r12-1-r12"


def test_a_receipts_name_fits_into_a_file_system_whatever_the_reasons() -> None:
    counts = {f"{kind}-{reason}": 200 for kind in ("failed", "deferred") for reason in Reason}
    everything = counts | {"children": 200, "scraped": 200, "redriven-timeout": 200}

    key = receipt_key("j", "00000-000000", everything)

    ledger = Ledger(shards=1)
    ledger.add(key)
    assert len(key.rpartition("/")[2]) <= 250
    assert ledger.receipts["00000-000000"]["children"] == 200
    assert ledger.final == {"scraped": 200, "failed": 200 * len(Reason)}
    assert ".failed-timeout=200" in receipt_key("j", "00000-000000", {"failed-timeout": 200})


def test_a_redriven_targets_outcome_is_its_last_one() -> None:
    assert final_counts(
        {
            "scraped": 6,
            "dead-timeout": 5,
            "deferred-timeout": 3,
            "redriven-timeout": 4,
            "children": 1,
            "problems": 7,
            "no_match": 2,
        }
    ) == {"scraped": 6, "dead-timeout": 1}
    # of a receipt without room for reasons
    assert final_counts({"dead": 5, "redriven-timeout": 4}) == {"dead": 1}


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


def test_the_last_outcome_of_each_line_is_known_by_its_generation() -> None:
    finals = [("00000-000000-r1", 1), ("00000-000000-r1-1-r1", 2), ("00000-000000-r1", 2)]

    assert last_generations(finals) == {1: 1, 2: 2}


def test_results_that_are_gone_or_of_another_length_are_lost() -> None:
    receipts = {
        "00000-000000": {"scraped": 1, "size": 10},
        "00000-000001": {"scraped": 1, "size": 10},
        "00000-000002": {"scraped": 1, "size": 10},
        "00000-000003": {"scraped": 1},  # of a release that has not written it down
        "00000-000004": {"scraped": 1},
    }
    sizes = {"00000-000000": 10, "00000-000001": 9, "00000-000003": 7, "00000-000009": 1}

    assert lost_batches(receipts, sizes) == ["00000-000001", "00000-000002", "00000-000004"]


def test_what_a_batch_has_led_to_is_found_however_deep() -> None:
    family = ["00000-000001"]
    for number in range(40):
        family.append(child_id(family[-1], 1 + number % 12))
    letter = dead_letter_id(family[30], 2)
    others = ["00000-000010", "00000-000002", "00001-000001", "00000-000010-1"]
    batches = [*family, letter, child_id(letter, 1), *others]

    assert descendants(family[:1], batches) == {*family[1:], letter, child_id(letter, 1)}
    assert descendants(family[31:32], batches) == {*family[32:]}
    assert descendants(["00000-000002"], batches) == set()
    # Of any number of batches, all that there are is gone through once.
    both = descendants([family[31], "00000-000010"], iter(batches))
    assert both == {*family[32:], "00000-000010-1"}
