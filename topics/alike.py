"""The shortcut for messages spelled alike: cut at their quotes, as one table of text.

Rules: an object whose keys and values are all strings, without escapes, is a row of columns with `"` between
them: `{`, a key, `:`, a value, `,`, a key … A flat message is read here when each of its columns but the
values is that of the first one. As that is such an object, so is this, and nothing else needs a proof. The
few odd messages are left out; batches with numbers or nulls, or of many spellings, are for other readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import IO, Any, Literal, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import csv

from topics.cells import Cells
from topics.fields import NUMERIC, Field, Kind
from topics.lines import Bools, Ints, Lines, mostly

MOST_COLUMNS = 4 * 100 + 1
COLONS, COMMAS = frozenset((b":", b": ")), frozenset((b",", b", "))
TEXTS = frozenset(Kind) - NUMERIC - {Kind.MONEY}
Steps = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Spelling:
    """The columns of a message, and for each key the number of the column that holds its value."""

    columns: list[bytes]
    values: dict[bytes, int]


def read_alike(lines: Lines, flat: Bools, fields: tuple[Field, ...]) -> Cells | None:
    """Read the flat messages that are spelled as the first of them; `None` when they are too few."""
    first = int(np.argmax(flat))
    spelling = _spelling(lines.text[lines.starts[first] : lines.ends[first]])
    if spelling is None or not _fits(spelling, fields):
        return None
    found = _cut(lines.only(flat), len(spelling.columns))
    if found is None:
        return None
    table, rows = found
    same = _same(table, spelling)
    if not same.all():
        table, rows = table.filter(pa.array(same)), rows[same]
    columns = [
        pl.Series(field.name, pl.from_arrow(table.column(spelling.values[field.name.encode()])))
        for field in fields
        if field.name.encode() in spelling.values
    ]
    cells = Cells(np.flatnonzero(flat)[rows], pl.DataFrame(columns), {})
    return cells if mostly(rows.size, flat.size) else None


def _spelling(message: bytes) -> Spelling | None:
    """Take a message apart; `None` when it is no object of strings, or has a key twice."""
    columns = message.split(b'"', MOST_COLUMNS)
    keys = columns[1::4]
    right = columns[0] == b"{" and columns[-1] == b"}" and len(columns) == 4 * len(keys) + 1
    right = right and COLONS.issuperset(columns[2::4]) and COMMAS.issuperset(columns[4:-1:4])
    values = {key: 4 * number + 3 for number, key in enumerate(keys)}
    once = len(values) == len(keys) and b"" not in values
    return Spelling(columns, values) if right and once else None


def _fits(spelling: Spelling, fields: tuple[Field, ...]) -> bool:
    """Whether each field may be what it is here: absent, or a string."""
    here = [field.name.encode() in spelling.values for field in fields]
    return all(
        field.kind in TEXTS if there else not field.required
        for field, there in zip(fields, here, strict=True)
    )


def _cut(lines: Lines, columns: int) -> tuple[pa.Table, Ints] | None:
    """Cut messages at their quotes: a table, and which messages have that many columns; `None`: too few."""
    begin, end = int(lines.starts[0]), int(lines.ends[-1]) + 1
    text = pa.py_buffer(lines.text).slice(begin, end - begin)
    read = csv.ReadOptions(use_threads=False, block_size=text.size + 1, autogenerate_column_names=True)
    odd = Odd(lines.starts.size)
    parse = csv.ParseOptions(
        delimiter='"',
        quote_char=False,
        double_quote=False,
        ignore_empty_lines=False,
        invalid_row_handler=odd.skip,
    )
    try:
        table = csv.read_csv(cast(IO[bytes], pa.BufferReader(text)), read, parse, _all_text(columns))
    except pa.ArrowInvalid:
        return None
    rows = np.delete(np.arange(odd.of), odd.rows)
    return (table, rows) if (table.num_rows, table.num_columns) == (rows.size, columns) else None


@cache
def _all_text(columns: int) -> csv.ConvertOptions:
    types = {f"f{number}": pa.string() for number in range(columns)}
    return csv.ConvertOptions(column_types=types, check_utf8=False, strings_can_be_null=False)


class Odd:
    """The messages, of so many, that have another number of columns."""

    def __init__(self, of: int) -> None:
        self.of = of
        self.rows: list[int] = []

    def skip(self, row: csv.InvalidRow) -> Literal["skip", "error"]:
        """Leave a message out, or give up when they are many."""
        self.rows.append(int(row.number or 0) - 1)
        return "skip" if mostly(self.of - len(self.rows), self.of) else "error"


def _same(table: pa.Table, spelling: Spelling) -> Bools:
    """Flag the rows in which every column but the values is that of the spelling."""
    same = np.ones(table.num_rows, np.bool_)
    steps = np.arange(table.num_rows + 1, dtype=np.int32)
    for number in set(range(len(spelling.columns))) - set(spelling.values.values()):
        column, text = table.column(number), spelling.columns[number]
        if not _constant(column, text, steps):
            same &= pc.equal(column, pa.scalar(text, pa.binary()).cast(pa.string())).to_numpy()
    return same


def _constant(column: pa.ChunkedArray[Any], text: bytes, steps: Steps) -> bool:
    """Whether every cell of a column is this text: the cells lie end to end in one buffer."""
    if column.num_chunks != 1:
        return False
    _, ends, cells = column.chunks[0].buffers()
    assert ends is not None  # noqa: S101  text always has them
    same = np.array_equal(np.frombuffer(memoryview(ends), np.int32, steps.size), steps * np.int32(len(text)))
    return same and cells is not None and cells.equals(pa.py_buffer(text * int(steps[-1])))
