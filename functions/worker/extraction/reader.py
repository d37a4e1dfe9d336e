"""What reads the pages of one kind: compiled where it is needed, and as it is sent to a process."""

import msgspec

from functions.worker.extraction.following.sitemap_page import SECONDS, SitemapPages
from functions.worker.extraction.kinds import Reading
from functions.worker.extraction.rows import Extraction
from shared.extract_spec import CONTENT

_encoder = msgspec.json.Encoder()


class Reader:
    """What reads the pages of one kind, here or elsewhere."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._extraction: Extraction | SitemapPages | None = None
        self.sent = msgspec.Raw(_encoder.encode(reading))
        """`reading` as JSON."""
        self.has_parser = reading.parser is not None
        self.least_seconds = SECONDS if reading.is_sitemap else 0.0
        """That a page may take, whatever the spec says."""
        # What finds the main content has no limit of its own: a table of wide cells holds it up.
        extract = reading.extract
        self.inputs = reading.inputs
        self.is_slow = self.has_parser or bool(extract and CONTENT & set(extract.include))

    def compile(self) -> Extraction | SitemapPages:
        """
        Return what extracts here.

        Raises:
            InvalidSpecError: the spec makes no sense.
        """
        if self._extraction is None:
            self._extraction = extraction_of(self._reading)
        return self._extraction


def extraction_of(reading: Reading) -> Extraction | SitemapPages:
    """
    Return what reads pages as `reading` says, which names no parser.

    Raises:
        InvalidSpecError: the spec makes no sense.
    """
    return SitemapPages(reading) if reading.is_sitemap else Extraction(reading)
