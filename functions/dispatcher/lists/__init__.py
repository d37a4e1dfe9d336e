"""
URL lists as people have them, read as a stream: texts, JSON, tables, sitemaps, packed or not.

Owns formats and what is a URL in them. Must not know S3, jobs, batches or targets: a list comes as
bytes, and goes to whatever is a `Sink`. Start reading at `opening`. Others import the names below,
and no module of this package.
"""

from functions.dispatcher.lists.formats import PACKED, check_list, format_of, line_words
from functions.dispatcher.lists.lines import BOM, MAX_ROW_BYTES
from functions.dispatcher.lists.opening import StoredList, open_lines, open_list
from functions.dispatcher.lists.schemas import HEAD_BYTES
from functions.dispatcher.lists.sink import Reader, Sink
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.lists.tables import TableReader

__all__ = [
    "BOM",
    "HEAD_BYTES",
    "MAX_ROW_BYTES",
    "PACKED",
    "ListSource",
    "Reader",
    "Sink",
    "StoredList",
    "TableReader",
    "check_list",
    "format_of",
    "line_words",
    "open_lines",
    "open_list",
]
