"""A page in a file of this machine: of a WARC file, or a body alone."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from functions.worker.keeping.reading import pages_in
from functions.worker.transport.page import FetchedPage
from shared.errors import InvalidJobError, StorageError
from shared.outcomes import Kind, Outcome
from shared.urls import parse_url

_WARC = (".warc", ".warc.gz")
_TYPES = {".json": "application/json", ".xml": "application/xml", ".txt": "text/plain"}


def page_of_file(path: Path, url: str | None) -> FetchedPage:
    """
    Return the page in a file.

    Args:
        path: A WARC file, if it is called `.warc` or `.warc.gz`; else the body of a page.
        url: Of the page; None where a WARC file has one page alone.

    Raises:
        InvalidJobError: it cannot be read, has no such page, or several.
        InvalidUrlError: `url` is none.
    """
    try:
        with path.open("rb") as file:
            if path.name.endswith(_WARC):
                wanted = (page for page in pages_in(file) if url is None or page.url == url)
                pages = list(islice(wanted, 2))
            else:
                kind = _TYPES.get(path.suffix, "text/html")
                href = parse_url(url).href if url else ""
                body, at = file.read(), path.stat().st_mtime
                pages = [FetchedPage(href, 200, kind, None, body, len(body), fetched_at=at)]
    except OSError as error:
        raise InvalidJobError(f"cannot read the page {path}: {error.strerror}") from error
    except StorageError as error:
        raise InvalidJobError(f"{path}: {error}") from error
    if not pages:
        raise InvalidJobError(f"{path} has no page{f' of {url}' if url else ''}")
    if url is None and (len(pages) > 1 or not pages[0].url):
        raise InvalidJobError(f"write the URL of the page in front of --page {path}")
    return pages[-1]  # of several of one URL, a later one


def outcome_of(page: FetchedPage) -> Outcome:
    """Return what is known of a page of a file before anything is made of it."""
    at = datetime.fromtimestamp(page.fetched_at or 0, UTC).isoformat(timespec="milliseconds")
    return Outcome(
        url=page.url,
        final_url=page.url,
        line=1,
        outcome=Kind.SCRAPED,
        attempt=1,
        fetched_at=at.replace("+00:00", "Z"),
        elapsed_ms=0,
    )
