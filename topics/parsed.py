"""The messages that only a full JSON parser reads: with escapes, nested values, unusual spacing or numbers.

Rules: a message is taken when its values have the usual JSON types and nothing about it is for
`topics.strict` alone to judge (a NUL, a long integer or `-0` where text is kept as written, deep nesting);
then its cells are those that `topics.strict` reads. Values are judged later, with those of all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
import numpy as np
import polars as pl

from topics import money
from topics.cells import Cells
from topics.fields import ABSENT, COLUMN, MAX_BYTES, Fields, Kind
from topics.lines import Bools, Ints
from topics.rejects import Reason
from topics.strict import MAX_DEPTH, QUOTE, is_utf8

NUL = b"\\u0000"
LONG = 10**18  # integers of this size and more are left to others
Value = str | int | float | msgspec.Raw | None
Column = tuple[Value, ...]
Read = tuple[Sequence[str | int | float | None], Bools]  # cells, and which of them are sure


def read_parsed(fields: Fields, values: Sequence[bytes | None], rows: Ints) -> Cells:
    """Read those of some messages (ascending indexes) whose values have the usual types."""
    parsed = {row: event for row in rows.tolist() if (event := _parse(fields, values[row])) is not None}
    sure, integers = np.ones(len(parsed), np.bool_), dict[str, Bools]()
    columns = []
    for field, column in zip(fields.all, zip(*parsed.values(), strict=True), strict=False):
        if field.kind is Kind.TIME:
            integers[field.name] = np.array([type(value) is int for value in column])
        cells, fine = READERS[field.kind](column)
        sure &= fine
        dtype = pl.String() if field.kind is Kind.TIME else COLUMN[field.kind]
        found = pl.Series(field.name, cells, dtype)
        if field.required or found.null_count() < len(found):
            columns.append(found)
    frame = pl.DataFrame(columns)
    taken = np.fromiter(parsed, np.int64, len(parsed))
    if sure.all():
        return Cells(taken, frame, integers)
    kept = {name: flags[sure] for name, flags in integers.items()}
    return Cells(taken[sure], frame.filter(pl.Series(sure)), kept)


def _parse(fields: Fields, value: bytes | None) -> Column | None:
    if not value or len(value) > MAX_BYTES or NUL in value or not (value.isascii() or is_utf8(value)):
        return None
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH:
        return None
    try:
        return msgspec.structs.astuple(fields.typed.decode(value))
    except (msgspec.DecodeError, RecursionError):
        return None


def _same(column: Column) -> Read:
    return cast(Sequence[str | int | float | None], column), np.ones(len(column), np.bool_)


def _texts(column: Column) -> Read:
    """Keep integers as they were written, where it is known how: `0` may have been `-0`."""
    cells = [str(value) if type(value) is int else value for value in column]
    sure = [type(value) is not int or 0 < abs(value) < LONG for value in column]
    return cast(list[str | None], cells), np.array(sure, np.bool_)


def _anything(column: Column) -> Read:
    """Give strings, and the JSON of all else."""
    cells = [_text(bytes(cast(msgspec.Raw, value))) for value in column]
    return cells, np.ones(len(cells), np.bool_)


def _units(column: Column) -> Read:
    """Read money."""
    texts = [_text(bytes(cast(msgspec.Raw, value))) for value in column]
    cells = [None if text is None else money.from_text(text) for text in texts]
    sure = np.array([not isinstance(cell, Reason) for cell in cells], np.bool_)
    return [None if isinstance(cell, Reason) else cell for cell in cells], sure


def _text(token: bytes) -> str | None:
    if token in NOTHING:
        return None
    return msgspec.json.decode(token, type=str) if token.startswith(QUOTE) else token.decode()


NOTHING = frozenset({bytes(ABSENT), b"null"})
READERS: dict[Kind, Callable[[Column], Read]] = {
    Kind.KEY: _texts,
    Kind.ID: _texts,
    Kind.TIME: _texts,
    Kind.TEXT: _same,
    Kind.WHOLE: _same,
    Kind.NUMBER: _same,
    Kind.MONEY: _units,
    Kind.ANY: _anything,
}
