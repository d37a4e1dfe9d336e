"""The JSON Schema of a spec says what the code says, in a dialect that editors read."""

import json
import re

from scatterfetch.schema import spec_schema
from shared.spec import FetchSpec

SCHEMA = json.loads(spec_schema())
DEFINITIONS = SCHEMA["$defs"]


def test_each_field_is_described() -> None:
    missing = [
        f"{name}.{field}"
        for name, definition in DEFINITIONS.items()
        for field, described in definition.get("properties", {}).items()
        if "description" not in described
    ]

    assert missing == []


def test_bounds_and_defaults_are_those_of_the_code() -> None:
    pause = DEFINITIONS["FetchSpec"]["properties"]["pause"]

    assert (pause["default"], pause["minimum"], pause["maximum"]) == (FetchSpec().pause, 0, 300)


def test_what_is_misspelt_is_underlined() -> None:
    assert all(not kind["additionalProperties"] for kind in DEFINITIONS.values())


def test_patterns_are_javascripts() -> None:
    patterns = re.findall(r'"pattern": (".*")', spec_schema())

    assert patterns
    assert not [p for p in patterns if r"\\A" in p or r"\\Z" in p]
    assert "^[a-z0-9*][a-z0-9.+*-]*/[a-z0-9*][a-z0-9.+*-]*$" in map(json.loads, patterns)
