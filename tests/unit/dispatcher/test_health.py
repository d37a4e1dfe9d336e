"""What a spec expects of a job, against what its receipts amount to."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from functions.dispatcher.health import Health, LastJob, health_of, last_job
from shared.expect_spec import ExpectSpec
from shared.outcomes import Kind, Problem, RememberedLine
from shared.quality import EXAMPLES, SAMPLE, Quality, quality_of
from shared.tally import Tally, decode_tally, encode_tally, tally_of

URL = "http://shop.example/"


def line(number: int, *rows: dict[str, Any], **facts: Any) -> RememberedLine:
    given: dict[str, Any] = {
        "url": f"{URL}{number:04}",
        "line": number,
        "outcome": Kind.SCRAPED,
        "attempt": 1,
        "fetched_at": datetime(2026, 11, 30, tzinfo=UTC),
        "elapsed_ms": 10,
        "rows": list(rows),
    }
    return RememberedLine(**(given | facts))


def expecting(**given: Any) -> ExpectSpec:
    return msgspec.convert(given, ExpectSpec)


def tally(expect: ExpectSpec, *lines: RememberedLine) -> Tally:
    """Return the sum of two receipts, as it comes from S3."""
    whole = Tally()
    for part in (lines[::2], lines[1::2]):
        one = tally_of(part)
        one.quality = quality_of(part, expect, lambda kind: kind != "listing")
        whole.add(decode_tally(encode_tally(one)))
    return whole


def health(expect: ExpectSpec, *lines: RememberedLine, last: LastJob | None = None) -> Health:
    return health_of(expect, tally(expect, *lines), last)


def unmet(found: Health) -> dict[str, str]:
    return {one.check: one.found for one in found.unmet}


def test_rows_of_each_page() -> None:
    expect = expecting(rows_per_page=[1, 2])
    row = {"a": 1}

    assert health(expect, line(1, row), line(2, row, row)).healthy
    found = health(expect, line(1, row), line(2), line(3, row, row, row), line(4, page="listing"))

    assert unmet(found) == {"rows_per_page": "2 of 3 pages have fewer or more"}
    assert found.unmet[0].examples == [f"{URL}0002", f"{URL}0003"]


def test_columns_that_have_a_value() -> None:
    expect = expecting(filled={"price": 0.75})
    lines = [line(number, {"price": number % 4 or None}) for number in range(1, 5)]

    assert health(expect, *lines).healthy
    found = health(expect, *lines, line(5, {"price": ""}))

    assert unmet(found) == {"filled.price": "in 60 %"}
    assert found.unmet[0].expected == "a value in 75 % of the rows at least"
    assert found.unmet[0].examples == [f"{URL}0004", f"{URL}0005"]
    assert unmet(health(expect, line(1, {"name": "x"}))) == {"filled.price": "no row has it"}


def test_a_value_of_zero_or_false_is_one() -> None:
    expect = expecting(filled={"price": 1, "stock": 1})

    assert health(expect, line(1, {"price": 0, "stock": False})).healthy


def test_a_row_without_the_column_is_of_another_kind() -> None:
    expect = expecting(filled={"price": 1})

    assert health(expect, line(1, {"price": 1}), line(2, {"title": "x"})).healthy


def test_values_that_should_be_there_once() -> None:
    expect = expecting(unique=["sku"])

    assert health(
        expect, line(1, {"sku": 1}), line(2, {"sku": "1"}), line(3, {"sku": None})
    ).healthy
    found = health(expect, line(1, {"sku": 1}), line(2, {"sku": 1}), line(3, {"sku": 2}))

    assert unmet(found) == {"unique.sku": "2 rows have one that another row has"}


def test_of_many_values_a_sample_tells() -> None:
    expect = expecting(unique=["sku"])
    rows = [{"sku": number // 2} for number in range(4 * SAMPLE)]
    parts = [quality_of([line(n, *rows[n::10])], expect, lambda _kind: True) for n in range(10)]
    forward, backward = Quality(), Quality()
    for one in parts:
        forward.add(one)
    for one in reversed(parts):
        backward.add(one)

    assert len(forward.values["sku"]) == SAMPLE
    assert forward.repeated("sku") == 2 * SAMPLE
    assert forward.values["sku"].items() == backward.values["sku"].items()


def test_shares_of_failures_and_of_pages_without_a_match() -> None:
    expect = expecting(failed=0.5, no_match=0.5)
    no_match = (Problem("no_match"),)
    good = [line(1, {"a": 1}), line(2, problems=no_match), line(3, outcome=Kind.FAILED, status=404)]

    assert health(expect, *good, line(4, outcome=Kind.DEAD)).healthy
    found = health(expect, *good, line(4, outcome=Kind.DEAD), line(5, problems=no_match),
                   line(6, outcome=Kind.DEAD))  # fmt: skip

    assert unmet(found) == {"no_match": "2 of 3, 66.67 %"}
    assert found.unmet[0].examples == [f"{URL}0002", f"{URL}0005"]
    assert unmet(health(expecting(failed=0.4), *good, line(4, outcome=Kind.DEAD))) == {
        "failed": "2 of 4, 50 %"
    }
    assert health(expecting(failed=0)).healthy  # a job without URLs


def test_against_the_last_healthy_job() -> None:
    expect = expecting(against_last={"rows": 0.2, "filled": 0.1})
    lines = [line(number, {"name": "x", "price": 1}) for number in range(10)]
    last = last_job("shop-1", "2026-11-29", tally(expect, *lines))
    assert (last.rows, last.filled) == (10, {"name": 1.0, "price": 1.0})

    assert health(expect, *lines[:8], last=last).healthy
    assert health(expect, *lines[:1]).healthy  # the first job
    few = health(expect, *lines[:7], last=last)
    assert unmet(few) == {"against_last.rows": "7 rows"}
    assert few.unmet[0].expected == "80 % of the 10 rows of shop-1"
    empty = health(expect, *lines[:8], line(9, {"name": "", "price": 1}), last=last)
    assert unmet(empty) == {"against_last.filled.name": "in 88.89 %"}
    gone = [line(number, {"name": "x"}) for number in range(10)]
    assert unmet(health(expect, *gone, last=last)) == {"against_last.filled.price": "in 0 %"}


def test_examples_are_few_and_the_same_in_any_order() -> None:
    expect = expecting(filled={"price": 1})
    lines = [line(number, {"price": None}) for number in range(9)]

    [forward] = health(expect, *lines).unmet
    [backward] = health(expect, *reversed(lines)).unmet

    assert forward.examples == backward.examples == [f"{URL}{n:04}" for n in range(EXAMPLES)]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "there is nothing to expect"),
        ({"rows_per_page": [2, 1]}, "the least is more than the most"),
        ({"failed": 1.5}, "<= 1"),
        ({"failed": 0.1, "stop_when": ["filled"]}, "stop_when: nothing is expected of filled"),
        ({"against_last": {}}, "name one of rows and filled"),
    ],
)
def test_what_cannot_be_expected(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        expecting(**wrong)
