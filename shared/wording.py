"""
What is wrong with what people wrote, for those who do not know Python.

Pure. Translates what msgspec says of a value, and guesses what a misspelt name was to be. Which
values and names there are, whoever asks knows.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import msgspec

_AT = re.compile(r"(?P<problem>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_KIND = re.compile(r"Expected `([^`]*)`(?:, got `([^`]*)`)?")
_BOUNDS = {"<=": "at most", ">=": "at least"}
_TYPES = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "names with values",
    "null": "empty",
}
_GIVEN = {**_TYPES, "float": "a number with a fraction"}
_ITEMS = {"str": "character", "array": "item", "object": "name"}


class Problem(NamedTuple):
    """What msgspec says of a value."""

    text: str
    path: str
    """To the value, as in ``fetch.headers[...]``: it does not name the keys of a dict."""
    of_key: bool
    """A key of what is there is meant, and not its value."""


def problem_of(error: msgspec.MsgspecError) -> Problem:
    """Take apart what msgspec says."""
    found = _AT.fullmatch(str(error))
    assert found is not None  # it matches everything
    path = (found["path"] or "") + ("[...]" if found["key"] else "")
    return Problem(found["problem"], path.removeprefix("."), found["key"] is not None)


def given_kind(problem: str) -> str | None:
    """Return of which kind a value is, as in ``bool``, if that is what msgspec says."""
    kinds = _KIND.fullmatch(problem)
    return None if kinds is None else kinds[2]


def in_words(problem: str, known: Sequence[str] = ()) -> str:
    """
    Return what msgspec says of a value, in words; what is in words already stays as it is.

    Args:
        problem: As in `Problem.text`.
        known: The values that would do, or the names that an object may have, where they are few.
    """
    for pattern, words in _WORDS.items():
        if found := pattern.fullmatch(problem):
            return words(found, known)
    return problem


def _of_value(found: re.Match[str], known: Sequence[str]) -> str:
    return f"it must be one of {', '.join(known)}, not {found[1]!r}{meant(found[1], known)}"


def _of_name(found: re.Match[str], known: Sequence[str]) -> str:
    return f"there is no {found[1]} here; there are {', '.join(known)}"


def _of_bound(found: re.Match[str], _: Sequence[str]) -> str:
    return f"it must be {_BOUNDS[found[1]]} {float(found[2]):,g}"


def _of_length(found: re.Match[str], _: Sequence[str]) -> str:
    number, item = int(found[3]), _ITEMS[found[1]]
    return f"it must have {_BOUNDS[found[2]]} {number:,} {item}{'' if number == 1 else 's'}"


def _of_kind(found: re.Match[str], _: Sequence[str]) -> str:
    wanted, given = found[1].split(" | "), found[2]
    must = f"it must be {' or '.join(_TYPES.get(kind, kind) for kind in wanted)}"
    return f"{must}, and is {_GIVEN.get(given, given)}" if given else must


_WORDS: Mapping[re.Pattern[str], Callable[[re.Match[str], Sequence[str]], str]] = {
    re.compile(r"Invalid enum value '(.*)'", re.DOTALL): _of_value,
    re.compile(r"Object contains unknown field `(.*)`", re.DOTALL): _of_name,
    re.compile(r"Object missing required field `(.*)`"): lambda found, _: f"{found[1]} is missing",
    re.compile(r"Expected `(?:int|float)` (<=|>=) (.*)"): _of_bound,
    re.compile(r"Expected `(str|array|object)` of length (<=|>=) (\d+)"): _of_length,
    _KIND: _of_kind,
    re.compile("Input data was truncated"): lambda *_: "the JSON breaks off",
}


def meant(name: str, names: Collection[str]) -> str:
    """Return a guess at which of `names` a misspelt one was to be, to stand behind a message."""
    close = get_close_matches(name, sorted({*names} - {name}), n=1)  # it may be right elsewhere
    return f"; did you mean {close[0]}?" if close else ""
