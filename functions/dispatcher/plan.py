"""
From what a shard of a list holds to its batches.

Pure and deterministic: the same lines give the same batches with the same ids, so that
dispatching twice does nothing twice.

Most lists hold millions of URLs that are written as a browser would write them. What is done for
each of those is counted in nanoseconds; docs/performance.md says where they go.
"""

import gc
import string
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from functions.dispatcher.counts import Counts
from functions.dispatcher.lists import BOM, Reader
from shared.errors import InvalidJobError, InvalidUrlError
from shared.ids import batch_id
from shared.messages import Batch, Method, Target
from shared.url_text import MAX_LINE_BYTES, cell_url, line_url
from shared.urls import MAX_URL_BYTES, Url, domain_number, parse_url
from shared.wording import meant

_FULL_BYTES = 64 * 1024 * 1024  # of targets that are more than a URL
_MAX_BATCH_BYTES = 200_000  # of URLs; as JSON it stays well under what SQS takes
# A URL of these that begins with a canonical origin, and has no "/." or "%2e" in it, is canonical:
# no browser would write it in another way.
_PLAIN = f"{string.ascii_letters}{string.digits}-._~!$&()*+,;=:@/%?\n".encode()
_AUTHORITY = len("https://")  # the first "/" behind it (or behind "http://h") ends the origin

_PlannedTarget = str | bytes
"""A target to be: its URL, where that is all there is to it, or else as JSON."""


class Plan:
    """
    The batches of a shard in the making.

    What was there on an earlier line of the shard (the same URL, method and body) is dropped.

    Args:
        job: The id of the job.
        shard: The number of the shard.
        partitions: How many there are.
        batch_size: Targets of a batch, at most.
        kind_column: What of the list names the page kind of a target; None: nothing does.
        kinds: The page kinds of the spec.
    """

    def __init__(
        self,
        *,
        job: str,
        shard: int,
        partitions: int,
        batch_size: int,
        kind_column: str | None = None,
        kinds: Collection[str] = (),
    ) -> None:
        self._kind_column = kind_column
        self._kinds = kinds
        self._job = job
        self._shard = shard
        self._partitions = partitions
        self._batch_size = batch_size
        self._lines: dict[str, int] = {}
        self._origins: dict[str, list[_PlannedTarget]] = {}
        self._hosts: dict[int, list[list[_PlannedTarget]]] = {}
        self._encoded_bytes = 0
        self.counts = Counts()

    @property
    def is_full(self) -> bool:
        return self._encoded_bytes >= _FULL_BYTES

    def fill_from(self, reader: Reader, until: int) -> None:
        """Take what `reader` finds before the offset `until`, or less if the plan is full."""
        gc.disable()  # it would look through all that there is, again and again, and find nothing
        try:
            reader.fill(self, until)
        finally:
            gc.enable()

    def add_lines(self, block: bytes, line: int) -> None:
        r"""
        Take lines with a URL on each, the first of which has the number `line`.

        What a line holds beside its URL, `line_url` says.
        """
        if line == 1:
            block = block.removeprefix(BOM)
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        if not _is_plain(block):
            for number, raw in enumerate(block.split(b"\n"), start=line):
                self._add_line(number, raw)
            return
        entries_of = self._origins.get
        first_line = self._lines.setdefault
        for number, href in enumerate(block.decode().split("\n"), start=line):
            origin = href[: href.find("/", _AUTHORITY) + 1]
            entries = entries_of(origin)
            if entries is None:
                number_of_domain = _number_of_domain(origin)
                if number_of_domain is None:
                    self._add_line(number, href.encode())
                    continue
                entries = self._new_entries(origin, number_of_domain)
            if first_line(href, number) == number:
                entries.append(href)
            else:
                self.counts.duplicates += 1

    def _add_line(self, line: int, raw: bytes) -> None:
        if not raw:
            return
        if len(raw) > MAX_LINE_BYTES:
            self.reject(line, raw, f"longer than {MAX_LINE_BYTES:,} bytes")
            return
        try:
            # Other columns may be in another encoding.
            url = line_url(raw.decode("utf-8", "surrogateescape"))
        except InvalidUrlError as error:
            self.reject(line, raw, str(error))
        else:
            if url is not None:
                self._take(url, line)

    def add(
        self,
        line: int,
        url: str,
        method: Method = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
        input: dict[str, Any] | None = None,  # noqa: A002 -- the column of the results
        page: str | None = None,
    ) -> None:
        """Take a URL, which is all that `url` holds, and what the list says about it."""
        try:
            found = cell_url(url)
            if page is None and self._kind_column is not None:
                page = self._kind_in(input or {})
        except InvalidJobError as error:
            self.reject(line, url.encode(errors="replace"), str(error))
            return
        self._take(found, line, method, headers, body, input, page)

    def _kind_in(self, given: dict[str, Any]) -> str | None:
        """
        Return the page kind that the list names; None where it names none.

        Raises:
            InvalidJobError: the spec has no such kind.
        """
        kind = given.get(self._kind_column or "")
        if kind is None or kind == "":
            return None
        if not isinstance(kind, str) or kind not in self._kinds:
            raise InvalidJobError(
                f"{self._kind_column} is {kind!r}, and the spec has no such kind"
                f"{meant(str(kind), self._kinds)}"
            )
        return kind

    def _take(
        self,
        url: Url,
        line: int,
        method: Method = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
        input: dict[str, Any] | None = None,  # noqa: A002
        page: str | None = None,
    ) -> None:
        href = url.href
        entry: _PlannedTarget = href
        if method != "GET" or headers or body is not None or input or page:
            target = Target(
                href,
                line,
                method=method,
                headers=headers or None,
                body=body,
                input=input or None,
                page=page,
            )
            entry = _encoder.encode(target)
        key = href if method == "GET" and body is None else f"{method} {href}\n{body or ''}"
        if self._lines.setdefault(key, line) != line:
            self.counts.duplicates += 1
            return
        origin = href[: href.find("/", _AUTHORITY) + 1]
        entries = self._origins.get(origin)
        if entries is None:
            entries = self._new_entries(origin, domain_number(url.host))
        entries.append(entry)
        if entry is not href:
            self._encoded_bytes += len(entry)

    def _new_entries(self, origin: str, number_of_domain: int) -> list[_PlannedTarget]:
        entries: list[_PlannedTarget] = []
        self._origins[origin] = entries
        self._hosts.setdefault(number_of_domain % self._partitions, []).append(entries)
        return entries

    def reject(self, line: int, text: bytes, reason: str) -> None:
        """Report a line that cannot be fetched, and why."""
        self.counts.reject(line, text, reason)

    def break_off(self, line: int, reason: str) -> None:
        """Report that nothing can be read from `line` on, though there may be more."""
        self.counts.break_off(line, reason)

    def batches(self) -> Iterator[Batch]:
        """
        Yield the batches, each of one partition, and count in `counts` on the way.

        Partitions take turns, and so do the hosts of a partition: the first targets are one of
        each host, then comes the second of each, and so on.
        """
        waiting = [
            (partition, self._cut(_in_turns(self._hosts[partition])))
            for partition in sorted(self._hosts)
        ]
        while waiting:
            going_on = []
            for partition, chunks in waiting:
                chunk = next(chunks, None)
                if chunk is not None:
                    yield self._batch(partition, chunk)
                    going_on.append((partition, chunks))
            waiting = going_on

    def _cut(self, entries: list[_PlannedTarget]) -> Iterator[list[_PlannedTarget]]:
        begin = 0
        while begin < len(entries):
            chunk = entries[begin : begin + self._batch_size]
            while len(chunk) > 1 and sum(map(len, chunk)) > _MAX_BATCH_BYTES:
                chunk = chunk[: len(chunk) // 2]
            begin += len(chunk)
            yield chunk

    def _batch(self, partition: int, chunk: list[_PlannedTarget]) -> Batch:
        lines = self._lines
        targets = tuple(
            [
                Target(entry, lines[entry]) if isinstance(entry, str) else _decoder.decode(entry)
                for entry in chunk
            ]
        )
        batch = Batch(
            job=self._job,
            batch=batch_id(self._shard, self.counts.batches),
            partition=partition,
            targets=targets,
        )
        self.counts.batches += 1
        self.counts.targets += len(targets)
        return batch


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Target)


def _is_plain(block: bytes) -> bool:
    """Tell whether those lines that begin with a canonical origin are canonical URLs."""
    return (
        not block.translate(None, _PLAIN)
        and b"/." not in block
        and b"%2e" not in block
        and b"%2E" not in block
        and not ((b"," in block or b";" in block) and _has_two_urls(block.lower()))
        and (len(block) <= MAX_URL_BYTES or max(map(len, block.split(b"\n"))) <= MAX_URL_BYTES)
    )


def _has_two_urls(block: bytes) -> bool:
    """Tell whether two URLs on a line may be glued."""
    return b",http" in block or b";http" in block


@lru_cache(maxsize=131_072)
def _number_of_domain(origin: str) -> int | None:
    """Return the `domain_number` of a canonical origin such as ``https://a.example/``."""
    try:
        url = parse_url(origin)
    except InvalidUrlError:
        return None
    return domain_number(url.host) if url.href == origin else None


def _in_turns(hosts: list[list[_PlannedTarget]]) -> list[_PlannedTarget]:
    """Return the first entry of each host, then the second of each, and so on."""
    entries: list[_PlannedTarget] = []
    rank = 0
    while hosts:
        # So far all of them go on.
        end = min(map(len, hosts))
        entries += chain.from_iterable(zip(*[host[rank:end] for host in hosts], strict=True))
        rank = end
        hosts = [host for host in hosts if len(host) > rank]
    return entries
