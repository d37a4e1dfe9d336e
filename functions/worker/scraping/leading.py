"""Where an answer leads that is no redirect by its status. Pure."""

from functions.worker.scraping.means import Means
from functions.worker.scraping.visit import Visit
from functions.worker.transport.meta_refresh import refresh_of
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect
from shared.errors import FetchError
from shared.urls import parse_url


def refresh(means: Means, visit: Visit, page: FetchedPage) -> Redirect | None:
    """Return where a page sends its readers, if the spec takes that for a redirect."""
    if not means.overrides.of(visit.url, visit.target).meta_refresh:
        return None
    location = refresh_of(page)
    return None if location is None else Redirect(303, location, page.set_cookies)


def sitemap_instead(means: Means, visit: Visit, error: FetchError) -> Redirect | None:
    """Return where the sitemap is of a website without the robots.txt that is to name it."""
    is_none = error.status is not None and 400 <= error.status < 500  # noqa: PLR2004
    is_wanted = is_none and means.extractor.kinds.is_sitemap(visit.target)
    if not is_wanted or error.reason.retryable or not visit.url.href.endswith("/robots.txt"):
        return None
    return Redirect(302, parse_url("/sitemap.xml", visit.url.href))
