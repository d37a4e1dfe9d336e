"""Where scenarios take place, and what must be true after each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from shared.outcomes import Outcome
from tests.chaos.harness import (
    PAUSE,
    Fleet,
    Results,
    UrlList,
    Website,
    check_pages,
    check_pause,
    check_visits,
    list_of,
)


class Skipped(Exception):  # noqa: N818 -- nothing is wrong
    """This machine cannot do what the scenario needs."""


@dataclass
class Arena:
    """Where a scenario takes place. A `short` one has fewer targets and fewer faults."""

    folder: Path
    site: Website
    seed: int
    short: bool
    rng: Random = field(init=False)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.site.seed = self.seed

    def fleet(
        self,
        times: Mapping[str, str] | None = None,
        partitions: int = 12,
        machines: int = 0,
        *,
        workers: int | None = None,
        waits_for_leases: bool = False,
        **parameters: str,
    ) -> Fleet:
        usual, dispatchers = (2, 1) if self.short else (4, 2)
        return Fleet(
            self.folder,
            self.site,
            self.rng,
            times=times,
            workers=workers or usual,
            dispatchers=dispatchers,
            partitions=partitions,
            machines=machines,
            waits_for_leases=waits_for_leases,
            **parameters,
        )

    def hosts(self) -> list[str]:
        return [f"shop{n}.example" for n in range(8 if self.short else 14)]

    def url_list(self, name: str = "shops", pages: int | None = None) -> UrlList:
        return list_of(name, self.hosts(), pages or (2 if self.short else 4))


def final_outcomes(
    arena: Arena, fleet: Fleet, jobs: Mapping[str, UrlList], pause: float = PAUSE
) -> dict[str, Outcome]:
    results = [Results(arena.folder, job, each.lines) for job, each in jobs.items()]
    check_visits(arena.site.log, fleet.deaths)
    check_pause([start for each in results for start in each.starts], pause)
    return {url: outcome for each in results for url, outcome in each.final.items()}


def check(arena: Arena, fleet: Fleet, jobs: Mapping[str, UrlList], pause: float = PAUSE) -> None:
    check_pages(final_outcomes(arena, fleet, jobs, pause))
    assert not fleet.letters, fleet.said
