"""
Tables as lists: `.csv` and `.tsv`. One column holds the URLs, the others are carried along.

Pure. A row may have line breaks in quotes, so a table is cut at the ends of its rows and read from
its beginning. `schemas` finds out how to read it.
"""

import csv
import re
import sys
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from functions.dispatcher.lists.lines import BOM, MAX_ROW_BYTES, Lines
from functions.dispatcher.lists.sink import Rejects, Sink
from functions.dispatcher.lists.source import ListSource

NO_DELIMITER = "\x1f"  # a delimiter that no text has: a line is a cell
OF_URLS = ",;|"
"""Delimiters that are in URLs, too."""
_SPOKEN = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}
_MORE_THAN_A_URL = re.compile(r"[^,;|]*[,;|].*[\s\"]|[^\s\"]*[\s\"].*[,;|]", re.DOTALL)
_WEBSITE = re.compile(r"https?://[^/?#@]+/?", re.IGNORECASE)
_NO_PATH = re.compile(r"[^\s=/?&%#@.~]*|.*\s.*", re.DOTALL)  # what no more of a URL looks like
_FOREIGN = re.compile("[\udc80-\udcff]+")  # bytes that are not UTF-8
_NOT_WESTERN = 3  # letters in a row that are not ASCII: no Western language has them


class TableSchema(NamedTuple):
    """
    How to read a table.

    `url` is the number of the column, from 0, that holds URLs; `first` is the line of the first row
    that counts: those above it are the header and titles. A row has a cell for each of the `names`
    at most.
    """

    delimiter: str
    names: tuple[str, ...]
    url: int
    first: int


class _RowTooLongError(Exception):
    pass


class _RowLines(Lines):
    longest = MAX_ROW_BYTES


class TableRows:
    """
    Cuts a source into rows.

    A quote too many would swallow all that follows, up to the next one: a row that is so costs its
    first line only. Only well quoted rows have several lines, so that the next quote tells, and not
    each line of many looks at all others. `position` and `line` are those of what comes next, as in
    `Reader`.

    Args:
        source: As for `Lines`.
        delimiter: Between two cells.
        start: As for `Lines`; a row begins there.
        line: The number of the row's first line.
    """

    def __init__(
        self, source: ListSource, delimiter: str, *, start: int = 0, line: int = 1
    ) -> None:
        self._lines = _RowLines(source, start=start, line=line)
        self._delimiter = delimiter
        self._waiting: deque[bytes] = deque()
        self._row_bytes = 0
        self._rejects: Rejects
        self._rows = self._parse()
        self.position = start
        self.line = line
        self.raw: list[bytes] = []
        """The lines of the row."""
        self.problem = ""
        """Why the line is no row, if it is none."""
        self.is_foreign = False
        """Whether the row has bytes that are not UTF-8; they are lone surrogates in its cells."""

    def read(self, rejects: Rejects) -> list[str] | None:
        """Return the cells of the next row, or of none if there is a `problem`; None at the end."""
        self.raw.clear()
        self._row_bytes = 0
        self._rejects = rejects
        self.problem = ""
        self.is_foreign = False
        try:
            return next(self._rows, None)
        except _RowTooLongError as error:
            problem = f"no row: {error}; is there a quote too many?"
        except csv.Error:
            problem = "no row: a quote is closed amid a cell; is one too many?"
            if self._drained:  # while the row was waiting for its end
                problem = "no row: a quote is opened and not closed"
        return self._only_its_first_line(problem)

    def _only_its_first_line(self, problem: str) -> list[str]:
        """Return the cells of the first line, if it is a row by itself; a quote may be a letter."""
        first, *others = self.raw
        self._waiting.extendleft(reversed(others))
        self.line -= len(others)
        self.position -= sum(map(len, others))
        self.raw = [first]
        self._rows = self._parse()
        text = first.decode("utf-8", "surrogateescape").rstrip("\r\n")
        self.is_foreign = not text.isascii() and _FOREIGN.search(text) is not None
        try:
            cells = next(csv.reader([text + "\n"], delimiter=self._delimiter), [])
        except csv.Error as error:
            self.problem = f"no row: {error}; is there a quote too many?"
            return []
        if cells and cells[-1].endswith("\n"):  # a quote is open
            self.problem = problem
            return []
        return cells

    def _parse(self) -> Iterator[list[str]]:
        self._drained = False
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        while self._waiting or self._fetch():
            raw = self._waiting.popleft()
            self.raw.append(raw)
            self._row_bytes += len(raw)
            self.line += 1
            self.position += len(raw)
            if self._row_bytes > MAX_ROW_BYTES:
                raise _RowTooLongError(f"longer than {MAX_ROW_BYTES:,} bytes")
            try:
                yield raw.decode()
            except UnicodeDecodeError:
                self.is_foreign = True
                yield raw.decode("utf-8", "surrogateescape")
        self._drained = True

    def _fetch(self) -> bool:
        block = self._lines.block(sys.maxsize, self._rejects)
        self.line = self._lines.line
        self.position = self._lines.position - len(block)
        if not self.position:
            block = block.removeprefix(BOM)
        lines = block.splitlines(keepends=True)
        self._lines.line += len(lines)
        self._waiting.extend(lines)
        return bool(block)


class TableReader:
    """
    Rows with a URL in each.

    Args:
        source: As for `Lines`.
        schema: Of the table.
        start: As for `TableRows`.
        line: As for `TableRows`.
    """

    def __init__(
        self, source: ListSource, schema: TableSchema, *, start: int = 0, line: int = 1
    ) -> None:
        self._rows = TableRows(source, schema.delimiter, start=start, line=line)
        self._schema = schema
        self.position = start
        self.line = line
        self.ended = False

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` the rows that begin before the offset `until`, or fewer if it is full."""
        rows = self._rows
        # Each target carries the names of all columns, so a wide table grows on the way.
        while rows.position < until and not plan.is_full:
            row = rows.read(plan)
            if row is None:
                self.ended = True
                break
            line = rows.line - len(rows.raw)
            if line >= self._schema.first:
                self._take(plan, line, row)
        self.position, self.line = rows.position, rows.line

    def _take(self, plan: Sink, line: int, row: list[str]) -> None:
        names, column = self._schema.names, self._schema.url
        if self._rows.problem:
            plan.reject(line, self._rows.raw[0], self._rows.problem)
            return
        cells = [cell.strip() for cell in row]
        if len(cells) <= column or not cells[column]:
            if any(cells):
                reason = f"nothing in the column {names[column]!r}"
                plan.reject(line, b"".join(self._rows.raw), reason)
            return
        if len(cells) > len(names) and any(cells[len(names) :]):
            plan.reject(line, b"".join(self._rows.raw), self._of_another_width(len(cells)))
            return
        if len(cells) < len(names) and may_be_cut(cells, b"".join(self._rows.raw), self._schema):
            plan.reject(line, b"".join(self._rows.raw), self._of_another_width(len(cells)))
            return
        if self._schema.delimiter == NO_DELIMITER and _MORE_THAN_A_URL.match(cells[0]):
            plan.reject(line, cells[0].encode(errors="replace"), "more than a URL in one cell")
            return
        if self._rows.is_foreign:
            cells = [cell if n == column else legible(cell) for n, cell in enumerate(cells)]
        values: dict[str, str] = dict(zip(names, cells, strict=False))
        url = values.pop(names[column])
        plan.add(line, url, input=values)

    @property
    def url_column(self) -> str:
        """The name of the column that the URLs are taken from."""
        return self._schema.names[self._schema.url]

    def _of_another_width(self, count: int) -> str:
        mark = _SPOKEN.get(self._schema.delimiter, repr(self._schema.delimiter))
        return (
            f"{count} cells where the table has {len(self._schema.names)}: the URL may be cut off; "
            f"put what holds a {mark} into quotes"
        )


def may_be_cut(cells: list[str], raw: bytes, schema: TableSchema) -> bool:
    """
    Tell whether what stands behind the URL of a row may be more of it.

    Args:
        cells: Of the row, without white space around them.
        raw: The row as it is written.
        schema: How its cells were found.
    """
    url, delimiter = cells[schema.url], schema.delimiter
    behind = next(filter(None, cells[schema.url + 1 :]), None)
    if behind is None or delimiter not in OF_URLS:
        return False
    if _WEBSITE.fullmatch(url) and _NO_PATH.fullmatch(behind):
        return False
    written = raw.decode("utf-8", "surrogateescape")
    return f'{url}"' not in written and f'{url}{delimiter}"' not in written


def legible(cell: str) -> str:
    """
    Return a cell with bytes that are not UTF-8 as it was most likely meant.

    That is windows-1252, which Excel writes in the West. What looks like another script becomes
    U+FFFD, since nobody can tell which.
    """
    foreign = _FOREIGN.findall(cell)
    if not foreign:
        return cell
    raw = cell.encode("utf-8", "surrogateescape")
    if max(map(len, foreign)) >= _NOT_WESTERN:
        return raw.decode(errors="replace")
    return raw.decode("cp1252", errors="replace")
