"""The quick way: the messages of a batch that are surely good, read as columns.

Rules: a message is taken only when every check that `topics.strict` makes is known to pass and the
columnar reader is known to give the same cells; all others are left to `topics.strict`. Nothing is
rejected here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from topics import times
from topics.alike import read_alike
from topics.cells import Cells, read_lines, schema
from topics.fields import COLUMN, Field, Fields, Kind
from topics.lines import Bools, Ints, Lines, flat_rows, lines_of, tight_rows
from topics.parsed import read_parsed
from topics.scan import Scan, scan
from topics.strict import NUMBER_LIMIT, is_json
from topics.uniform import read_uniform

TOO_FEW = 200  # messages whose columns cost more than a full parse of each
FEW = 128  # messages that are read one by one for less than what the columns of a parser cost


@dataclass(frozen=True, slots=True)
class Sure:
    """The surely good messages: their indexes (ascending), and a column for each field of the struct.

    `complete` flags those that surely have no field but these.
    """

    rows: Ints
    frame: pl.DataFrame
    complete: Bools


def read_sure(fields: Fields, time: str | None, values: Sequence[bytes | None], arrived_ms: Ints) -> Sure:
    """Read what is surely good; times are epoch ms, under their fields' names."""
    if any(field.kind is Kind.FLAG for field in fields.all):  # few messages, of people
        return Sure(np.empty(0, np.int64), _frame(fields, 0, {}), np.empty(0, np.bool_))
    if len(values) <= TOO_FEW:
        return _judged(fields, time, read_parsed(fields, values, np.arange(len(values))), arrived_ms)
    found = _judged(fields, time, _read(fields, lines_of(values)), arrived_ms)
    if len(values) - found.rows.size <= FEW:
        return found
    doubtful = np.ones(len(values), np.bool_)
    doubtful[found.rows] = False
    more = _judged(fields, time, read_parsed(fields, values, np.flatnonzero(doubtful)), arrived_ms)
    return _together(found, more) if more.rows.size else found


def _together(one: Sure, other: Sure) -> Sure:
    rows = np.concatenate([one.rows, other.rows])
    order = np.argsort(rows)
    complete = np.concatenate([one.complete, other.complete])
    return Sure(rows[order], pl.concat([one.frame, other.frame])[order], complete[order])


def _judged(fields: Fields, time: str | None, cells: Cells, arrived_ms: Ints) -> Sure:
    columns, good = _judge(fields, cells)
    if time is not None and cells.rows.size:
        good &= columns[time].to_numpy() - times.AHEAD_MS <= arrived_ms[cells.rows]
    rows = cells.rows
    if not good.all():
        rows, kept = rows[good], pl.Series(good)
        columns = {name: column.filter(kept) for name, column in columns.items()}
    complete = np.full(rows.size, cells.nothing_else)
    return Sure(rows, _frame(fields, rows.size, columns), complete)


def _read(fields: Fields, lines: Lines) -> Cells:
    """Read the messages whose cells the columnar reader surely gets right."""
    flat = flat_rows(lines)
    cells = None
    if flat.any():
        cells = read_alike(lines, flat, fields.all)
    if cells is not None:
        return cells
    flat &= tight_rows(lines)
    if flat.any():
        cells = read_uniform(lines, flat, fields.all)
    if cells is not None:
        return cells
    seen = scan(lines, fields.all, flat)
    cells = _read_rows(lines, seen.sure, seen)
    if cells is None:
        for row in np.flatnonzero(seen.sure).tolist():
            seen.sure[row] = _is_line(lines.text[lines.starts[row] : lines.ends[row]])
        cells = _read_rows(lines, seen.sure, seen)
    if cells is None:
        return Cells(np.empty(0, np.int64), pl.DataFrame(schema=schema(seen.present)), {})
    return cells


def _read_rows(lines: Lines, sure: Bools, seen: Scan) -> Cells | None:
    rows = np.flatnonzero(sure)
    frame = read_lines(lines.only(sure).text, seen.present, rows.size)
    if frame is None:
        return None
    paid = [column[rows].rename(name) for name, column in seen.paid.items()]
    integers = {name: flags[rows] for name, flags in seen.integers.items() if flags.any()}
    return Cells(rows, pl.DataFrame([*frame, *paid]), integers)


def _is_line(message: bytes) -> bool:
    return is_json(message) and b"\n" not in message


def _judge(fields: Fields, cells: Cells) -> tuple[dict[str, pl.Series], Bools]:
    """Make the columns that differ from the cells read, and flag the events that pass every check."""
    columns = {column.name: column for column in cells.frame}
    good = np.ones(cells.rows.size, np.bool_)
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
            columns[field.name], fine = _times(column, cells.integers.get(field.name))
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
        if name not in columns:
            lacking[:] = True
        elif columns[name].null_count():
            lacking |= columns[name].is_null().to_numpy()
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
        return _blank(field).new_from_index(0, height)
    return column if field.blank is None else column.fill_null(field.blank)


@cache
def _blank(field: Field) -> pl.Series:
    return pl.Series(field.name, [field.blank], COLUMN[field.kind])
