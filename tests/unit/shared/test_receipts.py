import re

from shared.errors import Reason
from shared.ids import child_id
from shared.receipts import (
    RECEIPT_END,
    dispatched_key,
    final_counts,
    lost_batches,
    receipt_counts,
    receipt_key,
    settled,
)

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


def test_a_receipts_name_fits_into_a_file_system_whatever_the_reasons() -> None:
    counts = {f"{kind}-{reason}": 200 for kind in ("failed", "deferred") for reason in Reason}
    everything = counts | {"children": 200, "scraped": 200, "redriven-timeout": 200}

    key = receipt_key("j", "00000-000000", everything)

    kept = receipt_counts(key)
    assert len(key.rpartition("/")[2]) <= 250
    assert kept["children"] == 200
    assert final_counts(kept) == {"scraped": 200, "failed": 200 * len(Reason)}
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
