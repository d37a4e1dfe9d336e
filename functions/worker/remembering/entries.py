"""
What is remembered of a page and of a row, and how both are found again. Pure.

Each has a hash of 8 bytes: a page of its URL, a row of its kind and its key.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

Hash: TypeAlias = int


class Line(Struct, frozen=True, array_like=True):
    """Where an outcome is: the `number`-th line, from 0, of the commit object of a batch."""

    job: str
    batch: str
    number: int


class PageEntry(Struct, frozen=True, array_like=True, tag="p", kw_only=True):
    """
    A page, by its URL.

    `at` is when it was asked for last, in epoch seconds, by `job`. The rest is of the last time it
    was scraped: `line` says where its outcome is, `location` where the page was after redirects,
    `whole`, `basis`, `content` and `rows` are as in `shared.outcomes.Noted`. `count` is the number
    of its rows that have no key, and `has_rows` whether it had any. `is_found` tells that a link
    has led to it, and `is_gone` that the website says that there is no such page any more. In the
    last `missed` jobs of its list, the last of which was `missed_in`, nobody had asked for it.
    """

    url: str
    at: float
    job: str
    list_id: str
    line: Line
    location: str
    etag: str | None
    last_modified: str | None
    whole: str
    basis: str
    content: str | None
    rows: str
    count: int = 0
    has_rows: bool = False
    is_found: bool = False
    is_gone: bool = False
    missed: int = 0
    missed_in: str = ""

    def was_read_in(self, job: str) -> bool:
        """Whether it was scraped by `job`."""
        return self.line.job == job


class RowEntry(Struct, frozen=True, array_like=True, tag="r", kw_only=True):
    """
    A row, by its key.

    It was seen last `at`, in epoch seconds, by `job`, on `page` with that `url`: the `index`-th
    row, from 0, of `line`; it `is_alone` if the page had no other one. `rows` is the hash of its
    values, as far as they are compared, by the spec of `basis`; `missed` and `missed_in` are as in
    `PageEntry`.
    """

    key: dict[str, Any]
    url: str
    at: float
    job: str
    list_id: str
    page: Hash
    line: Line
    index: int
    is_alone: bool
    rows: str
    basis: str
    missed: int = 0
    missed_in: str = ""


Entry: TypeAlias = PageEntry | RowEntry


def page_hash(url: str) -> Hash:
    """Return what a page is found by."""
    return int.from_bytes(blake2b(b"page\n" + url.encode(), digest_size=8).digest(), "little")


def row_hash(kind: str | None, key: Mapping[str, Any]) -> Hash:
    """Return what a row of a page of `kind` is found by."""
    text = _encoder.encode((kind, key))
    return int.from_bytes(blake2b(b"row\n" + text, digest_size=8).digest(), "little")


def row_key(row: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any] | None:
    """Return the values of the key in `row`; None if one is missing."""
    key = {name: row.get(name) for name in columns}
    return key if columns and all(value not in (None, "") for value in key.values()) else None


def compared(row: Mapping[str, Any], watch: Sequence[str]) -> Mapping[str, Any]:
    """Return the values of `row` that are compared."""
    return {name: row[name] for name in watch if name in row} if watch else row


def digest(*values: Any) -> str:  # noqa: ANN401 -- JSON
    """Return a hash of JSON; the order of names does not count."""
    return blake2b(_encoder.encode(values), digest_size=8).hexdigest()


_encoder = msgspec.json.Encoder(order="sorted")
