"""What must fit together in a windowed flow: topic, aggregates and tables, compared by name and type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from docs.tables import ADDED, COLUMN, DDL, TABLE
from models.aggregates import Aggregate
from topics.decode import EVENT_TIME, schema_of
from topics.fields import fields_of
from topics.topic import Topic
from verify.tables import keys
from windows.cell import Cell
from windows.cutting import Cutting

Columns = dict[str, str]
SAMPLES: dict[Any, Any] = {pl.String: "some", pl.Int64: 1, pl.Float64: 1.5}
STORES = {  # what a column of rows may be stored as
    pl.String: {"String", "LowCardinality(String)"},
    pl.UInt64: {"UInt64"},
    pl.Int64: {"Int64", "Nullable(Int64)"},
    pl.UInt32: {"UInt32"},
    pl.Float64: {"Float64", "Nullable(Float64)"},
    pl.Datetime: {"DateTime('UTC')"},
    pl.Decimal: {"Decimal(18, 4)"},
    pl.List(pl.UInt16): {"Array(UInt16)"},
    pl.List(pl.UInt64): {"Array(UInt64)"},
}
UPSERTS = re.compile(
    r"\A[^;]*\nENGINE = ReplacingMergeTree\(version\)\nPARTITION BY toYYYYMM\(window_start\)\n"
    r"[^;]*\nSETTINGS non_replicated_deduplication_window = 1000;"
)
WINDOW = {"window_seconds", "window_start"}


def texts() -> str:
    """Give all of sinks/ddl."""
    return "\n".join(file.read_text() for file in sorted(DDL.glob("[0-9]*.sql")))


def stored() -> dict[str, Columns]:
    """Give every table's columns and their types."""
    bodies = {name: body.splitlines() for name, body in TABLE.findall(texts())}
    found = {name: [COLUMN.match(line) for line in lines if line] for name, lines in bodies.items()}
    made = {name: {column[1]: column[2] for column in columns if column} for name, columns in found.items()}
    for table, column, kind in ADDED.findall(texts()):
        made[table][column] = kind
    return made


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
    if odd := {*keys()[table]} ^ ({*aggregate.by} | WINDOW):
        names = ", ".join(sorted(odd))
        yield f"{table} is ordered by {names} and {aggregate.table} not keyed by it, or the reverse"
    if not UPSERTS.search(texts().split(f"IF NOT EXISTS {table}\n")[1]):
        yield f"{table} does not keep the highest version of a row: copy engine, partition and settings"
    try:
        rows, without = _rows(topic, aggregate, SAMPLES), _rows(topic, aggregate, {})
    except PolarsError as error:
        yield f"{aggregate.table} asks for what {topic.name} has not: {error}"
        return
    yield from _differences(rows, columns, table)
    for name in without.columns:
        if without[name].null_count() and not columns.get(name, "Nullable").startswith("Nullable"):
            yield f"{table}.{name} is {columns[name]}, but null when no event has it: make it Nullable"


def _rows(topic: Topic, aggregate: Aggregate, optional: dict[Any, Any]) -> pl.DataFrame:
    """Fold one made-up event of the topic, with these values in optional fields, into a row."""
    schema, must = schema_of(topic), {field.name for field in fields_of(topic.event).all if field.required}
    values = {
        name: [(SAMPLES if name in must or name == EVENT_TIME else optional).get(kind.base_type())]
        for name, kind in schema.items()
    }
    event = pl.DataFrame(values, schema=schema)
    assert len([*Cutting([aggregate]).cut(event, [10], {})]) <= 1
    everything = replace(aggregate, where=None)
    ((_, _, partial),) = Cutting([everything]).cut(event, [10], {})
    cell = Cell(everything, partial.start_ms)
    cell.fold(partial)
    return cell.changed_rows(10, 0)


def _differences(rows: pl.DataFrame, columns: Columns, table: str) -> Iterator[str]:
    for name in sorted({*rows.columns} ^ {*columns}):
        where = f"is no column of {table}" if name in rows.columns else "is given by no term"
        yield f"{name} {where}"
    for name, kind in rows.schema.items():
        if (
            name in columns
            and columns[name] not in STORES[kind if isinstance(kind, pl.List) else kind.base_type()]
        ):
            yield f"{table}.{name} is {columns[name]}, its rows are {kind}"
