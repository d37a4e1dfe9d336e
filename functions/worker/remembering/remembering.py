"""What a batch has to do with what is remembered of its scraper."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from functions.worker.extraction.kinds import Kinds
from functions.worker.remembering.basis import Bases
from functions.worker.remembering.memory import Memory
from functions.worker.remembering.note import note
from functions.worker.remembering.recollection import Aside, Recollection
from functions.worker.remembering.sweep import Sweep
from shared.errors import Reason
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import FINAL, CommittedLine, Kind, RememberedLine
from shared.receipts import swept_key
from shared.remember_spec import RememberSpec
from shared.store import Bucket

_GONE = {404, 410}
_HAD = {Reason.DUPLICATE, Reason.SAME_REDIRECT, Reason.NOINDEX}


class Remembering:
    """
    Args:
        manifest: Of the job.
        remember: Of its spec.
        batch: The batch.
        data: The data bucket.
    """

    def __init__(
        self, manifest: Manifest, remember: RememberSpec, batch: Batch, data: Bucket
    ) -> None:
        self._manifest = manifest
        self._remember = remember
        self._batch = batch
        self._data = data
        self._memory = Memory(data, manifest.scraper, batch.partition)

    @property
    def damaged(self) -> int:
        """Objects that could not be read, and were made anew."""
        return self._memory.damaged

    def recollection(self, kinds: Kinds, aside: Aside) -> Recollection:
        """Return what its targets were in the job before; see `Recollection`."""
        bases = Bases(kinds, self._manifest.spec, self._remember)
        return Recollection(self._memory, bases, self._remember.watch, aside)

    def note(self, read: Callable[[], Iterable[RememberedLine]]) -> Counter[str]:
        """Write what has changed, and what the next job is to know; see `note`."""
        return note(
            self._data,
            self._memory,
            self._batch,
            read,
            list_id=self._list_id,
            key_of=self._key_of,
            watch=self._remember.watch,
        )

    def lost(
        self, lines: Iterable[CommittedLine], targets: Mapping[int | str, Target]
    ) -> tuple[int, int]:
        """Return how many targets were lost that lead to others, and how many in all."""
        kinds = Kinds(self._manifest.spec)
        leads = pages = 0
        for line in lines:
            if line.outcome in FINAL and not _was_had(line):
                target = targets[line.id]
                follows = kinds.reading(kinds.kind_of(line.url, target.page)).follow
                leads += bool(follows) or kinds.is_sitemap(target)
                pages += 1
        return leads, pages

    def sweep(self, now: float) -> Counter[str]:
        """Write what is gone; see `sweep`."""
        started = datetime.fromisoformat(self._manifest.created_at).timestamp()
        sweep = Sweep(
            self._memory, self._batch, self._remember, self._list_id, started=started, now=now
        )
        return sweep.run(self._data)

    @property
    def _list_id(self) -> str:
        return self._manifest.list_id

    def _key_of(self, kind: str | None) -> tuple[str, ...]:
        """Return the columns of the key of the rows of a page kind."""
        spec = self._manifest.spec
        if kind is None:
            return () if spec.parser is not None else spec.extract.key_columns
        found = spec.pages.get(kind)
        extract = None if found is None or found.parser is not None else found.extracts
        return () if extract is None else extract.key_columns


def _was_had(line: CommittedLine) -> bool:
    """Tell whether it is known of a target what is there, or that nothing is."""
    if line.outcome is Kind.SCRAPED:
        return not any(problem.is_no_match for problem in line.problems)
    return line.status in _GONE or line.reason in _HAD


def remembering(manifest: Manifest | None, batch: Batch, data: Bucket) -> Remembering | None:
    """Return what a batch has to do with what is remembered; None where nothing is."""
    remember = None if manifest is None else manifest.spec.memory
    if manifest is None or remember is None:
        return None
    return Remembering(manifest, remember, batch, data)


def swept(of: Remembering | None, batch: Batch, data: Bucket, now: float) -> Mapping[str, int]:
    """
    Look for what is gone in the partition of a batch, and say that it is done; return the counts.

    `of` is what the batch has to do with it; None where nobody can look. `now` is in epoch seconds.
    """
    counts = of.sweep(now) if of is not None else Counter[str]()
    data.put_new(swept_key(batch.job, batch.partition, counts), b"")
    return counts
