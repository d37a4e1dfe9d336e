"""Parquet, with the types that the columns have."""

from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import msgspec

from scatterfetch.results.cells import text_of
from scatterfetch.results.columns import INSTANTS, NUMBERS, TEXTS, Column, Kinds
from scatterfetch.results.moments import moment_of
from scatterfetch.results.table import Record

_ROW_GROUP_BYTES = 32 * 1024 * 1024  # of records in memory, for one row group


def write_parquet(columns: Mapping[str, Column], records: Iterable[Record], file: BinaryIO) -> None:
    import pyarrow as pa  # noqa: PLC0415 -- optional
    from pyarrow import parquet  # noqa: PLC0415

    scalars = {
        "bool": pa.bool_(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "text": pa.string(),
        "date": pa.date32(),
        "time": pa.timestamp("us"),
        "instant": pa.timestamp("us", tz="UTC"),
    }
    types: dict[str, Any] = {}
    mixed, moments = set(), set()
    for name, column in columns.items():
        is_list = column.values is Kinds.LIST
        kind = _scalar(column.items if is_list else column.values)
        if kind is None:
            mixed.add(name)
            types[name] = pa.string()
        else:
            types[name] = pa.list_(scalars[kind]) if is_list else scalars[kind]
            if kind in {"date", "time", "instant"}:
                moments.add(name)
    schema = pa.schema(types.items())

    def values(group: list[Record], name: str) -> list[object]:
        found = [record.get(name) for record in group]
        if name in moments:
            return [_moment(value) for value in found]
        if name not in mixed:
            return found
        return [None if value is None else text_of(value) for value in found]

    def flush(group: list[Record]) -> None:
        arrays = [pa.array(values(group, name), type_) for name, type_ in types.items()]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[Record] = []
        size = 0
        for record in records:
            group.append(record)
            size += len(msgspec.json.encode(record)) + 8 * len(types)
            if size > _ROW_GROUP_BYTES:
                flush(group)
                group, size = [], 0
        if group:
            flush(group)


def _moment(value: object) -> object:
    if isinstance(value, list):
        return [_moment(item) for item in value]
    return moment_of(value) if isinstance(value, str) else None


def _scalar(kinds: Kinds) -> str | None:  # noqa: PLR0911 -- a table
    """Return the type of a column of Parquet that holds such values, or None if only JSON does."""
    if kinds is Kinds.DATE:
        return "date"
    if kinds is Kinds.TIME:
        return "time"
    if kinds and not kinds & ~INSTANTS:
        return "instant"
    if not kinds & ~TEXTS:
        return "text"
    if kinds is Kinds.BOOLEAN:
        return "bool"
    if not kinds & ~(Kinds.INTEGER | Kinds.LONG):
        return "int64"
    if not kinds & ~NUMBERS:
        return "double"
    return None
