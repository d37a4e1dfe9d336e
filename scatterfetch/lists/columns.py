"""Which column of a table is scraped, said where another one has URLs as well."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from functions.dispatcher.lists import TableReader
from scatterfetch.lists.url_list import UrlList
from shared.errors import InvalidJobError
from shared.messages import Method

_HEAD_BYTES = 64 * 1024


def mention_columns(url_list: UrlList, say: Callable[[str], None]) -> None:
    """Say which column of a table its URLs are taken from, if that could be another one."""
    columns = _OtherColumns()
    # What is wrong with a list is said where it is read to its end.
    with suppress(InvalidJobError), url_list.reader(url_list.key) as reader:
        if not isinstance(reader, TableReader):
            return
        reader.fill(columns, _HEAD_BYTES)
        if others := columns.with_urls():
            named = " and ".join(repr(name) for name in others)
            verb = "have" if len(others) > 1 else "has"
            say(
                f"{url_list.name}: its URLs are those of the column {reader.url_column!r}; {named} "
                f"{verb} URLs too, which are carried along and not scraped"
            )


class _OtherColumns:
    """Takes the first rows of a table, and counts the URLs beside the one that is scraped."""

    is_full = False

    def __init__(self) -> None:
        self._filled: Counter[str] = Counter()
        self._urls: Counter[str] = Counter()

    def with_urls(self) -> list[str]:
        """Return the columns of whose cells at least half are URLs."""
        return [name for name, urls in self._urls.items() if 2 * urls >= self._filled[name]]

    def add(
        self,
        line: int,  # noqa: ARG002 -- a sink's
        url: str,  # noqa: ARG002
        method: Method = "GET",  # noqa: ARG002
        headers: dict[str, str] | None = None,  # noqa: ARG002
        body: str | None = None,  # noqa: ARG002
        input: dict[str, Any] | None = None,  # noqa: A002
        page: str | None = None,  # noqa: ARG002
    ) -> None:
        for name, value in (input or {}).items():
            if value:
                self._filled[name] += 1
                self._urls[name] += value.lower().startswith(("http://", "https://"))
        self._urls = +self._urls

    def add_lines(self, block: bytes, line: int) -> None: ...
    def reject(self, line: int, raw: bytes, reason: str) -> None: ...
    def break_off(self, line: int, reason: str) -> None: ...
