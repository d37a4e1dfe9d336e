"""That nothing more of a job is to be fetched, and why."""

import asyncio

from shared.errors import FetchError, Reason

_WORDS = {
    Reason.CANCELLED: "the job was cancelled",
    Reason.OVER_LIMIT: "the crawl has as many pages as max_pages allows",
}


class Ending(asyncio.Event):
    """Is set where nothing more of a job is to be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self._reason = Reason.CANCELLED

    def give(self, reason: Reason) -> None:
        """Set it, for that reason."""
        self._reason = reason
        self.set()

    def error(self, url: str) -> FetchError:
        """Return why `url` is not fetched."""
        return FetchError(url, self._reason, _WORDS[self._reason])
