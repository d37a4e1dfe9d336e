"""
Tables as lists: `.csv` and `.tsv`. One column holds the URLs, the others are carried along.

Pure. A row may have line breaks in quotes, so a table is cut at the ends of its rows and read from
its beginning.
"""

import csv
import sys
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from functions.dispatcher.lists import BOM, MAX_ROW_BYTES, Lines, Sink, Source
from shared.errors import InvalidJobError, InvalidUrlError
from shared.urls import parse_url

HEAD_BYTES = 64 * 1024
_DELIMITERS = ",;\t|"
# In this order, where a table has several of them.
_URL_NAMES = (
    *("url", "urls", "link", "links", "href", "uri", "loc", "page_url", "page", "address"),
    *("website", "web_site", "site", "homepage", "source_url", "target_url", "landing_page"),
)


class Schema(NamedTuple):
    """How to read a table: `url` is the number of the column, from 0, that holds URLs."""

    delimiter: str
    names: tuple[str, ...]
    url: int
    has_header: bool


def find_schema(name: str, head: bytes, format: str) -> Schema:  # noqa: A002
    """
    Return what the beginning of a table says about it.

    The column with the URLs is the one that is called so, else the first in which the first rows
    have URLs. A first row with a URL in it is no header.

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
    rows = _first_rows(text, delimiter)
    first = next(rows, [])
    column = _column_with_urls([first])
    if column is not None:
        names = tuple(f"column{number}" for number in range(1, len(first) + 1))
        return Schema(delimiter, names, column, has_header=False)
    names = tuple(cell.strip() or f"column{number}" for number, cell in enumerate(first, start=1))
    plain = ["_".join(name.lower().replace("-", " ").split()) for name in names]
    column = next((plain.index(name) for name in _URL_NAMES if name in plain), None)
    if column is None:
        column = _column_with_urls(list(rows))
    if column is None:
        raise InvalidJobError(f"{name} has no column with URLs; call it `url` in the first row")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidJobError(f"{name} has two columns called {twice[0]!r}; rename one")
    return Schema(delimiter, names, column, has_header=True)


def _delimiter(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    unquoted = "".join(first.split('"')[::2])
    return max(_DELIMITERS, key=unquoted.count)  # of equals the first: the comma


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
        self._header = schema.has_header and not start
        self._waiting: deque[bytes] = deque()
        self._row: list[bytes] = []
        self._row_bytes = 0
        self._plan: Sink
        self._rows = self._parse()
        self.position = start
        self.line = line
        self.ended = False

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` the rows that begin before the offset `until`."""
        self._plan = plan
        while self.position < until:
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
            else:
                self._take(row)

    def _take(self, row: list[str]) -> None:
        schema = self._schema
        if not any(row):
            return
        if self._header:
            self._header = False
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
