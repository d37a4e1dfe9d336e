"""Keeps the page of a visit, if the job keeps such pages."""

from functions.worker.remembering.recollection import NOT_MODIFIED
from functions.worker.scraping.means import Means
from functions.worker.scraping.visit import Visit
from functions.worker.transport.page import FetchedPage


def keep_page(
    means: Means, visit: Visit, page: FetchedPage, *, failed: bool, no_match: bool = False
) -> None:
    """
    Keep the answer to the last request of `visit`, if the spec says so.

    An answer without a body is not kept.

    Args:
        means: Of the job.
        visit: Its outcome will say where the page is.
        page: The page.
        failed: Whether nothing could be made of it.
        no_match: Whether the spec has found nothing on it.

    Raises:
        StorageError: it could not be written.
    """
    keeping, sent = means.keeping, visit.sent
    if keeping is None or sent is None or visit.method == "HEAD" or page.status == NOT_MODIFIED:
        return
    kind = means.extractor.kinds.kind_of_page(page.url, visit.target)
    visit.kept = keeping.keep(
        page, sent, kind=kind, failed=failed, no_match=no_match, at=visit.sent_at
    )
