"""What a job found, as a list of URLs that the next job can take."""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, BinaryIO, NamedTuple

from scatterfetch.results.exploding import check_field
from scatterfetch.results.finals import Report
from scatterfetch.results.table import Record, Table
from shared.errors import InvalidUrlError
from shared.url_text import as_line, href_url

_SHOWN = 80  # characters of a value that is no URL


class Written(NamedTuple):
    """How many URLs were written, and how many values are no URLs of http or https."""

    urls: int
    left_out: int
    first_left_out: str
    """With what is wrong."""

    @property
    def has_relative(self) -> bool:
        """Whether the first one looks like a link that is relative to its page."""
        return self.first_left_out.startswith(("'/", "'./", "'../", "'?"))


def write_urls(table: Table, field: str, file: BinaryIO, report: Report) -> Written:
    """
    Write the URLs in `field`, each once, in the order of the table.

    The field is one of the rows, or if none has it, a column beside them, such as `url`. Lists are
    flattened. Of an object its `url` counts; `links.text` is a part of it. What is a URL, and what
    may be around it, is as in a cell of a list; but a URL goes on behind a comma, up to white
    space. Two URLs in one text are none.

    Raises:
        InvalidJobError: neither a row nor a record has the field.
    """
    written: set[bytes] = set()
    left_out, first = 0, ""
    path = field.split(".")
    for record in _source(table, field)(report):
        for value in _parts(record, path):
            if value is None or value == "":
                continue
            try:
                url = _url(value).encode()
            except InvalidUrlError as error:
                left_out += 1
                first = first or f"{_short(value)}: {error}"
                continue
            # Of millions, 16 bytes of each are in memory.
            digest = blake2b(url, digest_size=16).digest()
            if digest not in written:
                written.add(digest)
                file.write(url + b"\n")
    return Written(len(written), left_out, first)


def _source(table: Table, field: str) -> Callable[[Report], Iterator[Record]]:
    first = field.partition(".")[0]

    def is_in(record: Record) -> bool:
        return field in record or first in record

    if not table.outcomes and any(map(is_in, table.rows())):
        return table.rows
    if not any(map(is_in, table.records())):
        check_field(table.records() if table.outcomes else table.rows(), field)
    return table.records


def _url(value: object) -> str:
    if isinstance(value, dict):
        raise InvalidUrlError("it has no `url`; name the part that has it, such as links.href")
    return as_line(href_url(value if isinstance(value, str) else ""))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _parts(value: Any, path: list[str]) -> Iterator[Any]:  # noqa: ANN401 -- of a row, anything
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, path)
    elif isinstance(value, dict):
        name = ".".join(path)
        if not path:
            if "url" in value:
                yield from _parts(value["url"], [])
            else:
                yield value
        elif name in value:
            yield from _parts(value[name], [])
        else:
            yield from _parts(value.get(path[0]), path[1:])
    elif not path:
        yield value
