"""The dead letters of a stack or of a folder, alike."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from scatterfetch.deadletters.details import with_details
from scatterfetch.deadletters.letters import Letter, letters
from scatterfetch.deadletters.local import dead_targets
from scatterfetch.jobs.folder import Folder

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack


def found_letters(
    place: "Folder | Stack", job: str | None, report: Callable[[str, int], None]
) -> Iterator[Letter]:
    """Yield the letters of all jobs or of one; `report` is told as by `letters`."""
    return dead_targets(place, job) if isinstance(place, Folder) else letters(place, job, report)


def detailed(place: "Folder | Stack", found: Iterable[Letter]) -> Iterator[Letter]:
    """Yield the letters with the details of their targets, which those of a folder have."""
    return iter(found) if isinstance(place, Folder) else with_details(place.data, found)
