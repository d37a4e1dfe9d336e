"""Sitemaps as lists: the pages that one names, and the sitemaps, which are targets as well."""

from functions.dispatcher.lists.sink import Sink
from functions.dispatcher.lists.source import ListSource
from shared.crawl_spec import SITEMAP
from shared.sitemap_locations import NotWellFormedError
from shared.sitemap_parser import SitemapParser


class SitemapReader:
    """
    The pages of a sitemap, and the sitemaps that it names: workers fetch those.

    Args:
        source: All of it, from the first byte; it can be restarted.
        name: Of the list, for messages.
        start: As `position` of an earlier reader.
        line: As `line` of it; the number of the first location that counts.
    """

    def __init__(self, source: ListSource, name: str, *, start: int = 0, line: int = 1) -> None:
        self._source = source
        self._name = name
        self._parser = SitemapParser(name)
        self._next = line
        self._complete = False
        self.position = start
        self.line = line
        self.ended = False

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` the locations that stand before the offset `until`."""
        while True:
            found = self._parser.found
            while found:
                if found[0].number < self._next:
                    found.popleft()
                    continue
                if found[0].position >= until:
                    self.position, self.line = found[0].position, found[0].number
                    return
                location = found.popleft()
                self._next = location.number + 1
                page = SITEMAP if location.of_sitemap else None
                plan.add(location.number, location.text, page=page)
            if self._complete:
                break
            self._read()
        self.line = max(self._next, self._parser.count + 1)
        if self._parser.problem is not None:
            plan.break_off(self.line, f"the sitemap is {self._parser.problem}")
        self.ended = True

    def _read(self) -> None:
        data = self._source.read()
        try:
            # After damage there is no end that could be right or wrong.
            if data or not self._source.damage:
                self._parser.feed(data)
            self._complete = not data
        except NotWellFormedError:
            self._parser = SitemapParser(self._name, mend=True)
            self._source.restart()
