"""What earlier runs have left for the next job of a scraper: its memory, and what healthy is."""

from collections.abc import Collection, Iterator
from pathlib import Path

from functions.dispatcher.names import job_name, scraper_name
from functions.worker.remembering.part import DamagedMemoryError, Part
from scatterfetch.lists.specs import spec_of
from scatterfetch.lists.url_list import UrlList
from shared.keys import last_jobs_folder, memory_folder, results_key


def memory_keys(folder: Path, lists: Collection[UrlList]) -> list[str]:
    """Return the keys of what is kept for jobs of `lists`, and of the results with the rows."""
    specs = [(scraper_name(job_name(one.key)), spec_of(one)) for one in lists]
    scrapers = {scraper for scraper, spec in specs if spec.memory}
    keys: dict[str, None] = {}
    for scraper in sorted({scraper for scraper, spec in specs if spec.expect}):
        for path in sorted((folder / last_jobs_folder(scraper)).glob("*.json")):
            keys[path.relative_to(folder).as_posix()] = None
    for scraper in sorted(scrapers):
        for path in sorted((folder / memory_folder(scraper)).glob("[0-9]*")):
            keys[path.relative_to(folder).as_posix()] = None
            keys |= dict.fromkeys(_results(path))
    return [key for key in keys if (folder / key).is_file()]


def _results(path: Path) -> Iterator[str]:
    try:
        for _, entry in Part(path.read_bytes()):
            yield results_key(entry.line.job, entry.line.batch)
    except DamagedMemoryError:
        return  # whoever reads it next says so
