"""What a table must know of its jobs: how much is missing, and which fields are dates."""

from collections.abc import Iterable

from scatterfetch.jobs.place import Data
from shared.keys import job_prefix
from shared.ledger import ledger_of
from shared.manifest import Manifest
from shared.receipts import RECEIPT_END


def unfinished(data: Data, manifest: Manifest) -> str | None:
    """Say how much of a job has no outcome yet; None if it is complete."""
    keys = data.keys(job_prefix(manifest.job), end=RECEIPT_END)
    ledger = ledger_of(manifest, keys)
    if ledger.complete:
        return None
    if not ledger.targets:
        return "none of its URLs is known yet"
    left = ledger.targets - ledger.final.total()
    so_far = "" if ledger.fully_dispatched else "known so far "
    return f"{left:,} of {ledger.targets:,} URLs {so_far}have no final outcome yet"


def date_fields(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Return the fields that the spec of any job says are dates."""
    return frozenset(
        name
        for manifest in manifests
        for name, field in manifest.spec.extract.fields.items()
        if field.type == "date"
    )
