"""The columns of a table, and what values they hold: what is known when all was read once."""

from dataclasses import dataclass, field
from enum import Flag, auto

from msgspec import inspect

from scatterfetch.results.table import Table
from shared.errors import InvalidJobError
from shared.outcomes import Outcome

MAX_COLUMNS = 10_000
_EXACT = 2**53  # up to which a float holds every integer; Excel knows floats only
_INT64 = 2**63


class Kinds(Flag):
    """What values a column has been seen to hold."""

    BOOLEAN = auto()
    INTEGER = auto()
    LONG = auto()
    """An integer of 64 bits that a float does not hold."""
    NUMBER = auto()
    TEXT = auto()
    LIST = auto()
    JSON = auto()
    """What has no type of its own in a table."""


_NONE = Kinds(0)
NUMBERS = Kinds.INTEGER | Kinds.NUMBER


@dataclass
class Column:
    """The kinds of its values; of those of the elements, where values are lists."""

    values: Kinds = _NONE
    items: Kinds = _NONE

    def add(self, value: object) -> None:
        self.values |= kind_of(value)
        if isinstance(value, list):
            for item in value:
                self.items |= kind_of(item)


def kind_of(value: object) -> Kinds:  # noqa: PLR0911 -- a table
    match value:
        case None:
            return _NONE
        case bool():
            return Kinds.BOOLEAN
        case int() if abs(value) <= _EXACT:
            return Kinds.INTEGER
        case int() if -_INT64 <= value < _INT64:
            return Kinds.LONG
        case float():
            return Kinds.NUMBER
        case str():
            return Kinds.TEXT
        case list():
            return Kinds.LIST
        case _:
            return Kinds.JSON


@dataclass
class Survey:
    """What the first pass finds: the columns in order of appearance, and how many records."""

    columns: dict[str, Column] = field(default_factory=dict)
    records: int = 0


def survey(table: Table) -> Survey:
    """
    Read `table` for its columns.

    Those of outcomes are known, and the same for all jobs, whatever their values happen to be.

    Raises:
        InvalidJobError: there are more than `MAX_COLUMNS`.
    """
    text = ["job"] if table.with_job else []
    text += [] if table.outcomes else ["url", "fetched_at"]
    found = Survey({name: Column(Kinds.TEXT) for name in text})
    if table.outcomes:
        found.columns |= _outcome_columns()
    columns = found.columns
    for record in table.records():
        found.records += 1
        if table.outcomes:
            continue
        for name, value in record.items():
            column = columns.get(name)
            if column is None:
                if len(columns) == MAX_COLUMNS:
                    raise InvalidJobError(
                        f"the rows have more than {MAX_COLUMNS:,} different fields, {name!r} of "
                        f"{record['url']} among them; --format jsonl does without columns"
                    )
                column = columns[name] = Column()
            column.add(value)
    return found


def _outcome_columns() -> dict[str, Column]:
    info = inspect.type_info(Outcome)
    assert isinstance(info, inspect.StructType)
    return {found.name: _declared(found.type) for found in info.fields if found.name != "rows"}


def _declared(kind: inspect.Type) -> Column:
    match kind:
        case inspect.UnionType():
            [kind] = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
            return _declared(kind)
        case inspect.VarTupleType() | inspect.ListType():
            return Column(Kinds.LIST, _declared(kind.item_type).values)
        case inspect.IntType():
            return Column(Kinds.INTEGER)
        case inspect.FloatType():
            return Column(Kinds.NUMBER)
        case inspect.StrType() | inspect.EnumType():
            return Column(Kinds.TEXT)
        case _:
            return Column(Kinds.JSON)
