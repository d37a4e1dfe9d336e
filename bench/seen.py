"""
What it costs to know which pages of a crawl are taken: `make bench-seen`.

Objects are made by the worker's own code, at sizes between none and the last one; what lies between
is worked out. No request is made: prices are those of `functions.dispatcher.prices`. Machine time
is measured here.
"""

import argparse
import time
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from functions.dispatcher import prices
from functions.worker.seen import MAX_TOLD, Seen, Takings
from shared.lock import PARTITIONS

PAGES = 100_000_000
MEMORY = 512
"""MB of a worker, as the template has it."""
LINES = 260
"""Bytes of a target in a message, with the page that it was found on."""
REDIRECTED = 0.05
"""Of the pages, those that redirects have led to and that are scraped there."""
LISTED_BATCH = 100
_STEPS = 8
_MILLION = 1_000_000


class Crawl(NamedTuple):
    """
    A kind of crawl: pages of a batch, with those that joined it, and the share that was sent.

    Pages that are found are sent where they do not join the batch that has found them.
    """

    name: str
    batch: int
    sent: float


CRAWLS = (Crawl("many hosts", 20, 1.0), Crawl("some hosts", 100, 0.5), Crawl("one host", 300, 0.1))


class Object(NamedTuple):
    """An object of a partition: bytes, and seconds of CPU to read it and to add a batch."""

    size: int
    seconds: float


def objects(pages: int, batch: int, rng: Random) -> Iterator[Object]:
    """Yield objects with more and more pages, up to `pages`."""
    for step in range(1, _STEPS + 1):
        count = pages * step // _STEPS
        body = Seen().with_pages(_takings(count, MAX_TOLD, rng)) or b""
        more = _takings(batch, 0, rng)
        began = time.process_time()
        Seen(body).with_pages(more)
        yield Object(len(body), time.process_time() - began)


def _takings(count: int, told: int, rng: Random) -> Takings:
    takings = Takings()
    takings.targets = {rng.getrandbits(64): f"h{n % 50}.example" for n in range(count)}
    takings.locations = dict.fromkeys(rng.getrandbits(64) for _ in range(int(count * REDIRECTED)))
    takings.told = dict.fromkeys(rng.getrandbits(64) for _ in range(told))
    return takings


def dollars_listed() -> float:
    """Return what a million listed pages cost besides the time of workers."""
    batches = _MILLION // LISTED_BATCH
    usage = prices.usage_of(
        requests=_MILLION,
        batches=batches,
        children=0,
        worker_seconds=0.0,
        worker_memory=MEMORY,
        message_bytes=LISTED_BATCH * 80,
        seconds=0.0,
    )
    return prices.cost_of(usage).total


def dollars_followed(crawl: Crawl) -> float:
    """Return the same of a crawl, without its objects."""
    usage = prices.usage_of(
        requests=_MILLION,
        batches=_MILLION // crawl.batch,
        children=round(_MILLION * crawl.sent / crawl.batch),
        worker_seconds=0.0,
        worker_memory=MEMORY,
        message_bytes=crawl.batch * crawl.sent * LINES,
        seconds=3_600.0,
    )
    return prices.cost_of(usage).total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--pages", type=int, default=PAGES)
    args = parser.parse_args()
    each = args.pages // PARTITIONS
    print(f"{args.pages:,} pages found, {PARTITIONS:,} partitions: {each:,} pages of each\n")
    rows = []
    for crawl in CRAWLS:
        made = list(objects(each, crawl.batch, Random(1)))  # noqa: S311 -- hashes of no pages
        batches = args.pages / crawl.batch
        mean = sum(one.size for one in made) / len(made)
        seconds = sum(one.seconds for one in made) / len(made)
        time_dollars = seconds * MEMORY / 1024 * prices.GB_SECOND["arm64"]
        object_dollars = prices.S3_WRITE + prices.S3_READ + time_dollars
        rows.append(
            {
                "": crawl.name,
                "pages of a batch": crawl.batch,
                "GETs, and as many PUTs": f"{batches:,.0f}",
                "the last object, KB": f"{made[-1].size / 1000:,.0f}",
                "read and written, TB": f"{2 * mean * batches / 1e12:.2f}",
                "CPU of a batch, ms": f"{1000 * seconds:.1f}",
                "CPU of the last batch, ms": f"{1000 * made[-1].seconds:.1f}",
                "$ a million pages: objects": f"{_MILLION / crawl.batch * object_dollars:.3f}",
                "... all else, without workers": f"{dollars_followed(crawl):.3f}",
            }
        )
    for name in rows[0]:
        print(f"{name:32}" + "".join(f"{row[name]!s:>16}" for row in rows))
    print(f"\na million listed pages, without the time of workers: $ {dollars_listed():.3f}")


if __name__ == "__main__":
    main()
