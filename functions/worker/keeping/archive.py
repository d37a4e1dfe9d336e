"""
One WARC 1.1 file in the making, on the disk of the worker.

Each record is a gzip member of its own, so that one of them is read without the others. Bodies are
without their content coding, as the pages of Common Crawl are: headers that would not be true of
them any more have `X-Crawler-` in front.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import urlsplit

from isal import igzip

from functions.worker.politeness.profiles import Headers
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.errors import StorageError

# Not true of a body without its codings. What others write in front of these: see
# https://commoncrawl.org/blog/august-2018-crawl-archive-now-available
_OF_THE_WIRE = {"content-encoding", "content-length", "transfer-encoding"}
_BEFORE = "X-Crawler-"


class Exchanged(NamedTuple):
    """
    A page, and the request for it with all its headers, of which `at` is the time.

    The headers of the answer are in `answered`, those of `page` do not count. Time is in epoch
    seconds.
    """

    request: Request
    page: FetchedPage
    answered: Headers
    at: float


class Span(NamedTuple):
    """Where a record is, in bytes of the file."""

    offset: int
    length: int


class Archive:
    """
    Args:
        name: Of the file.
        facts: About it, for its first record.

    Raises:
        StorageError: there is no disk to write to.
    """

    def __init__(self, name: str, facts: dict[str, str]) -> None:
        # Here, since few jobs keep pages, and all workers pay for what is imported.
        from tempfile import TemporaryFile  # noqa: PLC0415

        from warcio.warcwriter import WARCWriter  # noqa: PLC0415

        try:
            self._file = cast("BinaryIO", TemporaryFile(prefix="pages-"))  # noqa: SIM115 -- see `close`
        except OSError as error:
            raise StorageError(f"pages cannot be kept: {error}") from error
        # Its own compression takes ten times as long.
        self._writer: Any = WARCWriter(None, gzip=False, warc_version="1.1")
        self._facts = {"format": "WARC File Format 1.1", **facts}
        self._name = name
        self.size = 0
        """In bytes."""

    def add(self, exchanged: Exchanged) -> Span:
        """
        Write a page and its request; return where the page is.

        Raises:
            StorageError: that could not be written.
        """
        request, page, _, at = exchanged
        try:
            if not self.size:
                self._write(self._writer.create_warcinfo_record(self._name, self._facts))
            date = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
            about = {"WARC-Date": date.replace("+00:00", "Z")}
            if page.remote_address:
                about["WARC-IP-Address"] = page.remote_address
            answer = self._record("response", page.url, page.body, _answer(exchanged), about)
            span = self._write(answer)
            about["WARC-Concurrent-To"] = answer.rec_headers.get_header("WARC-Record-ID")
            self._write(
                self._record("request", page.url, request.body or b"", _question(exchanged), about)
            )
        except OSError as error:
            raise StorageError(f"pages cannot be kept: {error}") from error
        return span

    def file(self) -> BinaryIO:
        """Return the whole file, to be read from its beginning."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Forget the file."""
        self._file.close()

    def _record(self, kind: str, url: str, body: bytes, head: Any, about: dict[str, str]) -> Any:  # noqa: ANN401 -- warcio has no types
        return self._writer.create_warc_record(
            url,
            kind,
            payload=BytesIO(body),
            length=len(body),
            http_headers=head,
            warc_headers_dict=dict(about),
        )

    def _write(self, record: Any) -> Span:  # noqa: ANN401 -- warcio has no types
        with igzip.IGzipFile(fileobj=self._file, mode="wb", compresslevel=1) as member:
            self._writer.out = member
            self._writer.write_record(record)
        offset, self.size = self.size, self._file.tell()
        return Span(offset, self.size - offset)


def _answer(exchanged: Exchanged) -> Any:  # noqa: ANN401 -- warcio has no types
    page = exchanged.page
    headers = [
        (_BEFORE + name if name.lower() in _OF_THE_WIRE else name, value)
        for name, value in exchanged.answered
    ]
    headers.append(("Content-Length", str(len(page.body))))
    return _head(f"{page.status} {_phrase(page.status)}", headers, "HTTP/1.1")


def _question(exchanged: Exchanged) -> Any:  # noqa: ANN401 -- warcio has no types
    request = exchanged.request
    url = urlsplit(request.url)
    path = request.url[request.url.index(url.netloc) + len(url.netloc) :]
    headers = [("Host", url.netloc), *request.headers]
    if request.body is not None:
        headers.append(("Content-Length", str(len(request.body))))
    return _head(f"{path} HTTP/1.1", headers, request.method)


def _head(line: str, headers: Iterable[tuple[str, str]], first: str) -> Any:  # noqa: ANN401
    from warcio.statusandheaders import StatusAndHeaders  # noqa: PLC0415 -- as above

    return StatusAndHeaders(line, list(headers), protocol=first)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
