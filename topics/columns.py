"""The quick way: the messages of a batch that are surely good, read as columns.

Rules: a message is taken only when every check that `topics.strict` makes is known to pass and the
columnar reader is known to give the same cells; all others are left to `topics.strict`. Nothing is
rejected here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PanicException, PolarsError

from topics import times
from topics.fields import COLUMN, Field, Fields, Kind
from topics.scan import flat_rows, lines_of, scan, uniform
from topics.strict import NUMBER_LIMIT, is_json

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Integers = dict[str, Bools]  # by time field: where the message has a bare integer


@dataclass(frozen=True, slots=True)
class Sure:
    """The surely good messages: their indexes (ascending), and a column for each field of the struct."""

    rows: Ints
    frame: pl.DataFrame


def read_sure(fields: Fields, time: str | None, values: Sequence[bytes | None], arrived_ms: Ints) -> Sure:
    """Read what is surely good; times are epoch ms, under their fields' names."""
    messages = [value or b"" for value in values]
    rows, cells, integers = _read(fields, messages)
    columns, good = _judge(fields, cells, integers)
    if time is not None and rows.size:
        good &= columns[time].to_numpy() - times.AHEAD_MS <= arrived_ms[rows]
    frame = _frame(fields, rows.size, columns)
    if good.all():
        return Sure(rows, frame)
    return Sure(rows[good], frame.filter(pl.Series(good)))


def _read(fields: Fields, messages: list[bytes]) -> tuple[Ints, pl.DataFrame, Integers]:
    """Read the sure messages: which they are, their cells (times as text), where times are bare integers."""
    lines = lines_of(messages)
    flat = flat_rows(lines)
    present = uniform(lines, fields.all) if messages and flat.all() else []
    if present:
        frame = _read_lines(lines.text, present, len(messages))
        if frame is not None and not any(column.null_count() for column in frame):
            return np.arange(len(messages)), frame, {}
    seen = scan(lines, fields.all, flat)
    del lines  # the text is joined again from the sure messages; two of them would double the peak
    rows = np.flatnonzero(seen.sure)
    frame = _read_rows(messages, rows, seen.present)
    if frame is None:
        rows = np.array([row for row in rows.tolist() if _is_line(messages[row])], np.int64)
        frame = _read_rows(messages, rows, seen.present)
    if frame is None:
        return np.empty(0, np.int64), pl.DataFrame(schema=_schema(seen.present)), {}
    return rows, frame, {name: flags[rows] for name, flags in seen.integers.items() if flags.any()}


def _read_rows(messages: list[bytes], rows: Ints, present: list[Field]) -> pl.DataFrame | None:
    return _read_lines(b"\n".join([messages[row] for row in rows.tolist()]), present, rows.size)


def _read_lines(text: bytes, present: list[Field], height: int) -> pl.DataFrame | None:
    """Read JSON objects, one a line; `None` when any of them is not."""
    try:
        frame = pl.read_ndjson(text, schema=_schema(present))
    except (PolarsError, PanicException):
        return None
    return frame if frame.height == height else None


def _schema(present: list[Field]) -> dict[str, pl.DataType]:
    return {field.name: pl.String() if field.kind is Kind.TIME else COLUMN[field.kind] for field in present}


def _is_line(message: bytes) -> bool:
    return is_json(message) and b"\n" not in message


def _judge(fields: Fields, cells: pl.DataFrame, integers: Integers) -> tuple[dict[str, pl.Series], Bools]:
    """Make the columns that differ from the cells read, and flag the events that pass every check."""
    columns = {column.name: column for column in cells}
    good = np.ones(cells.height, np.bool_)
    for field in fields.all:
        if field.name not in columns:
            continue
        column = columns[field.name]
        if field.required and column.null_count():
            good &= column.is_not_null().to_numpy()
        if field.kind is Kind.KEY:
            good &= ~_flags(column == "")
        elif field.kind is Kind.NUMBER:
            good &= ~_flags(column.abs() >= NUMBER_LIMIT)
            columns[field.name] = column.set(column == 0, 0.0)  # -0.0 too; polars takes `+ 0.0` for nothing
        elif field.kind is Kind.TIME:
            columns[field.name], fine = _times(column, integers.get(field.name))
            good &= fine
    _judge_needs(fields, columns, good)
    return columns, good


def _flags(column: pl.Series) -> Bools:
    return (column.fill_null(value=False) if column.null_count() else column).to_numpy()


def _times(texts: pl.Series, integers: Bools | None) -> tuple[pl.Series, Bools]:
    """Read a column of times; nulls stay null and pass."""
    if integers is None and not texts.null_count():
        ms, sure = times.from_texts(texts)
        return pl.Series(texts.name, ms), sure & _in_range(ms)
    absent = texts.is_null().to_numpy()
    integers = np.zeros(absent.size, np.bool_) if integers is None else integers
    written = ~absent & ~integers
    ms, sure = np.zeros(integers.size, np.int64), np.ones(integers.size, np.bool_)
    ms[written], sure[written] = times.from_texts(texts.filter(pl.Series(written)))
    ms[integers] = texts.filter(pl.Series(integers)).cast(pl.Int64).to_numpy()
    column = pl.Series(texts.name, ms)
    return column.set(pl.Series(absent), None), sure & _in_range(ms)


def _in_range(ms: Ints) -> Bools:
    return (ms >= times.EARLIEST_MS) & (ms <= times.LATEST_MS)


def _judge_needs(fields: Fields, columns: dict[str, pl.Series], good: Bools) -> None:
    """Clear the events that lack a field which their kind needs; give the others their blanks."""
    needs = fields.needs
    if needs is None or needs.on not in columns:
        return
    lacking = np.zeros(good.size, np.bool_)
    for name in needs.fields:
        lacking |= columns[name].is_null().to_numpy() if name in columns else True
    if not lacking.any():
        return
    kinds = columns[needs.on].fill_null("")
    good &= ~(lacking & (kinds.is_in(needs.types) | kinds.str.starts_with(needs.prefix)).to_numpy())
    if needs.owner in columns:
        owner, blank = (
            columns[needs.owner],
            columns.get(needs.blank, _nulls(needs.blank, pl.String(), good.size)),
        )
        columns[needs.blank] = blank.set(blank.is_null() & owner.is_not_null(), "")


def _nulls(name: str, dtype: pl.DataType, height: int) -> pl.Series:
    return pl.Series(name, [None], dtype).new_from_index(0, height)


def _frame(fields: Fields, height: int, columns: dict[str, pl.Series]) -> pl.DataFrame:
    """Put the columns into the struct's order, and the absent ones beside them."""
    return pl.DataFrame([_full(field, columns.get(field.name), height) for field in fields.all])


def _full(field: Field, column: pl.Series | None, height: int) -> pl.Series:
    if column is None:
        return pl.Series(field.name, [field.blank], COLUMN[field.kind]).new_from_index(0, height)
    return column if field.blank is None else column.fill_null(field.blank)
