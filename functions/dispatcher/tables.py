"""
Tables as lists: `.csv` and `.tsv`. One column holds the URLs, the others are carried along.

Pure. A row may have line breaks in quotes, so a table is cut at the ends of its rows and read from
its beginning.
"""

import csv
import sys
from collections import Counter, deque
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from functions.dispatcher.lists import BOM, MAX_ROW_BYTES, Lines, Sink, Source
from shared.errors import InvalidJobError, InvalidUrlError
from shared.urls import parse_url

HEAD_BYTES = 64 * 1024
_DELIMITERS = ",;\t|"
_NONE = "\x1f"  # a delimiter that no text has
# In this order, where a table has several of them.
_URL_NAMES = (
    *("url", "urls", "link", "links", "href", "uri", "loc", "page_url", "page", "address"),
    *("website", "web_site", "site", "homepage", "source_url", "target_url", "landing_page"),
)


class Schema(NamedTuple):
    """
    How to read a table.

    `url` is the number of the column, from 0, that holds URLs; `header` says how many rows there
    are before the first one that counts: that with the names, and titles above it.
    """

    delimiter: str
    names: tuple[str, ...]
    url: int
    header: int


def find_schema(name: str, head: bytes, format: str) -> Schema:  # noqa: A002
    """
    Return what the beginning of a table says about it.

    The column with the URLs is the one that is called so, else the first in which the first rows
    have URLs. A first row with a URL in it is no header; else that is the one which calls a column
    so, if no URL is above it, or the first one.

    Args:
        name: Of the list, for the message.
        head: Its first bytes, about `HEAD_BYTES`.
        format: `csv` or `tsv`.

    Raises:
        InvalidJobError: there is no such column.
    """
    text = head.removeprefix(BOM).decode(errors="replace")
    text = text[: text.rfind("\n") + 1] or text
    delimiter = "\t" if format == "tsv" else _delimiter(text)
    rows = list(_first_rows(text, delimiter))
    above = list(takewhile(lambda row: _column_with_urls([row]) is None, rows))
    if not above and rows:
        names = _names(["" for _ in rows[0]])
        return Schema(delimiter, names, _column_with_urls(rows[:1]) or 0, header=0)
    called = ((number, _column_called_so(row)) for number, row in enumerate(above))
    header, column = next(
        ((number, column) for number, column in called if column is not None), (0, None)
    )
    first = above[header] if above else []
    if column is None:
        column = _column_with_urls(rows[1:])
    elif len(first) == 1:
        delimiter = _NONE  # of a table with one column every line is a cell
    if column is None:
        raise InvalidJobError(f"{name} has no column with URLs; call it `url` in the first row")
    names = _names(first + [""] * (column + 1 - len(first)))
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidJobError(f"{name} has two columns called {twice[0]!r}; rename one")
    return Schema(delimiter, names, column, header + 1)


def _names(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.strip() or f"column{number}" for number, cell in enumerate(cells, start=1))


def _column_called_so(row: list[str]) -> int | None:
    plain = ["_".join(cell.lower().replace("-", " ").split()) for cell in row]
    return next((plain.index(name) for name in _URL_NAMES if name in plain), None)


def _delimiter(text: str) -> str:
    """Return what the first line has most of that has any; of equals the first: the comma."""
    for line in text.splitlines():
        unquoted = "".join(line.split('"')[::2])
        found = max(_DELIMITERS, key=unquoted.count)
        if found in unquoted:
            return found
    return _DELIMITERS[0]


def _first_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error:
        return


def _column_with_urls(rows: list[list[str]]) -> int | None:
    columns = Counter(
        column for row in rows for column, cell in enumerate(row) if _is_url(cell.strip())
    )
    return max(columns, key=lambda column: (columns[column], -column)) if columns else None


def _is_url(text: str) -> bool:
    try:
        parse_url(text)
    except InvalidUrlError:
        return False
    return True


class _RowTooLongError(Exception):
    pass


class _RowLines(Lines):
    longest = MAX_ROW_BYTES


class TableReader:
    """
    Rows with a URL in each.

    Args:
        source: As for `Lines`.
        schema: Of the table.
        start: As for `Lines`; a row begins there.
        line: The number of the row's first line.
    """

    def __init__(self, source: Source, schema: Schema, *, start: int = 0, line: int = 1) -> None:
        self._lines = _RowLines(source, start=start, line=line)
        self._schema = schema
        self._header = 0 if start else schema.header
        self._waiting: deque[bytes] = deque()
        self._row: list[bytes] = []
        self._row_bytes = 0
        self._plan: Sink
        self._rows = self._parse()
        self.position = start
        self.line = line
        self.ended = False

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` the rows that begin before the offset `until`, or fewer if it is full."""
        self._plan = plan
        # Each target carries the names of all columns, so a wide table grows on the way.
        while self.position < until and not plan.is_full:
            self._row.clear()
            self._row_bytes = 0
            try:
                row = next(self._rows, None)
            except (csv.Error, _RowTooLongError) as error:
                self._reject_first_line(f"no row: {error}; is there a quote too many?")
                continue
            if row is None:
                self.ended = True
                return
            if self._drained:  # while the row was waiting for its end
                self._reject_first_line("no row: a quote is opened and not closed")
            elif len(self._row) > 1 and not self._is_well_quoted():
                self._reject_first_line("no row: a quote is closed amid a cell; is one too many?")
            else:
                self._take(row)

    def _take(self, row: list[str]) -> None:
        schema = self._schema
        if not any(row):
            return
        if self._header:
            self._header -= 1
            return
        line = self.line - len(self._row)
        cells = [cell.strip() for cell in row]
        if len(cells) <= schema.url or not cells[schema.url]:
            name = schema.names[schema.url]
            self._plan.reject(line, b"".join(self._row), f"nothing in the column {name!r}")
            return
        values: dict[str, str] = dict(zip(schema.names, cells, strict=False))
        for number in range(len(values), len(cells)):
            values[f"column{number + 1}"] = cells[number]
        url = values.pop(schema.names[schema.url])
        self._plan.add(line, url, input=values)

    def _is_well_quoted(self) -> bool:
        """Tell whether the row has several lines since it means to: a stray quote seeks another."""
        lines = (raw.decode("utf-8", "surrogateescape") for raw in self._row)
        try:
            next(csv.reader(lines, delimiter=self._schema.delimiter, strict=True))
        except csv.Error:
            return False
        return True

    def _reject_first_line(self, reason: str) -> None:
        """Go on with the second line: a quote too many would swallow all that follows."""
        first, *others = self._row
        self._plan.reject(self.line - len(self._row), first, reason)
        self._waiting.extendleft(reversed(others))
        self.line -= len(others)
        self.position -= sum(map(len, others))
        self._rows = self._parse()

    def _parse(self) -> Iterator[list[str]]:
        self._drained = False
        return csv.reader(self._feed(), delimiter=self._schema.delimiter)

    def _feed(self) -> Iterator[str]:
        while self._waiting or self._fetch():
            raw = self._waiting.popleft()
            self._row.append(raw)
            self._row_bytes += len(raw)
            self.line += 1
            self.position += len(raw)
            if self._row_bytes > MAX_ROW_BYTES:
                raise _RowTooLongError(f"longer than {MAX_ROW_BYTES:,} bytes")
            # Bytes that are not UTF-8 are found out when the row is sent.
            yield raw.decode("utf-8", "surrogateescape")
        self._drained = True

    def _fetch(self) -> bool:
        block = self._lines.block(sys.maxsize, self._plan)
        self.line = self._lines.line
        self.position = self._lines.position - len(block)
        if not self.position:
            block = block.removeprefix(BOM)
        lines = block.splitlines(keepends=True)
        self._lines.line += len(lines)
        self._waiting.extend(lines)
        return bool(block)
