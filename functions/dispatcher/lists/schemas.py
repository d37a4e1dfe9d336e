"""
How to read a table: which column has the URLs, what separates cells, which row is the header.

Pure. The rows that hold URLs are the evidence; names and first lines are hints.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from functions.dispatcher.lists.columns import (
    NUMBER,
    URL_NAMES,
    doubt,
    is_name,
    may_be_domain,
    may_be_name,
    plain,
)
from functions.dispatcher.lists.lines import BOM
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.lists.tables import (
    NO_DELIMITER,
    OF_URLS,
    TableRows,
    TableSchema,
    legible,
    may_be_cut,
)
from shared.errors import InvalidJobError, InvalidUrlError
from shared.url_text import INVISIBLE, looks_like_domain
from shared.urls import parse_url

HEAD_BYTES = 64 * 1024
_DELIMITERS = {"csv": ",;\t|", "tsv": "\t,;|"}
_SEPARATOR = re.compile(rb"\"?sep=([^\w\s\"]|\t)\"?\s*\n", re.IGNORECASE)
_SHOWN = 100
_COMPARED = 20  # rows, with what may be the header


class _Row(NamedTuple):
    line: int
    cells: list[str]
    raw: bytes


def find_schema(name: str, head: bytes, format: str) -> TableSchema:  # noqa: A002
    r"""
    Return what the beginning of a table says about how to read it.

    Args:
        name: Of the list, for the message.
        head: Its first bytes, about `HEAD_BYTES`; its lines end with ``\n``.
        format: `csv` or `tsv`.

    Raises:
        InvalidJobError: it has no column with URLs, or it cannot be told what separates cells.
    """
    if len(head) >= HEAD_BYTES:
        head = head[: head.rfind(b"\n") + 1] or head  # the last line may go on
    delimiters = _DELIMITERS[format]
    if own := _SEPARATOR.match(head.removeprefix(BOM)):
        delimiters = own[1].decode() + delimiters
    looks = [_Look(head, delimiter) for delimiter in dict.fromkeys(delimiters)]
    evident = [look for look in looks if look.hits]
    if not evident:
        return _by_name_alone(name, looks)
    rank = max(look.rank for look in evident)
    best = [look for look in evident if look.rank == rank]
    cells = {look.url_cells for look in best}
    if len(cells) > 1 and not rank.header:
        marks = " and ".join(repr(look.delimiter) for look in best)
        raise InvalidJobError(
            f"{name}: {marks} could both separate its cells; give it a first row with the names of "
            "the columns"
        )
    look = max(best, key=lambda look: look.width)
    is_told = own is not None and look.delimiter == own[1].decode()
    cut = look.may_cut and not is_told
    for one in (look, *best):  # what is a part of a name to one may be a domain to another
        if (doubtful := one.doubtful(cut=cut)) is not None:
            raise InvalidJobError(f"{name}: {doubt(doubtful[:_SHOWN])}")
    if cut:
        raise InvalidJobError(
            f"{name}: without a header, {look.delimiter!r} behind a URL may be a part of it; give "
            "it a first row with the names of the columns (if a line is a URL: url)"
        )
    return look.schema


class _Rank(NamedTuple):
    """How well a delimiter fits, the most important first."""

    hits: int
    header: int
    is_table: bool
    accepted: int


class _Look:
    """What the beginning of a table is, if this `delimiter` separates its cells."""

    def __init__(self, head: bytes, delimiter: str) -> None:
        self.delimiter = delimiter
        self.rows = list(_rows(head, delimiter))
        urls, filled = Counter[int](), Counter[int]()
        for row in self.rows:
            for column, cell in enumerate(row.cells):
                if cell:
                    filled[column] += 1
                    urls[column] += _is_url(cell)
        self.url = self._column(+urls, filled)
        self.hits = sum(any(map(_is_url, row.cells)) for row in self.rows)
        self.evidence = [row for row in self.rows if _is_url(_cell(row, self.url))]
        self.width = self._usual_width()
        self._header: _Row | None = None
        self._header_fits = 0
        above = [row for row in self.rows if self.evidence and row.line < self.evidence[0].line]
        self._almost = [row for row in above if self._is_almost(row)]
        """Rows of which none is the header, though they come before the first URL."""
        if self.evidence:
            self._find_header(above)

    def _column(self, urls: Counter[int], filled: Counter[int]) -> int:
        """Return the column whose cells are URLs; of several the one that is called so."""
        whole = {column for column in urls if 2 * urls[column] >= filled[column]} or set(urls)
        titles = {
            plain(cell): column
            for row in self.rows
            for column, cell in reversed(list(enumerate(row.cells)))
            if column in whole and plain(cell) in URL_NAMES
        }
        for name in URL_NAMES:
            if name in titles:
                return titles[name]
        return max(whole, key=lambda column: (urls[column], -column), default=0)

    def _usual_width(self) -> int:
        widths = Counter(len(row.cells) for row in self.evidence)
        return max(widths, key=lambda width: (widths[width], -width), default=0)

    def _find_header(self, above: list[_Row]) -> None:
        """
        Look for the header: the last row `above` the first URL that fits.

        What fits best is a name that columns with URLs have; then as many cells as the rows have.
        """
        rows = [row for row in above if not _is_comment(row)]
        named = [row for row in rows if plain(_cell(row, self.url)) in URL_NAMES]
        # A title may be a website. A row with more in it is one, and below the header.
        first = next((row.line for row in self._almost if self._is_filled(row)), sys.maxsize)
        almost = {row.line for row in self._almost}
        rows = [row for row in rows if row.line < first and row.line not in almost]
        texts = [row for row in rows if not any(map(NUMBER.fullmatch, row.cells))]
        exact = [row for row in texts if len(row.cells) == self.width]
        whole = [row for row in exact if all(row.cells)]
        others = [row for row in texts if len(list(filter(None, row.cells))) > 1]
        for fits, fitting in ((3, named), (2, whole), (2, exact), (1, others)):
            if fitting:
                self._header, self._header_fits = fitting[-1], fits
                break
        else:
            self._header_fits = 2 if self.doubtful(cut=False) is not None else 0
            return
        if self.url < len(self._header.cells):
            self.width = len(self._header.cells)

    def _is_almost(self, row: _Row) -> bool:
        if _is_comment(row):
            return False
        return not is_name(_cell(row, self.url), self._others(row)) or any(map(_is_url, row.cells))

    def _others(self, row: _Row) -> Iterator[tuple[str, list[str]]]:
        """Yield the cells of `row` beside that of the URL, each with what stands below it."""
        below = self.evidence[:_COMPARED]
        for column, cell in enumerate(row.cells):
            if column != self.url:
                yield cell, [found for other in below if (found := _cell(other, column))]

    def doubtful(self, *, cut: bool) -> str | None:
        """
        Return what may be the name of the column of URLs, or a value in it, where nothing tells.

        Args:
            cut: The table is refused anyway, since a header would have to say that no URL is cut.
        """
        if self._header is not None and not cut:
            return None
        rows = [row for row in self._almost if len(row.cells) == self.width > 1]
        for row in rows:
            cell = _cell(row, self.url)
            is_text = not any(map(NUMBER.fullmatch, row.cells))
            if (is_text and may_be_name(cell, self._others(row))) or (cut and may_be_domain(cell)):
                return cell
        return None

    def _is_filled(self, row: _Row) -> bool:
        return self.width == 1 or len(list(filter(None, row.cells))) > 1

    @property
    def may_cut(self) -> bool:
        """Whether URLs may go on behind the delimiter, and no header tells."""
        header = self._header
        if self.width == 1 or (header is not None and self.url < len(header.cells)):
            return False
        rows = [row for row in self.evidence if self.url + 1 < len(row.cells) <= self.width]
        rows = [row for row in rows if any(row.cells[self.url + 1 :])]
        schema = self.schema
        if any(may_be_cut(row.cells, row.raw, schema) for row in rows):
            return True
        plain = [row.cells[self.url] for row in rows if b'"' not in row.raw]
        return self.delimiter in OF_URLS and len(set(plain)) < len(plain)

    @property
    def _first_row(self) -> int:
        """The line of the first row, where there is no header: titles have not as many cells."""
        whole = (row for row in self.rows if len(row.cells) == self.width and not _is_comment(row))
        found = next(whole, self.evidence[0]) if self.width > 1 else self.evidence[0]
        return min(row.line for row in (found, self.evidence[0], *self._almost))

    @property
    def url_cells(self) -> tuple[str, ...]:
        return tuple(_cell(row, self.url) for row in self.evidence)

    @property
    def rank(self) -> _Rank:
        accepted = sum(not any(row.cells[self.width :]) for row in self.evidence)
        is_table = self.width > 1
        return _Rank(self.hits, self._header_fits if is_table else 0, is_table, accepted)

    @property
    def schema(self) -> TableSchema:
        header = self._header
        names = _names(header.cells if header else [], self.width)
        first = header.line + 1 if header else self._first_row
        delimiter = self.delimiter
        if self.width == 1:
            # With a header every line is a cell. Without one, who knows what a comma means.
            delimiter = NO_DELIMITER if header else _DELIMITERS["csv"][0]
        return TableSchema(delimiter, names, self.url, first)


def _by_name_alone(name: str, looks: list[_Look]) -> TableSchema:
    """
    Return how to read a table in whose beginning there are no URLs.

    Raises:
        InvalidJobError: no column is called so, or it holds something else.
    """
    for look in sorted(
        looks, key=lambda look: -max((len(row.cells) for row in look.rows), default=0)
    ):
        for row in look.rows:
            titles = [plain(cell) for cell in row.cells]
            found = next((titles.index(title) for title in URL_NAMES if title in titles), None)
            if found is None:
                continue
            below = (_cell(other, found) for other in look.rows if other.line > row.line)
            if cell := next(filter(None, below), None):
                raise InvalidJobError(
                    f"{name} has no column with URLs: in {row.cells[found]!r} is "
                    f"{cell[:_SHOWN]!r}; {_advice(cell)}"
                )
            width = len(row.cells)
            delimiter = look.delimiter if width > 1 else NO_DELIMITER
            return TableSchema(delimiter, _names(row.cells, width), found, row.line + 1)
    cells = (cell for row in looks[0].rows for cell in row.cells)
    domain = next(filter(looks_like_domain, cells), None)
    if domain is None:
        raise InvalidJobError(f"{name} has no column with URLs; {_advice('')}")
    raise InvalidJobError(
        f"{name} has no column with URLs, and {domain[:_SHOWN]!r} is a domain; {_advice(domain)}"
    )


def _advice(cell: str) -> str:
    advice = "a URL must start with http:// or https://"
    if looks_like_domain(cell):
        advice += f"; write https://{cell[:_SHOWN]}, and so in every row"
    return advice


def _rows(head: bytes, delimiter: str) -> Iterator[_Row]:
    rows = TableRows(ListSource([head]), delimiter)
    nobody = _Nobody()
    while (cells := rows.read(nobody)) is not None:
        stripped = [legible(cell).strip(INVISIBLE) for cell in cells]
        if any(stripped):
            yield _Row(rows.line - len(rows.raw), stripped, b"".join(rows.raw))


class _Nobody:
    """Takes no notice."""

    def reject(self, line: int, text: bytes, reason: str) -> None:
        pass


def _names(cells: Iterable[str], width: int) -> tuple[str, ...]:
    """Return a name for each column, all different."""
    names: dict[str, None] = {}
    given = list(cells)
    further = Counter(given)
    tries: dict[str, int] = {}  # by name; all below were taken, and stay so
    for number in range(width):
        name = given[number] if number < len(given) else ""
        further[name] -= 1
        unique = name = name or f"column{number + 1}"
        tried = tries.get(name, 2)
        while unique in names or (unique != name and further[unique] > 0):
            unique = f"{name}_{tried}"
            tried += 1
        tries[name] = tried
        names[unique] = None
    return tuple(names)


def _is_comment(row: _Row) -> bool:
    if _SEPARATOR.match(row.raw):
        return True
    return row.cells[0].startswith("#") and not any(
        plain(cell) in URL_NAMES or cell == "#" for cell in row.cells
    )


def _cell(row: _Row, column: int) -> str:
    return row.cells[column] if column < len(row.cells) else ""


def _is_url(cell: str) -> bool:
    if not cell[:8].lower().startswith(("http://", "https://")):
        return False
    try:
        host = parse_url(cell).host
    except InvalidUrlError:
        return False
    return not any(mark in host for mark in OF_URLS)  # to browsers http://a.example,Lamps is one
