"""The columns of a table, and what values they hold: what is known when all was read once."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, auto

from msgspec import inspect

from scatterfetch.results.moments import moment_of
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
    DATE = auto()
    """The text of a full date, in a column of dates. So are the next three."""
    TIME = auto()
    """Of a date and a time, in no time zone."""
    UTC_TIME = auto()
    ZONED_TIME = auto()
    """In any other time zone."""


_NONE = Kinds(0)
NUMBERS = Kinds.INTEGER | Kinds.NUMBER
INSTANTS = Kinds.UTC_TIME | Kinds.ZONED_TIME
TEXTS = Kinds.TEXT | Kinds.DATE | Kinds.TIME | INSTANTS


@dataclass
class Column:
    """The kinds of its values; of those of the elements, where values are lists."""

    values: Kinds = _NONE
    items: Kinds = _NONE
    dates: bool = False
    """Whether texts in it are looked at as dates."""

    def add(self, value: object) -> None:
        self.values |= self._kind_of(value)
        if isinstance(value, list):
            for item in value:
                self.items |= self._kind_of(item)

    def _kind_of(self, value: object) -> Kinds:
        return _date_kind(value) if self.dates and isinstance(value, str) else kind_of(value)


def _date_kind(text: str) -> Kinds:
    moment = moment_of(text)
    if moment is None:
        return Kinds.TEXT
    if not isinstance(moment, datetime):
        return Kinds.DATE
    offset = moment.utcoffset()
    if offset is None:
        return Kinds.TIME
    return Kinds.ZONED_TIME if offset else Kinds.UTC_TIME


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
    """What the first pass finds: the columns in their order, and how many records there are."""

    columns: dict[str, Column] = field(default_factory=dict)
    records: int = 0


def survey(table: Table) -> Survey:
    """
    Read `table` for its columns.

    Those of outcomes are known, and the same for all jobs, whatever their values happen to be.

    Raises:
        InvalidJobError: there are more than `MAX_COLUMNS`.
    """
    columns = {"job": Column(Kinds.TEXT)} if table.with_job else {}
    columns |= _outcome_columns() if table.outcomes else {"url": Column(Kinds.TEXT)}
    columns["fetched_at"] = Column(Kinds.UTC_TIME, dates=True)
    found = Survey(columns)
    for record in table.records():
        found.records += 1
        if table.outcomes:
            columns["fetched_at"].add(record["fetched_at"])
            continue
        for name, value in record.items():
            column = columns.get(name)
            if column is None:
                if len(columns) == MAX_COLUMNS:
                    raise InvalidJobError(
                        f"the rows have more than {MAX_COLUMNS:,} different fields, {name!r} of "
                        f"{record['url']} among them; --format jsonl does without columns"
                    )
                column = columns[name] = Column(dates=name in table.dates)
            column.add(value)
    if not table.outcomes:
        found.columns = {name: columns[name] for name in sorted(columns, key=table.position)}
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
