"""The messages of a batch looked at key by key: which of them the columnar JSON reader surely reads right.

Rules: a message is sure only when it is flat (`topics.lines`: begins with `{"`, ends with `}`, no escape, and
the spacing that serialisers write: `"key":value` or `"key": value`), has no known key twice, every required
key, and each value of a token class that its field takes (so nothing nested). Whether the text is JSON
at all is left to the reader, which must refuse what is not. Doubt costs time, never truth: the
doubtful are decoded one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from topics.fields import NUMERIC, Field, Kind
from topics.lines import QUOTE, Bools, Bytes, Ints, Lines
from topics.tokens import amounts, numbers

NULL = ord("n")
LITERALS = np.frombuffer(b"tfn", np.uint8)
TEXTS = frozenset({Kind.TEXT, Kind.ANY})


@dataclass(frozen=True, slots=True)
class Scan:
    """What the bytes tell.

    `sure` has one flag a message, `present` names the known fields that occur, `integers` flags for each
    field the messages where it is a bare integer, `paid` the columns of money.
    """

    sure: Bools
    present: list[Field]
    integers: dict[str, Bools]
    paid: dict[str, pl.Series]


@dataclass(frozen=True, slots=True)
class Keys:
    """Every `":` of the text: its position, the eight bytes up to it, where its value begins and how."""

    lines: Lines
    at: Ints
    rows: Ints
    tails: npt.NDArray[np.uint64]
    value_at: Ints
    first: Bytes


def scan(lines: Lines, fields: tuple[Field, ...], flat: Bools) -> Scan:
    """Tell which of the flat messages are sure, and what they hold."""
    seen = Scan(flat.copy(), [], {}, {})
    keys = _keys(lines)
    unknown = np.ones(keys.at.size, np.bool_)
    found = 0
    for field in fields:
        hits = _find(keys, field.name) if found < keys.at.size else np.empty(0, np.int64)
        if hits.size:
            seen.present.append(field)
            unknown[hits] = False
            found += hits.size
        rows = keys.rows[hits]
        _once(seen.sure, rows, field)
        if field.kind is Kind.MONEY and hits.size:
            seen.paid[field.name] = _pay(keys, hits, rows, seen.sure)
        elif hits.size:
            seen.integers[field.name] = _judge(keys, hits, rows, field, seen.sure)
    if found < keys.at.size:
        _doubt_unknown(keys, np.flatnonzero(unknown & (keys.first != QUOTE)), seen.sure)
    return seen


def rows_with_unknown(lines: Lines, fields: tuple[Field, ...]) -> Ints:
    """Give the messages with a key that is no field's, once or more often; asks for flat ones."""
    keys = _keys(lines)
    unknown = np.ones(keys.at.size, np.bool_)
    for field in fields:
        unknown[_find(keys, field.name)] = False
    return keys.rows[unknown]


def _keys(lines: Lines) -> Keys:
    at = lines.keys
    value_at = lines.values_at(at)
    return Keys(lines, at, lines.rows_of(at), lines.words_at(at - 7), value_at, lines.codes[value_at])


def _find(keys: Keys, name: str) -> Ints:
    """Find a key by its last eight bytes, then by all of it."""
    pattern = f'"{name}"'.encode()
    tail = pattern[-8:]
    shift = np.uint64(8 * (8 - len(tail)))
    hits = np.flatnonzero((keys.tails >> shift) == int.from_bytes(tail, "little"))
    return hits if tail == pattern else hits[keys.lines.spelled(keys.at[hits], pattern)]


def _once(sure: Bools, rows: Ints, field: Field) -> None:
    """Doubt the messages that have a key twice, or a required one not at all."""
    sure[rows[1:][rows[1:] == rows[:-1]]] = False
    if field.required and rows.size != sure.size:
        there = np.zeros(sure.size, np.bool_)
        there[rows] = True
        sure &= there


def _judge(keys: Keys, hits: Ints, rows: Ints, field: Field, sure: Bools) -> Bools:
    """Doubt the messages whose value is of another class than the field's; flag the bare integers."""
    integers = np.zeros(sure.size, np.bool_)
    first = keys.first[hits]
    bare = first != QUOTE
    if field.kind in NUMERIC:
        sure[rows[~bare]] = False
    if bare.any():
        whole, number = numbers(keys.lines, keys.value_at[hits[bare]])
        fits = first[bare] == NULL
        if field.kind is Kind.NUMBER:
            fits |= number
        elif field.kind not in TEXTS:
            fits |= whole
        sure[rows[bare][~fits]] = False
        integers[rows[bare][whole]] = True
    return integers


def _pay(keys: Keys, hits: Ints, rows: Ints, sure: Bools) -> pl.Series:
    """Read a column of money for all messages; doubt those whose amount is not sure."""
    null = keys.first[hits] == NULL
    units, fine = amounts(keys.lines, keys.value_at[hits])
    sure[rows[~(fine | null)]] = False
    column, paid = np.zeros(sure.size, np.int64), np.zeros(sure.size, np.bool_)
    column[rows], paid[rows] = units, ~null
    return pl.Series(column).set(pl.Series(~paid), None)


def _doubt_unknown(keys: Keys, bare: Ints, sure: Bools) -> None:
    """Doubt the messages with an unknown field that holds something nested or an unusual number."""
    _, number = numbers(keys.lines, keys.value_at[bare])
    harmless = number | np.isin(keys.first[bare], LITERALS)
    sure[keys.rows[bare[~harmless]]] = False
