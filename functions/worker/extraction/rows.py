"""
From a page to the rows that a spec asks for.

Pure, and never raises on what a website sent but for want of memory.
"""

from collections.abc import Callable, Iterator
from functools import partial
from operator import length_hint
from typing import Any, NamedTuple

import msgspec

from functions.worker.extraction.documents.complexity import TooComplexError, check_memory
from functions.worker.extraction.documents.document import Document, no_hurry
from functions.worker.extraction.fields.field import compile_fields
from functions.worker.extraction.fields.scopes import Row, compile_rows
from functions.worker.extraction.following.follow import Following
from functions.worker.extraction.following.link import Link as Link  # noqa: PLC0414 -- of what is extracted
from functions.worker.extraction.following.relations import canonical_url
from functions.worker.extraction.kinds import Kinds, Reading
from functions.worker.extraction.readymade.columns import ready_made
from functions.worker.extraction.unwanted import Unwanted
from functions.worker.transport.page import FetchedPage
from shared.encodable import encodable, mend_text
from shared.expressions import check_extract
from shared.spec import Spec

MAX_ROWS = 10_000
MAX_ROW_BYTES = 2_000_000  # of JSON
MAX_ROWS_BYTES = 5_000_000  # of one page together


class Extracted(NamedTuple):
    """
    Rows, what is wrong with them, and the contents of the page's robots meta elements.

    Plain data: it can be sent as JSON. `failure` says why the target is to fail, where the spec
    says so, `unwanted` why the page is not the one that was asked for. `links` are those to follow,
    each once, and `links_cut` counts by reason those that are not: the values of
    `following.link.Cut`.
    """

    rows: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    robots: list[str]
    failure: str | None = None
    unwanted: str | None = None
    links: tuple[Link, ...] = ()
    links_cut: dict[str, int] | None = None
    canonical: str | None = None
    """The address that the page calls its own, if the spec wants to know."""


class Extraction:
    """
    Reads pages of one kind: their rows, if `reading.extract` says which, and their links.

    Raises:
        InvalidSpecError: the spec makes no sense; it names the path.
    """

    def __init__(self, reading: Reading) -> None:
        spec = reading.extract
        self._has_rows = spec is not None
        self._following = Following(reading) if reading.follow else None
        self._unwanted = Unwanted(reading.retry_when)
        self._canonical = reading.canonical
        if spec is None:
            return
        check_extract(spec)
        self._rows = compile_rows(spec)
        self._fields = compile_fields(spec)
        self._include = [(name, ready_made(name, spec)) for name in spec.include]
        self._looks = spec.looks_for_something
        self._on_problem = spec.on_problem
        self._reads_other = spec.reads_more_than_html

    def extract(
        self,
        page: FetchedPage,
        *,
        token: str,
        hurry: Callable[[], None] = no_hurry,
        carry: dict[str, Any] | None = None,
    ) -> Extracted:
        """
        Return what `page` holds.

        Args:
            page: The page.
            token: Our name in robots meta elements; see `robots.product_token`.
            hurry: Called now and then; it may raise TooComplexError where time is short.
            carry: Columns for each row that another page has found. The page's own go before them.

        Raises:
            TooComplexError: it does not fit into the memory that this process may have.
        """
        try:
            return self._extract(Document(page, hurry), token, carry or {})
        except TooComplexError:
            raise
        except Exception as error:  # noqa: BLE001 -- or one page could take its whole batch with it
            check_memory(error)
            problem = mend_text(f"{type(error).__name__}: {error}"[:200])
            return Extracted(
                [], [{"field": None, "problem": "extraction_failed", "value": problem}], []
            )

    def _extract(self, document: Document, token: str, carry: dict[str, Any]) -> Extracted:
        unwanted = self._unwanted.at_sight(document)
        if unwanted is not None:
            return Extracted([], [], [], unwanted=unwanted)
        rows, bad = self._read_rows(document, carry) if self._has_rows else ([], False)
        is_without = self._has_rows and self._looks and not document.found
        links: tuple[Link, ...] = ()
        cut = None
        if self._following is not None:
            links, cut, is_empty = self._following.find(document)
            if is_empty and not self._has_rows:
                document.problem(None, "no_match")
                is_without = True
        if is_without:
            unwanted = self._unwanted.without_rows(document)
            if unwanted is not None:
                return Extracted([], [], [], unwanted=unwanted)
        if document.page.is_empty:
            document.problem(None, "empty")
            bad = True
        problems = document.problems
        if document.notes.count > len(problems):
            more = str(document.notes.count - len(problems))
            problems.append({"field": None, "problem": "more_problems", "value": more})
        robots = document.robots(token) if document.is_html else []
        failure = None
        if bad and self._has_rows and self._on_problem == "fail":
            rows, failure = [], _failure(problems)
        canonical = canonical_url(document) if self._canonical else None
        return Extracted(
            rows, problems, robots, failure, links=links, links_cut=cut, canonical=canonical
        )

    def _read_rows(
        self, document: Document, carry: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return the rows, and whether one of them, or the page, has a problem."""
        if document.is_html or self._reads_other:
            rows, bad = self._read(document, carry)
            if self._looks and not document.found:
                document.problem(None, "no_match")
                bad = True
            return rows, bad or any(map(_is_of_rows, document.problems))
        if self._looks:
            document.problem(None, "no_match", document.page.content_type)
            return [], True
        document.problem(None, "nothing_extracted", document.page.content_type)
        return [], False

    def _read(self, document: Document, carry: dict[str, Any]) -> tuple[list[dict[str, Any]], bool]:
        """Return the rows, and whether one of them has a problem."""
        found = iter(self._rows(document))
        notes, fields = document.notes, self._fields
        elements, row_memo, buffer = document.elements, document.row_memo, bytearray()
        common = carry.copy()
        rows: list[dict[str, Any]] = []
        bad = False
        size = 0
        for number, (scope, document.row, home) in enumerate(found):
            document.home = None if home is document else home  # no circle may hold a page
            if not number:
                for column, ready_made in self._include:
                    ready_made(document, common, column)
            elif number == MAX_ROWS:
                document.problem(None, "truncated", _count(number + 1, found))
                break
            document.hurry()
            elements.clear()
            if row_memo:
                row_memo.clear()
            before = notes.row_count
            row = common.copy()
            for name, read in fields:
                row[name] = read(scope, document)
            if notes.row_count > before:
                bad = True
                if self._on_problem == "drop":
                    continue
            row_size = _size(row, buffer)
            if row_size is None:
                row = {name: _mended(value, name, document) for name, value in row.items()}
                bad = bad or notes.row_count > before
                row_size = _size(row, buffer)
            if row_size is None or row_size > MAX_ROW_BYTES:
                document.problem(None, "row_too_large", row_size)
                continue
            size += row_size
            if size > MAX_ROWS_BYTES or document.exceeds(0):
                document.problem(None, "truncated", _count(number + 1, found))
                break
            rows.append(row)
        return rows, bad


def _is_of_rows(problem: dict[str, Any]) -> bool:
    """Tell whether there may be rows where they could not be looked for."""
    return problem["field"] is None and problem["problem"] in {"not_json", "not_text"}


def _count(number: int, rest: Iterator[Row]) -> str:
    """Return how many rows there are, as far as it is known."""
    return f"{number + length_hint(rest)} rows"


def compile_extraction(spec: Spec, kind: str | None = None) -> Extraction:
    """
    Return what reads the pages of a job that are of one kind, or of none.

    Raises:
        InvalidSpecError: the spec makes no sense; it names the path.
    """
    return Extraction(Kinds(spec).reading(kind))


_encode_into = msgspec.json.Encoder().encode_into


def _size(row: dict[str, Any], buffer: bytearray) -> int | None:
    """Return the bytes of `row` in a line of the results, None where it cannot be in one."""
    try:
        _encode_into(row, buffer)
    except (ValueError, TypeError, RecursionError, OverflowError):  # such as half a character
        return None
    return len(buffer)


def _mended(value: Any, name: str, document: Document) -> Any:  # noqa: ANN401
    return encodable(value, partial(document.problem, name, "unreadable"))


def _failure(problems: list[dict[str, Any]]) -> str:
    first = problems[0]
    name = f"{first['field']}: " if first["field"] else ""
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return f"{name}{first['problem']}{more}"
