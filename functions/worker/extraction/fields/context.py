"""What a field must know of the others of its spec."""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.choice import Want, Wanted
from functions.worker.extraction.structured.json_ld import json_ld
from functions.worker.extraction.structured.microdata import microdata
from functions.worker.extraction.structured.nodes import Path
from shared.expressions import compile_path
from shared.extract_spec import ExtractSpec, RowsSpec, SourceSpec

FORMS: dict[str, Callable[[Document], list[Any]]] = {"jsonld": json_ld, "microdata": microdata}


class Context(NamedTuple):
    """What a field must know of the others."""

    shared: set[str]
    """The selectors that more than one of them uses."""
    wanted: dict[str, Wanted]
    """The paths of those that want one value, by the kind of data."""
    rows: str | None
    """The kind of data whose objects are the rows; None: rows are elements or pages."""


def _wanted(spec: ExtractSpec, kind: str) -> Wanted:
    wants = [
        Want(
            tuple(
                path_in(source, kind)
                for source in field.any or (field,)
                if getattr(source, kind) is not None
            ),
            takes_objects=field.type == "json",
        )
        for field in spec.fields.values()
        if not field.many
    ]
    return Wanted(
        tuple(want for want in wants if want.paths),
        tuple(path for want in wants for path in want.paths),
    )


def path_in(source: SourceSpec, kind: str) -> Path:
    return compile_path(getattr(source, kind), f"extract.fields.{kind}")


def context_of(spec: ExtractSpec) -> Context:
    uses = Counter(source.css for _, source in spec.alternatives if source.css)
    shared = {css for css, count in uses.items() if count > 1}
    rows = spec.rows.named[0][0] if isinstance(spec.rows, RowsSpec) else None
    return Context(shared, {kind: _wanted(spec, kind) for kind in FORMS}, rows)
