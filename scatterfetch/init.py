"""`scatterfetch init`: a first spec for a page, of what the page offers."""

import argparse
import asyncio
import json
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scatterfetch.command import Commands, add_command, add_parameter
from scatterfetch.local_settings import local_settings
from shared.errors import InvalidJobError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.worker.page import Page
    from scatterfetch.guess import Source

EXAMPLE = """\
Writes a first spec for a page: elements that look like rows, and what the page says of itself in
JSON-LD and Open Graph, each field with its first value. Delete what you do not need, rename the
rest, and look at it with `scatterfetch try`.

examples:
  $ scatterfetch init https://example.com/books -o spec.yaml
  $ scatterfetch try https://example.com/books --spec spec.yaml --watch
"""
EPILOG = """\
exit status:
  0    there is a spec
  1    the page could not be had
  2    wrong usage or input; nothing was fetched
  130  interrupted
"""
_CANDIDATES = 5
_VALUE = 50  # characters of an example
_PLAIN = re.compile(r"[A-Za-z][\w.:>-]*(?: [\w.>-]+)*")
_YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def add_commands(commands: Commands) -> None:
    command = add_command(
        commands, "init", "write a first spec for a page", EXAMPLE, _init, epilog=EPILOG
    )
    command.add_argument("url", metavar="URL")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="a file that is not there yet (default: standard output)",
    )
    add_parameter(command)


def _init(args: argparse.Namespace) -> int:
    from functions.worker.extractor import ExtractionProcess  # noqa: PLC0415
    from scatterfetch.probe import fetch, worker_settings  # noqa: PLC0415
    from shared.spec import Spec  # noqa: PLC0415

    if args.output is not None and args.output.exists():
        raise InvalidJobError(f"{args.output} is there already; name another file with -o")
    process = ExtractionProcess()
    with local_settings(args) as local:
        settings = worker_settings(local.parameters)
        try:
            seen = asyncio.run(fetch(args.url, Spec(), settings, process))
        finally:
            process.stop()
    if seen.page is None:
        print(f"scatterfetch: {seen.outcome.reason}: {seen.outcome.detail}", file=sys.stderr)
        return 1
    text = first_spec(seen.page)
    if args.output is None:
        print(text, end="")
    else:
        args.output.write_text(text)
        words = ["scatterfetch", "try", args.url, "--spec", str(args.output)]
        for name, value in args.parameter:
            words += ["--parameter", f"{name}={value}"]
        print(f"{args.output}: look at it with `{shlex.join(words)}`")
    return 0


def first_spec(page: "Page") -> str:
    """Return a spec that yields rows on `page`, as YAML with comments."""
    from functions.worker.document import Document, TooComplexError  # noqa: PLC0415
    from scatterfetch.guess import page_fields, row_candidates  # noqa: PLC0415

    try:
        document = Document(page)
        fields, is_about_one_thing = page_fields(document)
        candidates = row_candidates(document)[:_CANDIDATES] if document.is_html else []
    except TooComplexError as error:
        raise InvalidJobError(f"{page.url} is too complex to be looked at") from error
    about_page = _section(page, None, fields)
    chosen: str | None
    other: str | None
    sections = (_section(page, rows.css, rows.fields) for rows in candidates)
    about_rows = next((section for section in sections if section), None)
    head = (
        f"# Made by `scatterfetch init` for {page.url}\n"
        "# The comments are what was found there. Delete what you do not need.\n"
    )
    if is_about_one_thing and about_page:
        chosen, other = about_page, about_rows
        hint = "Instead, for a row for each of the elements that look alike:"
    else:
        chosen, other = about_rows or about_page, about_page if about_rows else None
        hint = "Instead, for one row for each page, of what the page says of itself:"
    if chosen is None:
        return f"{head}extract:\n  include: [page]\n"
    if other is None:
        return head + chosen
    commented = "".join(f"# {line}\n" for line in other.splitlines())
    return f"{head}{chosen}\n# {hint}\n{commented}"


def _section(page: "Page", rows: str | None, fields: "dict[str, Source]") -> str | None:
    """Return an `extract` section of the fields that have a value; None where none has."""
    found = _run(page, rows, fields)
    # What is taken for a number, and is none for the engine, is a text.
    wrong = {problem["field"] for problem in found.problems}
    fields = {
        name: {key: value for key, value in source.items() if key != "type"}
        if name in wrong
        else source
        for name, source in fields.items()
    }
    examples: dict[str, Any] = {}
    found = _run(page, rows, fields)
    for row in found.rows:
        for name, value in row.items():
            if value is not None and value != "":
                examples.setdefault(name, value)
    if not examples:
        return None
    lines = ["extract:"]
    if rows is not None:
        lines.append(f"  rows: {_scalar(rows)}  # {len(found.rows)} on this page")
    lines.append("  fields:")
    width = max(map(len, examples)) + 1
    for name in fields:
        if name in examples:
            source = ", ".join(f"{key}: {_scalar(value)}" for key, value in fields[name].items())
            lines.append(f"    {name + ':':{width}} {{{source}}}  # {_example(examples[name])}")
    return "\n".join(lines) + "\n"


def _run(page: "Page", rows: str | None, fields: "Mapping[str, Source]") -> Any:  # noqa: ANN401
    from functions.dispatcher.specs import parse_spec  # noqa: PLC0415
    from functions.worker.extraction import Extracted, compile_extraction  # noqa: PLC0415

    if not fields:
        return Extracted([], [], [])
    extract = {"rows": rows, "fields": fields}
    spec = parse_spec("guess", json.dumps({"extract": extract}).encode())
    return compile_extraction(spec).extract(page, token="")


def _scalar(text: str | bool) -> str:  # noqa: FBT001
    """Return `text` as YAML in a flow mapping."""
    if (
        isinstance(text, str)
        and _PLAIN.fullmatch(text)
        and text.lower() not in _YAML_WORDS
        and ": " not in text
    ):
        return text
    return json.dumps(text, ensure_ascii=False)


def _example(value: Any) -> str:  # noqa: ANN401 -- JSON
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = "".join(character if character.isprintable() else " " for character in text)
    text = " ".join(text.split())
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"
