"""What JSON in UTF-8 cannot hold costs itself, and nothing beside it."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.encodable import (
    MAX_DEPTH,
    as_json,
    encodable,
    is_deep,
    mend_json,
    mend_references,
    mend_text,
)
from shared.outcomes import Kind, Outcome, decode_lines, encode_line


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("whole \N{GRINNING FACE}", "whole \N{GRINNING FACE}"),
        ("a\ud83d", "a\ufffd"),
        ("\ude00b", "\ufffdb"),
        ("\ud83d\ude00", "\N{GRINNING FACE}"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd\N{GRINNING FACE}"),
    ],
)
def test_half_a_character_is_replaced_and_two_halves_are_joined(text: str, mended: str) -> None:
    assert mend_text(text) == mended
    assert msgspec.json.decode(mend_json(json.dumps(text).encode())) == mended


def test_what_only_looks_like_an_escape_is_left_alone() -> None:
    assert mend_json(rb'"C:\\ud83d \\\ud83d"') == rb'"C:\\ud83d \\\ufffd"'


@pytest.mark.parametrize(
    ("markup", "mended"),
    [
        (b"&#55357;&#56832;", b"&#x1F600;"),
        (b"&#xD83D;&#x0de00;", b"&#x1F600;"),
        (b"&#55357;&#xDE00;", b"&#x1F600;"),
        (b"x &#55357; y", b"x &#xFFFD; y"),
        (b"&#xdfff;&#xd800;", b"&#xFFFD;&#xFFFD;"),
        (b"&#57344;&#128512;&#5535;&amp;", b"&#xE000;&#128512;&#5535;&amp;"),
    ],
)
def test_references_to_halves_are_mended_likewise(markup: bytes, mended: bytes) -> None:
    assert mend_references(markup) == mended


@pytest.mark.parametrize(
    ("value", "mended", "lost"),
    [
        ({"a": float("nan"), "b": 1}, {"a": None, "b": 1}, ["nan"]),
        ([float("-inf")], [None], ["-inf"]),
        ({"a": 2**64}, {"a": 2**64}, []),
        ({"a": 10**5_000}, {"a": None}, ["an integer of 16,610 bits"]),
        ({2: "a", None: "b", True: "c", date(2026, 1, 2): "d"},
         {"2": "a", "null": "b", "true": "c", "2026-01-02": "d"}, []),
        ({(1, 2): "a", "b": 1}, {"b": 1}, ["the name (1, 2)"]),
        ({"\ud83d": {"\ude00"}}, {"\ufffd": ["\ufffd"]}, []),
        ({"a": None}, {"a": None}, []),
    ],
)  # fmt: skip
def test_what_json_cannot_hold_costs_itself(value: Any, mended: Any, lost: list[str]) -> None:
    notes: list[object] = []

    _, text = as_json(value, notes.append)

    assert msgspec.json.decode(text) == mended
    assert notes == lost
    assert encodable(value, notes.append) == mended


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 50_000])
def test_what_is_too_deep_is_cut_off_there(levels: int) -> None:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    notes: list[object] = []

    found, _ = as_json({"deep": value, "b": 2}, notes.append)

    assert not is_deep(found["deep"])
    assert found["b"] == 2
    assert notes == ["nested too deeply"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    )
)
def test_whatever_is_made_encodable_can_be_read_again(value: Any) -> None:
    found, text = as_json(value, lambda _: None)

    assert msgspec.json.decode(text) == msgspec.json.decode(msgspec.json.encode(found))


def test_an_outcome_can_be_written_whatever_is_in_it() -> None:
    outcome = Outcome(
        url="http://a.example/",
        final_url=None,
        line=1,
        outcome=Kind.FAILED,
        attempt=1,
        fetched_at="2026-11-21T01:14:42.120Z",
        elapsed_ms=1,
        detail="it said \ud83d",
        robots_tags=("no\udcffindex",),
        input={"name": "\ude00", "n": float("nan")},
    )

    line = encode_line(outcome)

    assert next(iter(decode_lines([line]))).outcome == "failed"
    written = json.loads(line)
    assert list(written) == list(json.loads(encode_line(msgspec.structs.replace(
        outcome, detail=None, robots_tags=(), input=None))))  # fmt: skip
    assert (written["detail"], written["robots_tags"]) == ("it said \ufffd", ["no\ufffdindex"])
    assert written["input"] == {"name": "\ufffd", "n": None}
