"""What a table must know of its jobs: how much is missing, and which fields are dates."""

from collections.abc import Iterable, Iterator, Mapping

from scatterfetch.jobs.place import Data
from shared.extract_spec import FieldSpec
from shared.keys import job_prefix
from shared.ledger import ledger_of
from shared.manifest import Manifest
from shared.receipts import RECEIPT_END
from shared.spec import Spec


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
    """Return the fields, carried ones too, that the spec of any job says are dates."""
    return frozenset(
        name
        for manifest in manifests
        for fields in _fields(manifest.spec)
        for name, field in fields.items()
        if field.type == "date"
    )


def _fields(spec: Spec) -> Iterator[Mapping[str, FieldSpec]]:
    for extract in spec.extracts:
        yield extract.fields
    for follow in (spec.follow, *(kind.follow for kind in spec.pages.values())):
        yield from (links.carry for links in follow)
