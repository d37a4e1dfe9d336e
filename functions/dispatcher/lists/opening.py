"""
Opening a list: from its name, its size and its bytes to what reads it.

Pure. The caller says where bytes come from.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from functions.dispatcher.lists.formats import check_list, format_of
from functions.dispatcher.lists.json_lines import JsonReader
from functions.dispatcher.lists.lines import TextReader
from functions.dispatcher.lists.schemas import HEAD_BYTES, find_schema
from functions.dispatcher.lists.sink import Reader
from functions.dispatcher.lists.sitemaps import SitemapReader
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.lists.tables import TableReader

_MAGIC_BYTES = 4_096
_LINE_READERS: dict[str, type[TextReader | JsonReader]] = {"txt": TextReader, "jsonl": JsonReader}


class StoredList(NamedTuple):
    """A list as it is stored."""

    name: str
    """Its end tells the format."""
    size: int
    """In bytes, packed or not."""
    read: Callable[[int], Iterable[bytes]]
    """Returns its bytes from an offset on."""


def open_list(stored: StoredList, *, start: int = 0, line: int = 1) -> tuple[Reader, ListSource]:
    """
    Return what reads a list from its beginning or from `start` on, and what it reads from.

    Args:
        stored: The list.
        start: `position` of an earlier reader, where that one has stopped.
        line: `line` of it.

    Raises:
        InvalidJobError: it is no list, or not what its name says.
    """
    name, size, read = stored
    form = format_of(name)
    raw = ListSource(read(0))
    is_xml = form.name == "xml"
    check_list(name, size, raw.peek(_MAGIC_BYTES), form.packed, xml=is_xml)
    source = ListSource(raw.pieces(), form.packed, text=not is_xml, again=lambda: read(0))
    if is_xml:
        return SitemapReader(source, name, start=start, line=line), source
    head = source.peek(HEAD_BYTES)
    if form.packed and head:
        check_list(name, size, head)
    before = max(0, start - 1)
    if not form.packed and before:
        source = ListSource(read(before), text=True)
    else:
        source.skip(before)
    if new_reader := _LINE_READERS.get(form.name):
        return new_reader(source, start=start, line=line), source
    schema = find_schema(name, head, form.name)
    return TableReader(source, schema, start=start, line=line), source


def open_lines(stored: StoredList, *, start: int, line: int) -> tuple[Reader, ListSource]:
    """
    Return what reads a list that can be cut anywhere, from any byte on, and what it reads from.

    Lines that begin before `start` are left out; the first one that does not has the number `line`.

    Raises:
        InvalidJobError: as for `open_list`; only looked at where the list begins.
    """
    source = ListSource(stored.read(max(0, start - 1)), text=True)
    if start == 0:
        check_list(stored.name, stored.size, source.peek(_MAGIC_BYTES))
    new_reader = _LINE_READERS[format_of(stored.name).name]
    return new_reader(source, start=start, line=line), source
