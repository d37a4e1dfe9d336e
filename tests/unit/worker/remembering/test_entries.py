"""What tells rows, and jobs of one list, from others."""

import pytest

from functions.worker.remembering.entries import row_hash, row_key
from shared.ids import list_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("books-2026-11-30-0123456789ab", "books-2026-12-01-ba9876543210", True),
        ("books-20261130-0123456789ab", "books-20261201-ba9876543210", True),
        ("books-2026-11-30-0600-0123456789ab", "books-2026-12-01-1800-ba9876543210", True),
        ("books-2026-11-0123456789ab", "books-2026-12-ba9876543210", True),
        ("books-urls-0123456789ab", "books-urls-ba9876543210", True),
        ("books-list1-0123456789ab", "books-list2-ba9876543210", False),
        ("books-fiction-0123456789ab", "books-science-ba9876543210", False),
        ("books-1984-0123456789ab", "books-1985-ba9876543210", False),
    ],
)
def test_lists_whose_names_differ_in_dates_are_one(one: str, other: str, same: bool) -> None:
    assert (list_of(one) == list_of(other)) is same


def test_a_row_without_its_key_has_none() -> None:
    assert row_key({"shop": "a", "sku": 1}, ["shop", "sku"]) == {"shop": "a", "sku": 1}
    assert row_key({"shop": "a", "sku": 0}, ["shop", "sku"]) == {"shop": "a", "sku": 0}
    for row in ({"shop": "a"}, {"shop": "a", "sku": None}, {"shop": "a", "sku": ""}):
        assert row_key(row, ["shop", "sku"]) is None
    assert row_key({"shop": "a"}, []) is None


def test_rows_of_two_kinds_are_two() -> None:
    assert row_hash("listing", {"sku": 1}) != row_hash("product", {"sku": 1})
    assert row_hash(None, {"a": 1, "b": 2}) == row_hash(None, {"b": 2, "a": 1})
