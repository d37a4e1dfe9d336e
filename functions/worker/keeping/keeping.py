"""Which pages of a batch are kept, and the file that they are kept in."""

from hashlib import blake2b
from uuid import uuid4

from functions.worker.keeping.archive import Archive, Exchanged
from functions.worker.politeness.profiles import without_values
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.keep_spec import KeepSpec
from shared.keys import pages_key
from shared.messages import Batch
from shared.outcomes import Kept
from shared.spec import Spec
from shared.store import Bucket

MAX_BYTES = 64_000_000
"""Of a file; what is left of its batch goes into a later one. The file is sent at the end of the
batch, in the seconds that a worker keeps free for commits."""


class Keeping:
    """
    Args:
        spec: Of the job.
        batch: The batch.
    """

    def __init__(self, spec: Spec, batch: Batch) -> None:
        self._spec = spec
        # Another name each time that somebody works on the batch: the committed lines lead to the
        # file that was made with them, whoever was there before or comes later.
        self._key = pages_key(batch.job, batch.batch, uuid4().hex[:12])
        self._job = batch.job
        self._archive: Archive | None = None

    @property
    def size(self) -> int:
        """The bytes on the disk so far."""
        return 0 if self._archive is None else self._archive.size

    @property
    def has_room(self) -> bool:
        """Whether there may be more."""
        return self.size < MAX_BYTES

    def keep(
        self,
        page: FetchedPage,
        sent: Request,
        *,
        kind: str | None,
        failed: bool,
        no_match: bool,
        at: float,
    ) -> Kept | None:
        """
        Keep a page, if the spec says so; return where it is.

        Args:
            page: The page.
            sent: The request that it is the answer to, with all its headers.
            kind: Of the page.
            failed: Whether nothing could be made of it.
            no_match: Whether the spec has found nothing on it.
            at: When it was there, in epoch seconds.

        Raises:
            StorageError: it could not be written.
        """
        if not self._wants(page.url, kind, failed=failed, no_match=no_match):
            return None
        if self._archive is None:
            name = self._key.rpartition("/")[2]
            self._archive = Archive(name, {"software": "scatterfetch", "isPartOf": self._job})
        came = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in page.headers
        )
        question = sent._replace(headers=without_values(sent.headers, self._spec))
        span = self._archive.add(Exchanged(question, page, without_values(came, self._spec), at))
        return Kept(self._key, *span)

    def save(self, data: Bucket) -> None:
        """
        Write the file, if anything was kept. What refers to it comes after that.

        Raises:
            StorageError: it could not be written.
        """
        if self._archive is not None:
            data.put_versioned(self._key, self._archive.file())

    def close(self) -> None:
        """Forget what is on the disk."""
        if self._archive is not None:
            self._archive.close()

    def _wants(self, url: str, kind: str | None, *, failed: bool, no_match: bool) -> bool:
        spec = keep_of(self._spec, kind)
        if spec is None:
            return False
        told = {"all": True, "failed": failed, "no_match": no_match}
        return any(
            told[choice] if isinstance(choice, str) else _share(url) < choice
            for choice in spec.choices
        )


def keeping(spec: Spec, batch: Batch) -> Keeping | None:
    """Return what keeps pages of a batch; None where the spec keeps none."""
    return Keeping(spec, batch) if spec.keeps_pages else None


def keep_of(spec: Spec, kind: str | None) -> KeepSpec | None:
    """Return what is kept of pages of a kind."""
    found = None if kind is None else spec.pages.get(kind)
    return spec.keep if found is None or found.keep is None else found.keep


def _share(url: str) -> float:
    """Return a number from 0 to 1 that is always the same for a URL."""
    return int.from_bytes(blake2b(url.encode(), digest_size=6).digest()) / 2**48
