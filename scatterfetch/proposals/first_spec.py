"""
A first spec for a page, as YAML with comments.

What is proposed is run on the page by the worker's own extraction, so that only what yields values
stays.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from functions.dispatcher.specs import parse_spec
from functions.worker.bounds import bounds_of
from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.extractor import ExtractionProcess
from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from scatterfetch.output.sentences import complain, remedy
from scatterfetch.pages.probe import fetch, worker_settings
from scatterfetch.project import find_project
from scatterfetch.proposals.columns import Source
from scatterfetch.proposals.proposal import Proposal, proposals
from scatterfetch.runs.local_settings import local_settings
from shared.errors import InvalidJobError
from shared.spec import Spec

_VALUE = 50  # characters of an example
_PLAIN = re.compile(r"[A-Za-z][\w.:>-]*(?: [\w.>-]+)*")
_YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def first_spec_of(url: str, parameters: Mapping[str, str]) -> str | None:
    """
    Fetch a page and return its first spec; None if it could not be had, which is said then.

    Raises:
        InvalidJobError: the parameters are wrong, or see `first_spec`.
    """
    with local_settings(parameters, find_project()) as local:
        settings = worker_settings(local.parameters)
        process = ExtractionProcess(bounds_of(settings).page)
        try:
            seen = asyncio.run(fetch(url, Spec(), settings, process))
        finally:
            process.stop()
    if seen.page is None:
        problem = f"{seen.outcome.reason}: {seen.outcome.detail}"
        complain("; ".join(filter(None, (problem, remedy(seen.outcome.reason)))))
        return None
    return first_spec(seen.page)


def first_spec(page: FetchedPage) -> str:
    """
    Return a spec that yields rows on `page`, as YAML with comments.

    Raises:
        InvalidJobError: there is nothing in the page that a spec could take.
    """
    document = Document(page)
    found = sections_of(page, document)
    text = (
        f"# Made by `scatterfetch init` for {page.url}\n"
        "# The comments are what was found there. Delete what you do not need.\n"
    )
    if not found:
        if not document.is_html:
            raise InvalidJobError(
                f"{page.url} is {page.content_type}, and nothing was found in it; "
                "a spec reads HTML, and what is in JSON and XML"
            )
        return f"{text}extract:\n  include: [page]\n"
    text += found[0][1]
    for about, section in found[1:]:
        commented = "".join(f"# {line}\n" for line in section.splitlines())
        text += f"# Instead, for {about}:\n{commented}"
    return text


def sections_of(page: FetchedPage, document: Document | None = None) -> list[tuple[str, str]]:
    """
    Return the `extract` sections that yield rows on `page`, the most likely one first.

    Each is what its rows are, as in `Proposal.about`, and YAML with comments.

    Raises:
        InvalidJobError: the page is too complex.
    """
    try:
        kinds = proposals(document or Document(page))
        sections = [
            next(((one.about, text) for one in kind if (text := _section(page, one))), None)
            for kind in kinds
        ]
    except TooComplexError as error:
        raise InvalidJobError(f"{page.url} is too complex to be looked at") from error
    return [section for section in sections if section is not None]


def _section(page: FetchedPage, proposal: Proposal) -> str | None:
    """Return an `extract` section of the fields that have a value; None where none has."""
    fields = dict(proposal.fields)
    found = _run(page, proposal, fields)
    while True:
        wrong = _without_values(found, fields)
        if not wrong:
            break
        for name in wrong:
            # What is taken for a number, and is none for the engine, is a text.
            source = fields.pop(name)
            if "type" in source and not _is_empty(found, name, source):
                plain = {key: value for key, value in source.items() if key != "type"}
                if source["type"] == "price" and _is_read(found, name):
                    plain["type"] = "number"
                fields[name] = plain
        fields = {name: fields[name] for name in proposal.fields if name in fields}
        found = _run(page, proposal, fields)
    columns = [*fields, *proposal.include]
    examples = {name: _first(found, name) for name in columns}
    if not examples or not found.rows:
        return None
    lines = ["extract:"]
    if proposal.rows is not None:
        lines.append(f"  rows: {inline(proposal.rows)}  # {len(found.rows)} on this page")
    if fields:
        lines.append("  fields:")
    width = max(map(len, examples)) + 1
    lines += [
        f"    {name + ':':{width}} {inline(source)}  # {_example(examples[name])}"
        for name, source in fields.items()
    ]
    for name in proposal.include:
        entries = examples[name]
        lines.append(f"  include: [{name}]  # {len(entries)} here: {_example(entries[0])}")
    return "\n".join(lines) + "\n"


def _without_values(found: Extracted, fields: Mapping[str, Source]) -> list[str]:
    """Return the fields that have a problem on this page, or no value."""
    troubled = {problem["field"] for problem in found.problems}
    return [
        name
        for name, source in fields.items()
        if not troubled.isdisjoint({name, f"{name}_currency"})
        or _first(found, name) is None
        or (source.get("type") == "price" and _first(found, f"{name}_currency") is None)
    ]


def _is_empty(found: Extracted, name: str, source: "Source") -> bool:
    """Tell whether a field finds nothing, whatever its type."""
    is_read = any(problem["field"] == name for problem in found.problems)
    return not is_read and _first(found, name) is None and source.get("type") != "price"


def _is_read(found: Extracted, name: str) -> bool:
    """Tell whether a field has values, and no problem."""
    return _first(found, name) is not None and all(
        problem["field"] != name for problem in found.problems
    )


def _first(found: Extracted, name: str) -> Any:  # noqa: ANN401 -- JSON
    """Return the first value of a field that is not empty."""
    for row in found.rows:
        value = row[name]
        if value is not None and value != "":
            if not isinstance(value, list):
                return value
            if any(inner is not None and inner != "" for inner in value):
                return value
    return None


def _run(page: FetchedPage, proposal: Proposal, fields: Mapping[str, Source]) -> Extracted:
    if not fields and not proposal.include:
        return Extracted([], [], [])
    extract = {"rows": proposal.rows, "fields": fields, "include": proposal.include}
    spec = parse_spec("guess", json.dumps({"extract": extract}).encode())
    return compile_extraction(spec).extract(page, token="")


def inline(value: Any) -> str:  # noqa: ANN401 -- what a field is made of
    """Return `value` as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return _scalar(value)


def _scalar(text: str | bool) -> str:  # noqa: FBT001
    """Return `text` as YAML in a flow mapping."""
    if (
        isinstance(text, str)
        and _PLAIN.fullmatch(text)
        and text.lower() not in _YAML_WORDS
        and ": " not in text
    ):
        return text
    # YAML takes what is not printable only with a backslash.
    return json.dumps(text, ensure_ascii=isinstance(text, str) and not text.isprintable())


def _example(value: Any) -> str:  # noqa: ANN401 -- JSON
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(character if character.isprintable() else " " for character in text)
    text = " ".join(text.split())
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"
