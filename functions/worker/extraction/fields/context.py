"""What a field must know of the others of its spec."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.choice import Want, Wanted
from functions.worker.extraction.structured.json_ld import json_ld
from functions.worker.extraction.structured.microdata import microdata
from functions.worker.extraction.structured.nodes import Path
from shared.expressions import compile_path
from shared.extract_spec import ExtractSpec, FieldSpec, SourceSpec

FORMS: dict[str, Callable[[Document], list[Any]]] = {"jsonld": json_ld, "microdata": microdata}
_Alternatives = Sequence[tuple[FieldSpec, Sequence[SourceSpec]]]
"""Fields, and which sources each of them has."""


@dataclass(frozen=True)
class Context:
    """What a source must know of the others that read the same page, or the same part of it."""

    shared: set[str]
    """The selectors that more than one of them uses."""
    wanted: dict[str, Wanted]
    """The paths of those that want one value, by the kind of data."""
    rows: str | None
    """What a row is of: `css`, or a kind of data; None: the page is the row, or it is a part."""
    in_row: bool = False
    """Whether what is read is a part of the row, and not of the page."""
    alternatives: _Alternatives = ()
    steps: dict[Any, Any] = attribute(default_factory=dict)
    """What opens the parts that are read behind `then`: one for all who read the same part."""

    def is_of_row(self, source: SourceSpec) -> bool:
        """Tell whether what `source` finds is another in each row."""
        if self.rows == "css":
            return source.is_of_elements or source.xpath is not None
        return self.in_row or (self.rows is not None and getattr(source, self.rows) is not None)

    def behind(self, source: SourceSpec) -> "Context":
        """Return what those who read what `source` finds must know of each other."""
        key = first_step(source)
        others = [
            (field, [one.then for one in sources if one.then and first_step(one) == key])
            for field, sources in self.alternatives
        ]
        inner = [(field, sources) for field, sources in others if sources]
        return Context(
            set(),
            {kind: _wanted(inner, kind) for kind in FORMS},
            None,
            in_row=self.is_of_row(source),
            alternatives=inner,
        )


def first_step(source: SourceSpec) -> SourceSpec:
    """Return `source` alone, so that those that find the same are equal."""
    return SourceSpec(
        **{name: getattr(source, name) for name in SourceSpec.__struct_fields__ if name != "then"}
    )


def _wanted(alternatives: _Alternatives, kind: str) -> Wanted:
    wants = [
        Want(
            tuple(path_in(source, kind) for source in sources if getattr(source, kind) is not None),
            takes_objects=field.type == "json"
            or any(source.then and source.then.jmespath for source in sources),
        )
        for field, sources in alternatives
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
    alternatives = [(field, field.any or (field,)) for field in spec.fields.values()]
    wanted = {kind: _wanted(alternatives, kind) for kind in FORMS}
    return Context(shared, wanted, spec.row_kind, alternatives=alternatives)
