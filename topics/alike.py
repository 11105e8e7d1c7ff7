"""The shortcut for messages spelled alike: cut where the next value begins.

Rules: an object whose keys and values are all strings, without escapes, is its values with fixed text between
them: `{"`, a key, `":"`, a value, `","`, a key … A flat message is read here when that text is the one of the
first such message, and it has no more quotes than that text has. As the first is such an object, so is this,
and nothing else needs a proof. The few odd messages are left out; batches with numbers or nulls, or of many
spellings, are for other readers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from topics.cells import Cells
from topics.excerpts import LONGEST_TEXT, excerpts
from topics.fields import NUMERIC, Field, Kind
from topics.lines import QUOTE, Bools, Ints, Lines, mostly

MOST_COLUMNS = 4 * 100 + 1
COLONS, COMMAS = frozenset((b":", b": ")), frozenset((b",", b", "))
NEXT, LAST = b'",', b'"}'  # what a value ends with; within a value there is no quote
TEXTS = frozenset(Kind) - NUMERIC - {Kind.MONEY}


@dataclass(frozen=True, slots=True)
class Spelling:
    """The text before each value of a message, quotes and all, and the number of each key's value."""

    before: list[bytes]
    values: dict[bytes, int]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values of messages begin and end: for each value a column, with a row for each message."""

    begins: list[Ints]
    ends: list[Ints]

    def only(self, kept: Bools) -> Places:
        """Leave the other messages out."""
        return Places([at[kept] for at in self.begins], [at[kept] for at in self.ends])


def read_alike(lines: Lines, flat: Bools, fields: tuple[Field, ...]) -> Cells | None:
    """Read the flat messages that are spelled as the first of them; `None` when they are too few."""
    first = int(np.argmax(flat))
    spelling = _spelling(lines.text[lines.starts[first] : lines.ends[first]])
    if spelling is None or not _fits(spelling, fields) or len(lines.text) > LONGEST_TEXT:
        return None
    same, places = _cut(lines, flat, spelling)
    if not mostly(int(np.count_nonzero(same)), flat.size):
        return None
    fine = _unquoted(lines, same, 4 * len(spelling.before))
    if not fine.all():
        same[same] = fine
        places = places.only(fine)
    numbers = [(field.name, spelling.values.get(field.name.encode())) for field in fields]
    columns = [
        excerpts(name, lines, places.begins[number], places.ends[number])
        for name, number in numbers
        if number is not None
    ]
    ours = spelling.values.keys() <= {field.name.encode() for field in fields}
    return Cells(np.flatnonzero(same), pl.DataFrame(columns), {}, ours)


def _spelling(message: bytes) -> Spelling | None:
    """Take a message apart; `None` when it is no object of strings, or has a key twice."""
    columns = message.split(b'"', MOST_COLUMNS)
    keys = columns[1::4]
    right = columns[0] == b"{" and columns[-1] == b"}" and len(columns) == 4 * len(keys) + 1
    right = right and COLONS.issuperset(columns[2::4]) and COMMAS.issuperset(columns[4:-1:4])
    before = [b'"'.join([b"", *columns[at : at + 3], b""]) for at in range(0, len(columns) - 1, 4)]
    values = {key: number for number, key in enumerate(keys)}
    once = len(values) == len(keys) and b"" not in values
    return Spelling([before[0][1:], *before[1:]], values) if right and once else None


def _fits(spelling: Spelling, fields: tuple[Field, ...]) -> bool:
    """Whether each field may be what it is here: absent, or a string."""
    here = [field.name.encode() in spelling.values for field in fields]
    return all(
        field.kind in TEXTS if there else not field.required
        for field, there in zip(fields, here, strict=True)
    )


def _cut(lines: Lines, flat: Bools, spelling: Spelling) -> tuple[Bools, Places]:
    """Flag the flat messages with the text of a spelling, and give the places of their values.

    A message that has a value too many may make up for one that lacks it: then each is counted by itself.
    """
    nexts, wanted = lines.pairs(NEXT), len(spelling.before) - 1
    if flat.all() and nexts.size == wanted * flat.size:
        right, places = _placed(lines, flat, nexts, spelling)
        if right.all():
            return right, places
    counts = lines.counts_of(nexts)
    same = flat & (counts == wanted)
    right, places = _placed(lines, same, nexts[np.repeat(same, counts)], spelling)
    same[same] = right
    return same, places.only(right)


def _unquoted(lines: Lines, same: Bools, quotes: int) -> Bools:
    """Flag those of some messages, most of them, that have no more quotes than so many; none has less."""
    others = np.flatnonzero(~same)
    places = zip(lines.starts[others].tolist(), lines.ends[others].tolist(), strict=True)
    beside = sum(lines.text.count(QUOTE, start, end) for start, end in places)
    if lines.count(QUOTE) - beside == quotes * (same.size - others.size):
        return np.ones(same.size - others.size, np.bool_)
    fine: Bools = lines.counts_of(np.flatnonzero(lines.codes == QUOTE))[same] == quotes
    return fine


def _placed(lines: Lines, rows: Bools, nexts: Ints, spelling: Spelling) -> tuple[Bools, Places]:
    """Give the places of values by where `NEXT` stands; flag the messages with the right text between."""
    starts, last = lines.starts[rows], lines.ends[rows] - len(LAST)
    ends = [*np.ascontiguousarray(nexts.reshape(starts.size, len(spelling.before) - 1).T), last]
    begins, right = [], lines.codes[last] == QUOTE
    for before, stop, end in zip(spelling.before, [starts, *ends[:-1]], ends, strict=True):
        begins.append(stop + len(before))
        right &= (begins[-1] <= end) & lines.begins_with(stop, before)
    return right, Places(begins, ends)
