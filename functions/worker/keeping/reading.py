"""From a record of a WARC file back to a page. Files of other tools are read as well as ours."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from functions.worker.transport.media_types import binary_type, declared_type
from functions.worker.transport.page import FetchedPage
from shared.errors import StorageError

_WIRE_BYTES = "X-Crawler-Content-Length"


def pages_in(file: BinaryIO) -> Iterator[FetchedPage]:
    """
    Yield the pages in a WARC file, or in a part of one, in its order.

    Raises:
        StorageError: it is none, or is damaged.
    """
    from warcio.archiveiterator import ArchiveIterator  # noqa: PLC0415 -- see `Archive`
    from warcio.exceptions import ArchiveLoadFailed  # noqa: PLC0415

    try:
        for record in ArchiveIterator(file):
            if record.rec_type == "response" and record.http_headers:
                yield _page(record)
    except (ArchiveLoadFailed, EOFError, ValueError) as error:
        raise StorageError(f"no WARC file, or a damaged one: {error}") from error


def _page(record: Any) -> FetchedPage:  # noqa: ANN401 -- warcio has no types
    head, headers = record.http_headers, record.http_headers.headers
    body = record.content_stream().read()
    declared = [value for name, value in headers if name.lower() == "content-type"]
    robots = [value for name, value in headers if name.lower() == "x-robots-tag"]
    content_type, charset = declared_type(tuple(declared))
    sent = head.get_header(_WIRE_BYTES) or ""
    return FetchedPage(
        record.rec_headers.get_header("WARC-Target-URI").strip("<>"),  # as wget writes it
        int(head.get_statuscode()),
        content_type or binary_type(body),
        charset,
        body,
        int(sent) if sent.isdecimal() else len(body),
        etag=head.get_header("ETag"),
        last_modified=head.get_header("Last-Modified"),
        x_robots_tag=", ".join(robots) or None,
        remote_address=record.rec_headers.get_header("WARC-IP-Address"),
        headers=tuple((name.encode(), value.encode()) for name, value in headers),
        fetched_at=datetime.fromisoformat(record.rec_headers.get_header("WARC-Date")).timestamp(),
    )
