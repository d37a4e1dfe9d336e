"""msgspec's own messages, so that another release of it that words them otherwise is noticed."""

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from shared.wording import given_kind, in_words, meant, problem_of

KNOWN = ("name", "pause")


class Thing(Struct, forbid_unknown_fields=True):
    name: str
    pause: Annotated[float, Meta(ge=0.5, le=1_000)] = 1
    mode: Literal["none", "host"] = "host"
    tags: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1_000)] = ("a",)
    more: dict[str, int | None] = {}


def problem(content: Any) -> msgspec.ValidationError:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(content, Thing)
    return caught.value


@pytest.mark.parametrize(
    ("content", "path", "words"),
    [
        ({}, "", "name is missing"),
        ([], "", "it must be names with values, and is a list"),
        ({"name": 7}, "name", "it must be a text, and is a whole number"),
        ({"name": "a", "nam": 1}, "", "there is no nam here; there are name, pause"),
        ({"name": "a", "pause": 0.1}, "pause", "it must be at least 0.5"),
        ({"name": "a", "pause": 2e3}, "pause", "it must be at most 1,000"),
        ({"name": "a", "tags": []}, "tags", "it must have at least 1 item"),
        ({"name": "a", "tags": ["a"] * 1_001}, "tags", "it must have at most 1,000 items"),
        ({"name": "a", "tags": [1.5]}, "tags[0]", "it must be a text, and is a number with a "),
        ({"name": "a", "more": {"b": "c"}}, "more[...]", "it must be a whole number or empty, and"),
        ({"name": "a", "mode": "x"}, "mode", "it must be one of name, pause, not 'x'"),
        ({"name": "a", "mode": "pase"}, "mode", "name, pause, not 'pase'; did you mean pause?"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_words(content: Any, path: str, words: str) -> None:
    found = problem_of(problem(content))

    assert found.path == path
    assert not found.of_key
    assert words in in_words(found.text, KNOWN)


def test_a_key_is_told_from_a_value() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({1: 2}, dict[str, int])

    assert problem_of(caught.value).of_key


def test_json_that_breaks_off_is_said_in_words() -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(b'{"name": ', type=Thing)

    assert in_words(problem_of(caught.value).text) == "the JSON breaks off"


def test_what_is_in_words_stays() -> None:
    assert in_words("body is for POST") == "body is for POST"


def test_the_kind_of_a_value_is_known_where_it_is_the_wrong_one() -> None:
    assert given_kind(problem_of(problem({"name": True})).text) == "bool"
    assert given_kind(problem_of(problem({})).text) is None


def test_what_a_misspelt_name_was_to_be_is_guessed_where_one_is_near() -> None:
    assert meant("pauze", KNOWN) == "; did you mean pause?"
    assert meant("xyzzy", KNOWN) == ""
    assert meant("pause", KNOWN) == ""
