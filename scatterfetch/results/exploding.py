"""Rows with a list in them: a record for each of its elements."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from scatterfetch.results.files import some_of
from shared.errors import InvalidJobError

Row: TypeAlias = dict[str, Any]


def exploded(row: Row, explode: str | None) -> Iterator[list[tuple[str, Any]]]:
    """Yield the values of `row` by name, once for each element of the field `explode`."""
    if explode is None:
        yield list(row.items())
        return
    value = row.get(explode)
    for element in value if isinstance(value, list) else [value]:
        if element is None:
            continue
        values = []
        for name, other in row.items():
            if name != explode:
                values.append((name, other))
            elif isinstance(element, dict):
                # In the place of the field, so that columns keep their order.
                values += [(f"{name}.{key}", part) for key, part in element.items()]
            else:
                values.append((name, element))
        yield values


def explodable(rows: Iterable[Row]) -> str | None:
    """
    Return the field whose elements are what the rows are about: the only one, and a list.

    That is a job for links, or for any other list: a table with a cell full of JSON for each page
    would be of no use.
    """
    only: str | None = None
    for row in rows:
        if len(row) != 1 or (only is not None and only not in row):
            return None
        [(name, value)] = row.items()
        if isinstance(value, list):
            only = name
        elif value is not None:
            return None
    return only


def check_field(rows: Iterable[Row], name: str) -> None:
    """
    Raises:
        InvalidJobError: no row has the field `name`.
    """
    known: list[str] = []
    for row in rows:
        if name in row:
            return
        known = known or list(row)
    if known:
        raise InvalidJobError(f"no row has the field {name!r}; the first one has {some_of(known)}")
