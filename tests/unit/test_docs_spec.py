"""What docs/spec.md says of a field is what the field is, and its examples do what they show."""

import json
import re
from typing import Any, get_args

import msgspec
import pytest
import yaml
from msgspec import inspect, structs

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.kinds import Kinds
from functions.worker.extraction.parsing import load_parser, parse_rows
from functions.worker.extraction.rows import Link, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.crawl_spec import CrawlSpec, Day, FollowSpec, KindName, PageKind, Relation
from shared.expect_spec import ExpectSpec
from shared.extract_spec import ExtractSpec, SourceSpec
from shared.fetch_spec import FetchSpec, KindFetchSpec
from shared.keep_spec import KeepSpec
from shared.proxy_spec import ProxySpec
from shared.remember_spec import RememberSpec
from shared.spec import Spec
from shared.start_spec import StartSpec
from tests import ROOT

TEXT = (ROOT / "docs" / "spec.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| .+? \| `(.+?)` \| (.*?) ?\| .+\. \|$", re.MULTILINE)
TYPES = {"html": "text/html", "json": "application/json"}
STRUCTS = {
    "fetch": FetchSpec,
    "fetch.proxies": ProxySpec,
    "extract": ExtractSpec,
    "pages": PageKind,
    "follow": FollowSpec,
    "start": StartSpec,
    "crawl": CrawlSpec,
    "remember": RememberSpec,
    "expect": ExpectSpec,
    "keep": KeepSpec,
}
PATTERNS = {
    get_args(kind)[1].pattern: words
    for kind, words in ((Relation, "a relation"), (Day, "a day"), (KindName, "a kind"))
}


def rows(heading: str) -> dict[str, tuple[str, str]]:
    section = re.split(rf"\n###? `{heading}`\n", TEXT)[1].split("\n## ")[0].split("\n### ")[0]
    return {name: (default, bounds) for name, default, bounds in ROW.findall(section)}


def bounds_of(kind: Any) -> str:  # noqa: PLR0911 -- a table
    if isinstance(kind, inspect.UnionType):
        # Of a struct, what it says itself is checked.
        others = (inspect.NoneType, inspect.StructType)
        parts = [part for part in kind.types if not isinstance(part, others)]
        # What may be one text, or a list of some.
        parts.sort(
            key=lambda part: not isinstance(part, inspect.LiteralType | inspect.VarTupleType)
        )
        kind = next(iter(parts), None)
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind:
        case inspect.LiteralType():
            return ", ".join(f"`{value}`" for value in kind.values)
        case inspect.IntType() | inspect.FloatType():
            return f"{kind.ge} to {kind.le}" if kind.le is not None else f"{kind.ge} or more"
        case inspect.StrType(pattern=str(pattern)) if pattern in PATTERNS:
            return PATTERNS[pattern]
        case inspect.StrType():
            return f"{kind.min_length or 0} to {kind.max_length} characters"
        case inspect.TupleType():
            return f"{len(kind.item_types)} items"
        case inspect.VarTupleType() | inspect.DictType():
            return f"{kind.min_length or 0} to {kind.max_length} items"
        case _:
            return ""


def default_of(found: inspect.Field) -> Any:
    value = found.default
    if value is msgspec.NODEFAULT:
        assert callable(found.default_factory)
        value = found.default_factory()
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("heading", STRUCTS)
def test_each_field_is_described_with_its_default_and_bounds(heading: str) -> None:
    described = rows(heading)

    info = inspect.type_info(STRUCTS[heading])
    assert isinstance(info, inspect.StructType)
    inherited = SourceSpec.__struct_fields__ if heading == "follow" else ()
    fields = [found for found in info.fields if found.name not in inherited]
    assert list(described) == [found.encode_name for found in fields]
    for found in fields:
        default, bounds = described[found.encode_name]
        assert yaml.safe_load(default) == default_of(found), found.name
        assert sorted(bounds.split(", ")) == sorted(bounds_of(found.type).split(", ")), found.name


@pytest.mark.parametrize("name", [field.encode_name for field in structs.fields(KindFetchSpec)])
def test_each_setting_of_kinds_is_named(name: str) -> None:
    section = TEXT.split("\n### Settings of kinds and hosts\n")[1].split("\n## ")[0]

    assert f"`{name}`" in section


@pytest.mark.parametrize("name", [field.encode_name for field in structs.fields(Spec)])
def test_each_name_at_the_top_is_described(name: str) -> None:
    assert f"`{name}`" in TEXT


# Each example, and what follows it up to the next one or the next heading.
EXAMPLES = re.findall(r"```yaml\n(.*?)```\n(.*?)(?=\n```yaml|\n##|\Z)", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", [example for example, _ in EXAMPLES])
def test_each_example_is_a_spec(example: str) -> None:
    assert parse_spec("docs/spec.md", example.encode()) != Spec()


@pytest.mark.parametrize(
    ("example", "then"),
    [pair for pair in EXAMPLES if re.search("^(?:extract|parser):", pair[0], re.MULTILINE)],
)
def test_each_example_makes_the_rows_shown_of_the_page_shown(example: str, then: str) -> None:
    [(kind, body), (_, expected)] = re.findall(r"```(\w+)\n(.*?)```", then, re.DOTALL)
    said = {"product": {"id": 17}}  # of what the list says, too
    page = FetchedPage(
        "https://shop.example/books/", 200, TYPES[kind], None, body.encode(), input=said
    )
    spec = parse_spec("docs/spec.md", example.encode())

    found: Any
    if spec.parser is None:
        extracted = compile_extraction(spec).extract(page, token="bot")
        found = {"rows": extracted.rows, "problems": extracted.problems}
    else:
        found = {"rows": parse_rows(load_parser(spec.parser), page, print), "problems": []}

    assert found == json.loads(expected)
    assert [list(row) for row in found["rows"]] == [
        list(row) for row in json.loads(expected)["rows"]
    ]  # in this order


PAGE = re.compile(r"At `(https://[^`]+)`,.*?```(\w+)\n(.*?)```.*?```json\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize(
    ("example", "then"),
    [pair for pair in EXAMPLES if re.search("^pages:.*follow:", pair[0], re.MULTILINE | re.DOTALL)],
)
def test_each_example_finds_the_links_shown_of_the_pages_shown(example: str, then: str) -> None:
    spec = parse_spec("docs/spec.md", example.encode())
    kinds = Kinds(spec)
    known: dict[str, Link] = {}
    pages = PAGE.findall(then)

    assert pages
    for url, form, body, shown in pages:
        link = known.get(url, Link(url))
        kind = kinds.kind_of(url, link.page)
        page = FetchedPage(url, 200, TYPES[form], None, body.encode())
        found = compile_extraction(spec, kind).extract(page, token="bot", carry=link.carry)
        known |= {link.url: link for link in found.links}
        links = [link._asdict() for link in found.links]

        expected = {"kind": kind, "rows": found.rows, "links": links, "cut": found.links_cut or {}}
        assert json.loads(shown) == expected
        assert found.problems == []
        assert [list(row) for row in found.rows] == [
            list(row) for row in json.loads(shown)["rows"]
        ]  # in this order
