"""The shortcut for a batch of one spelling: all but a few messages have just the fields of the first one.

Rules: the proof is by counting, with the reader's help. A message without a null among n known columns has
at least n keys; when there are n keys for each such message, none has a key twice or an unknown
one. The reader takes nothing but numbers for a numeric column; when there are as many strings as
other cells, each of them is a string (in text without arrays). The few odd messages are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from topics.cells import Cells, read_lines
from topics.fields import NUMERIC, Field, Kind
from topics.lines import KEY_END, QUOTE, Bools, Ints, Lines, mostly
from topics.tokens import amounts

BARE = NUMERIC | {Kind.MONEY}  # kinds whose values may stand without quotes


@dataclass(frozen=True, slots=True)
class Paid:
    """The money of messages: units by field, in which messages all is sure, how many strings each has."""

    units: dict[str, Ints]
    sure: Bools
    strings: Ints


def read_uniform(lines: Lines, flat: Bools, fields: tuple[Field, ...]) -> Cells | None:
    """Read the messages of one spelling; `None` when they are too few, or the proof fails."""
    present = _present(lines, flat, fields)
    if not present or b"[" in lines.text:  # the strings of an array would be counted as values
        return None
    alike = _alike(lines, flat, len(present))
    if not mostly(int(np.count_nonzero(alike)), alike.size):
        return None
    lines = lines.only(alike)
    frame = read_lines(lines.text, present, lines.starts.size)
    if frame is None:
        return None
    paid = _paid(lines, present)
    sure = paid.sure & _full(frame)
    if not mostly(int(np.count_nonzero(sure)), sure.size) or not _proven(lines, sure, present, paid):
        return None
    columns = [*frame, *(pl.Series(name, units) for name, units in paid.units.items())]
    rows, frame = np.flatnonzero(alike), pl.DataFrame(columns)
    if not sure.all():
        rows, frame = rows[sure], frame.filter(pl.Series(sure))
    return Cells(rows, frame, {}, nothing_else=True)


def _present(lines: Lines, flat: Bools, fields: tuple[Field, ...]) -> list[Field]:
    """Name the fields of the first flat message; empty when a required one lacks, or a text is none."""
    row = int(np.argmax(flat))
    first = lines.text[lines.starts[row] : lines.ends[row]]
    present = [field for field in fields if f'"{field.name}":'.encode() in first]
    if not all(field in present for field in fields if field.required):
        return []
    bare = sum(field.kind in BARE for field in present)
    quotes = 4 * len(present) - 2 * bare
    return present if quotes <= first.count(b'"') <= quotes + 2 * bare else []


def _alike(lines: Lines, flat: Bools, keys: int) -> Bools:
    """Flag the messages that are flat and have this many keys; perhaps others, when the sum is right."""
    if flat.all() and lines.count_pairs(KEY_END) == keys * flat.size:
        return flat
    alike: Bools = flat & (lines.counts_of(lines.keys) == keys)
    return alike


def _paid(lines: Lines, present: list[Field]) -> Paid:
    """Read the money of messages."""
    size = lines.starts.size
    paid = Paid({}, np.ones(size, np.bool_), np.zeros(size, np.int64))
    names = [field.name for field in present if field.kind is Kind.MONEY]
    for name in names:
        keys = lines.keys[lines.spelled(lines.keys, f'"{name}"'.encode())]
        rows, values = lines.rows_of(keys), lines.values_at(keys)
        units, sure = np.zeros(size, np.int64), np.zeros(size, np.bool_)
        units[rows], sure[rows] = amounts(lines, values)
        paid.units[name] = units
        paid.sure[~sure] = False
        paid.strings[rows] += lines.codes[values] == QUOTE
    return paid


def _full(frame: pl.DataFrame) -> Bools:
    """Flag the rows without a null."""
    full = np.ones(frame.height, np.bool_)
    for column in frame:
        if column.null_count():
            full &= column.is_not_null().to_numpy()
    return full


def _proven(lines: Lines, sure: Bools, present: list[Field], paid: Paid) -> bool:
    """Whether the sure messages have no more keys than cells, and a string for each cell of text."""
    keys, quotes = lines.count_pairs(KEY_END), lines.count(QUOTE)
    for row in np.flatnonzero(~sure).tolist():
        message = lines.text[lines.starts[row] : lines.ends[row]]
        keys -= message.count(KEY_END)
        quotes -= message.count(b'"')
    rows = int(np.count_nonzero(sure))
    texts = sum(field.kind not in BARE for field in present)
    strings = rows * texts + int(paid.strings[sure].sum())
    return keys == rows * len(present) and quotes == 2 * keys + 2 * strings
