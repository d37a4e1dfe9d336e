"""What people write and a release does not know is named; what travels is read without it."""

import json
from typing import Any

import msgspec
import pytest

from functions.dispatcher.specs import spec_in, unknown_in
from scatterfetch import releases
from scatterfetch.releases import FIRST, RELEASE, check_known, frozen_schema
from shared.errors import InvalidJobError
from shared.extract_spec import ExtractSpec, FieldSpec, SourceSpec
from shared.manifest import decode_manifest
from shared.messages import decode_batch, decode_dispatch
from shared.proxy_spec import ProxySpec
from shared.secret_spec import SecretName
from shared.spec import FetchSpec, Spec
from tests.wire import GOLDEN

SCHEMA = json.loads(frozen_schema())
SPEC = Spec(
    fetch=FetchSpec(pause=2.0, proxies=ProxySpec(secret=SecretName(ssm="/p"))),
    extract=ExtractSpec(
        fields={
            "title": FieldSpec(css="h1"),
            "price": FieldSpec(any=(SourceSpec(css="b"),), type="number"),
        }
    ),
)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({}, []),
        ({"fetch": {"pause": 1, "headers": {"X-Any": "1"}}}, []),
        ({"fetch": {"pauze": 1}, "extrakt": {}}, [".fetch.pauze", ".extrakt"]),
        ({"fetch": {"proxies": {"secret": {"vault": "x"}}}}, [".fetch.proxies.secret.vault"]),
        ({"extract": {"fields": {"a": {"any": [{"css": "a"}, {"csss": "b"}]}}}},
         [".extract.fields.a.any[1].csss"]),
        ({"extract": {"fields": {"a": {"css": "a", "type": "colour"}}}},
         [".extract.fields.a.type=colour"]),
        ({"extract": {"include": ["page", "weather"]}}, [".extract.include[1]=weather"]),
        ({"fetch": [1], "extract": "x"}, []),  # of another kind altogether: no name is unknown
    ],
)  # fmt: skip
def test_what_a_schema_does_not_have_is_found_with_its_path(content: Any, found: list[str]) -> None:
    unknown = unknown_in(content, SCHEMA)

    assert [f"{u.path}{'.' if u.is_key else '='}{u.name}" for u in unknown] == found


def test_the_spec_of_a_message_is_as_strict_as_a_file() -> None:
    with pytest.raises(InvalidJobError, match=r"message: fetch\.pauze: .* did you mean pause"):
        spec_in({"fetch": {"pauze": 3}})
    with pytest.raises(InvalidJobError, match=r"message: extract\.fields\.a\.css: unexpected"):
        spec_in({"extract": {"fields": {"a": {"css": "div > )"}}}})


def test_a_stack_of_an_older_release_is_not_sent_what_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = json.loads(frozen_schema())
    del older["$defs"]["FetchSpec"]["properties"]["pause"]
    older["$defs"]["FieldSpec"]["properties"]["type"]["enum"].remove("number")
    monkeypatch.setattr(releases, "_schema", {"0.0": older}.get)

    with pytest.raises(InvalidJobError) as caught:
        check_known(SPEC, "0.0", "fleet")

    assert "the stack fleet is of release 0.0" in str(caught.value)
    assert "fetch.pause, extract.fields.price.type: number;" in str(caught.value)
    check_known(Spec(), "0.0", "fleet")
    check_known(SPEC, RELEASE, "fleet")
    check_known(SPEC, "99.0", "fleet")


def test_what_the_first_release_knows_is_frozen() -> None:
    check_known(SPEC, FIRST, "fleet")  # all of which it knew


_MAPS = ("headers", "input", "fields", "cookies")


def _with_news(value: Any) -> Any:
    """Return JSON as a later release may write it: with a field more in each object."""
    if isinstance(value, list):
        return [_with_news(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {"news": {"of": "the next release"}} | {
        key: {name: _with_news(inner) for name, inner in one.items()}
        if key == "fields"
        else one
        if key in _MAPS
        else _with_news(one)
        for key, one in value.items()
    }


@pytest.mark.parametrize("name", ["batch", "shard", "defer", "letter", "tick", "manifest"])
def test_a_field_of_a_later_release_is_left_out(name: str) -> None:
    body = (GOLDEN / FIRST / f"{name}.json").read_bytes()
    later = json.loads(body)
    later = _with_news(later)
    text = json.dumps(later)

    match name:
        case "batch":
            assert decode_batch(text) == decode_batch(body.decode())
        case "manifest":
            assert decode_manifest(text.encode()) == decode_manifest(body)
        case _:
            assert decode_dispatch(text) == decode_dispatch(body.decode())


def test_what_is_as_usual_is_not_written() -> None:
    """So that an older release understands a job that uses nothing new."""
    assert msgspec.json.encode(Spec()) == b'{"fetch":{}}'
    assert msgspec.json.encode(FetchSpec(pause=2.0)) == b'{"pause":2.0}'
    assert msgspec.json.encode(SPEC.fetch.proxies) == b'{"secret":{"ssm":"/p"}}'
