"""
What outcomes add up to: the body of a receipt, and all of a job's for its summary.

Tallies add, in any order. The keys of the receipts are the truth for counts; the bodies know what
has no room there. Pure.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from shared.errors import Reason, StorageError
from shared.messages import Target
from shared.outcomes import FINAL, CommittedLine, CutLink
from shared.quality import Quality
from shared.receipts import FOUND, JOINED, NO_MATCH, PROBLEMS, outcome_name, redriven_name
from shared.urls import parse_url

MAX_HOSTS = 20_000  # a tally of more forgets those with the least trouble
MAX_NAMES = 1_000  # of problems, and of content types; later ones are not told apart
MAX_LOCATIONS = 100
"""Of redirects, which are as long as URLs may be."""
EXAMPLES = 5
"""Links that are kept of each limit."""
OTHERS = "others"
_STEPS = 8  # buckets of latency from one power of two to the next: quantiles are right to 5 %
_TROUBLE = ("failed", "dead", NO_MATCH)


class Tally(Struct, kw_only=True, omit_defaults=True):
    """Times in epoch seconds, durations in seconds."""

    receipts: int = 0
    counts: dict[str, int] = {}
    """As in the receipts' keys, without times; see `shared.receipts.receipt_key`."""
    statuses: dict[int, int] = {}
    """Of HTTP, of final outcomes; that of a dead target stays when it is redriven."""
    hosts: dict[str, dict[str, int]] = {}
    """Of each host of the list: `counts`, as far as they are final."""
    problems: dict[str, int] = {}
    """On how many pages there was each problem, by `Problem.name`; without `no_match`."""
    skipped_types: dict[str, int] = {}
    """Targets skipped for their content type, by that type."""
    cut: dict[str, int] = {}
    """Links that were not followed, by what has cut them off."""
    cut_links: tuple[CutLink, ...] = ()
    """The first `EXAMPLES` of them in the order of their URLs, for each limit."""
    same_redirects: dict[str, int] = {}
    """Targets redirected to where another one was scraped, by that page."""
    kept: int = 0
    """Pages that were kept as they came."""
    kept_bytes: int = 0
    """Of these, compressed."""
    memory_damaged: int = 0
    """Objects of the memory that could not be read, and were made anew."""
    lost_leads: int = 0
    """Of jobs that are remembered: targets that lead to others, and were not had."""
    lost_pages: int = 0
    """Likewise: all targets that were not had. What is gone, or was had before, is not lost."""
    quality: Quality | None = None
    """What the rows are like, where the spec has `expect`."""
    hosts_forgotten: bool = False
    """Whether there were more than `MAX_HOSTS`, so that counts of `hosts` may be too small."""
    latency: dict[int, int] = {}
    """How many answers took how long; see `quantile`."""
    requests: int = 0
    """Targets that something was asked for."""
    bytes: int = 0
    wire_bytes: int = 0
    message_bytes: int = 0
    """Of the batches, as messages."""
    worker_seconds: float = 0.0
    """Of the invocations that wrote the receipts."""
    started: float | None = None
    ended: float | None = None

    def add(self, other: "Tally") -> None:
        """Add what `other` holds."""
        self.receipts += other.receipts
        _add(self.counts, other.counts)
        _add(self.statuses, other.statuses)
        _add(self.latency, other.latency)
        for host, counts in other.hosts.items():
            _add(self.hosts.setdefault(host, {}), counts)
        _add_names(self.problems, other.problems)
        _add_names(self.skipped_types, other.skipped_types)
        _add_names(self.cut, other.cut)
        self.cut_links = _examples((*self.cut_links, *other.cut_links))
        _add_names(self.same_redirects, other.same_redirects, MAX_LOCATIONS)
        if other.quality is not None:
            self.quality = self.quality or Quality()
            self.quality.add(other.quality)
        self.kept += other.kept
        self.kept_bytes += other.kept_bytes
        self.lost_leads += other.lost_leads
        self.lost_pages += other.lost_pages
        self.memory_damaged += other.memory_damaged
        self.hosts_forgotten |= other.hosts_forgotten
        if len(self.hosts) > MAX_HOSTS:
            self._forget_hosts()
        self.requests += other.requests
        self.bytes += other.bytes
        self.wire_bytes += other.wire_bytes
        self.message_bytes += other.message_bytes
        self.worker_seconds += other.worker_seconds
        self.started = _known(min, self.started, other.started)
        self.ended = _known(max, self.ended, other.ended)

    def redrive(self, reason: str, targets: Iterable[Target]) -> None:
        """Note that all of this was about `targets` which had died of `reason`."""
        for target in targets:
            counts = {redriven_name(reason): 1}
            _add(self.counts, counts)
            _add(self.hosts.setdefault(parse_url(target.url).host, {}), counts)

    def _forget_hosts(self) -> None:
        self.hosts_forgotten = True
        kept = sorted(self.hosts.items(), key=lambda entry: -trouble(entry[1]))
        self.hosts = dict(kept[: MAX_HOSTS // 2])


def tally_of(lines: Iterable[CommittedLine]) -> Tally:
    """Return the tally of a batch's outcomes."""
    tally = Tally(receipts=1)
    for line in lines:
        counts = {outcome_name(line.outcome, line.reason): 1}
        if any(problem.is_no_match for problem in line.problems):
            counts[NO_MATCH] = 1
        _add(tally.counts, counts)
        problems = [problem.name for problem in line.problems if not problem.is_no_match]
        if problems:
            _add(tally.counts, {PROBLEMS: len(problems)})
            _add_names(tally.problems, dict.fromkeys(problems, 1))
        if line.reason is Reason.CONTENT_TYPE:
            _add_names(tally.skipped_types, {line.content_type or "none": 1})
        if line.elapsed_ms or line.status is not None:
            tally.requests += 1
            began = line.fetched_at.timestamp()
            tally.started = _known(min, tally.started, began)
            tally.ended = _known(max, tally.ended, began + line.elapsed_ms / 1000)
        if line.found:
            joined = sum(1 for found in line.found if found.partition is None)
            _add(tally.counts, {FOUND: len(line.found), JOINED: joined})
        _add_names(tally.cut, line.cut)
        if line.cut_links:
            tally.cut_links = _examples((*tally.cut_links, *line.cut_links))
        if line.reason is Reason.SAME_REDIRECT:
            _add_names(tally.same_redirects, {line.final_url or line.url: 1}, MAX_LOCATIONS)
        if line.kept is not None:
            tally.kept += 1
            tally.kept_bytes += line.kept.length
        if line.outcome not in FINAL:
            continue
        _add(tally.hosts.setdefault(parse_url(line.url).host, {}), counts)
        tally.bytes += line.bytes
        tally.wire_bytes += line.wire_bytes
        if line.status is not None:
            _add(tally.statuses, {line.status: 1})
            _add(tally.latency, {_bucket(line.elapsed_ms): 1})
    return tally


def trouble(counts: Mapping[str, int]) -> int:
    """Return how many of a host's targets have come to nothing, by its `counts`."""
    return sum(count for name, count in counts.items() if name.partition("-")[0] in _TROUBLE)


def quantile(latency: Mapping[int, int], fraction: float) -> float | None:
    """Return the milliseconds in which this fraction of answers had come; None without answers."""
    rank = fraction * sum(latency.values())
    for bucket in sorted(latency):
        rank -= latency[bucket]
        if rank <= 0:
            return float(2.0 ** ((bucket - 0.5) / _STEPS))
    return None


def _bucket(milliseconds: int) -> int:
    return math.ceil(_STEPS * math.log2(max(milliseconds, 1)))


def _known(
    choose: Callable[[float, float], float], one: float | None, other: float | None
) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return choose(one, other)


_Key = TypeVar("_Key")


def _add(counts: dict[_Key, int], more: Mapping[_Key, int]) -> None:
    for key, count in more.items():
        counts[key] = counts.get(key, 0) + count


def _add_names(counts: dict[str, int], more: Mapping[str, int], most: int | None = None) -> None:
    for name, count in more.items():
        known = name if name in counts or len(counts) < (most or MAX_NAMES) else OTHERS
        counts[known] = counts.get(known, 0) + count


def _examples(links: Iterable[CutLink]) -> tuple[CutLink, ...]:
    """Return the first of each limit, so that the order in which tallies are added says nothing."""
    kept: dict[str, int] = {}
    examples = []
    for link in sorted(set(links)):
        kept[link.cut] = kept.get(link.cut, 0) + 1
        if kept[link.cut] <= EXAMPLES:
            examples.append(link)
    return tuple(examples)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Tally)


def encode_tally(tally: Tally) -> bytes:
    return _encoder.encode(tally)


def decode_tally(body: bytes) -> Tally:
    """
    Return the tally in `body`.

    Raises:
        StorageError: it is none.
    """
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise StorageError(f"not a tally: {error}") from error
