"""What must fit together in a windowed flow: topic, aggregates and tables, compared by name and type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from docs.tables import COLUMN, DDL, TABLE
from models.aggregates import Aggregate
from topics.decode import schema_of
from topics.topic import Topic
from verify.tables import keys
from windows.cell import Cell
from windows.partials import cut, evaluate

Columns = dict[str, str]
SAMPLES: dict[Any, Any] = {pl.String: "some", pl.Int64: 1, pl.Float64: 1.5}
STORES = {  # what a column of rows may be stored as
    pl.String: {"String", "LowCardinality(String)"},
    pl.UInt64: {"UInt64"},
    pl.Int64: {"Int64"},
    pl.UInt32: {"UInt32"},
    pl.Float64: {"Float64", "Nullable(Float64)"},
    pl.Datetime: {"DateTime('UTC')"},
    pl.Decimal: {"Decimal(18, 4)"},
}
WINDOW = {"window_seconds", "window_start"}


def stored() -> dict[str, Columns]:
    """Give every table's columns and their types."""
    text = "\n".join(file.read_text() for file in sorted(DDL.glob("[0-9]*.sql")))
    bodies = {name: body.splitlines() for name, body in TABLE.findall(text)}
    found = {name: [COLUMN.match(line) for line in lines if line] for name, lines in bodies.items()}
    return {name: {column[1]: column[2] for column in columns if column} for name, columns in found.items()}


def faults(topic: Topic, aggregates: Sequence[Aggregate]) -> list[str]:
    """Name everything that does not fit; empty when the flow is well wired."""
    return [fault for aggregate in aggregates for fault in _faults(topic, aggregate)]


def _faults(topic: Topic, aggregate: Aggregate) -> Iterator[str]:
    table = f"{aggregate.table}_upserts"
    columns = stored().get(table)
    if columns is None:
        yield f"no file of sinks/ddl creates {table}"
        return
    if "game_id" not in aggregate.by:
        yield f"{aggregate.table} is not kept apart by game_id"
    if {*keys()[table]} != {*aggregate.by} | WINDOW:
        yield f"{table} is ordered by other columns than those that key {aggregate.table}, and the window's"
    try:
        rows = _rows(topic, aggregate)
    except PolarsError as error:
        yield f"{aggregate.table} asks for what {topic.name} has not: {error}"
        return
    yield from _differences(rows, columns, table)


def _rows(topic: Topic, aggregate: Aggregate) -> pl.DataFrame:
    """Fold one made-up event of the topic into a row, whatever the aggregate takes."""
    schema = schema_of(topic)
    event = pl.DataFrame({name: [SAMPLES[kind.base_type()]] for name, kind in schema.items()}, schema=schema)
    (found,) = evaluate([aggregate], event)
    assert found.taken is None or found.taken.dtype == bool
    everything = Aggregate(aggregate.table, aggregate.by, aggregate.terms)
    (columns,) = evaluate([everything], event)
    (partial,) = cut(columns, 10, None)
    cell = Cell(everything, partial.start_ms)
    cell.fold(partial)
    return cell.changed_rows(10, 0)


def _differences(rows: pl.DataFrame, columns: Columns, table: str) -> Iterator[str]:
    for name in sorted({*rows.columns} ^ {*columns}):
        where = f"is no column of {table}" if name in rows.columns else "is given by no term"
        yield f"{name} {where}"
    for name, kind in rows.schema.items():
        if name in columns and columns[name] not in STORES[kind.base_type()]:
            yield f"{table}.{name} is {columns[name]}, its rows are {kind}"
