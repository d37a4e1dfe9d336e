"""What a spec demands of values: bounds, a pattern, one of a few."""

from collections.abc import Callable
from typing import Any

from shared.expressions import compile_regex
from shared.extract_spec import FieldSpec

Check = Callable[[Any], str | None]


def compile_check(field: FieldSpec, path: str) -> Check | None:
    checks: list[tuple[str, Callable[[Any], bool]]] = []
    smallest, largest = field.min, field.max
    if smallest is not None:
        checks.append(("min", lambda value: _comparable(value, smallest) >= smallest))
    if largest is not None:
        checks.append(("max", lambda value: _comparable(value, largest) <= largest))
    if field.pattern is not None:
        matches = compile_regex(field.pattern, f"{path}.pattern")
        checks.append(("pattern", matches.fits))
    if field.enum:
        checks.append(("enum", lambda value: value in field.enum))
    if not checks:
        return None

    def check(value: Any) -> str | None:  # noqa: ANN401
        for name, holds in checks:
            if not holds(value):
                return name
        return None

    return check


def _comparable(value: Any, bound: float | str) -> Any:  # noqa: ANN401
    # Of a date with its time, the day counts.
    return value[:10] if isinstance(bound, str) else value
