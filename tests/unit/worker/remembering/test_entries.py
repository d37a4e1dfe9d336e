"""What tells rows from others."""

from functions.worker.remembering.entries import row_hash, row_key


def test_a_row_without_its_key_has_none() -> None:
    assert row_key({"shop": "a", "sku": 1}, ["shop", "sku"]) == {"shop": "a", "sku": 1}
    assert row_key({"shop": "a", "sku": 0}, ["shop", "sku"]) == {"shop": "a", "sku": 0}
    for row in ({"shop": "a"}, {"shop": "a", "sku": None}, {"shop": "a", "sku": ""}):
        assert row_key(row, ["shop", "sku"]) is None
    assert row_key({"shop": "a"}, []) is None


def test_rows_of_two_kinds_are_two() -> None:
    assert row_hash("listing", {"sku": 1}) != row_hash("product", {"sku": 1})
    assert row_hash(None, {"a": 1, "b": 2}) == row_hash(None, {"b": 2, "a": 1})
