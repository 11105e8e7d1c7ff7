"""A joined batch of messages looked at as bytes: which of them a columnar JSON reader surely reads right.

Rules: a message is sure only when it begins with `{"`, ends with `}`, has no escape and the spacing that
serialisers write (`"key":value` or `"key": value`), no known key twice, every required key, and each value
of a token class that its field takes (so nothing nested). In JSON without escapes every `"` begins or
ends a string, so every key ends with `":`. Whether the text is JSON at all is left to the reader,
which must refuse what is not. Doubt costs time, never truth: the doubtful are decoded one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from topics.fields import MAX_BYTES, NUMERIC, Field, Kind
from topics.strict import is_utf8

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PAD = b"\n" * 64  # before and after the text, so that no look back (a key) or ahead (a number) leaves it
BLOCK = 1 << 18  # bytes looked at at once: a larger scratch array costs more page faults than work
LONGEST_WHOLE = 18  # digits and sign of an integer: always fits into 64 bits
LONGEST_NUMBER = 23  # digits, sign and point of any number: one byte less than three words
QUOTE, SPACE, OPEN, CLOSE, NULL = b'" {}n'
DOUBTFUL = b"\\\t\r"  # escapes, and spacing that no serialiser writes
NOT_ASCII = 0x80
LITERALS = np.frombuffer(b"tfn", np.uint8)
ENDS = np.frombuffer(b",} \n", np.uint8)


@dataclass(frozen=True, slots=True)
class Lines:
    """Messages joined by newlines: the text, its bytes, and where each message starts and ends."""

    text: bytes
    codes: Bytes
    starts: Ints
    ends: Ints

    def rows_of(self, at: Ints) -> Ints:
        """Give the message that each position lies in; positions ascend and lie in messages."""
        first = np.searchsorted(at, self.starts)
        return np.repeat(np.arange(self.starts.size), np.diff(first, append=at.size))

    def words_at(self, at: Ints) -> npt.NDArray[np.uint64]:
        """Read the eight bytes that begin at each position as one little-endian word."""
        words: npt.NDArray[np.uint64] = np.ndarray(self.codes.size - 7, "<u8", self.codes, strides=(1,))
        return words[at]

    def pairs(self, pair: bytes) -> Ints:
        """Find two bytes that follow each other; ascending positions of the first."""
        found = [np.flatnonzero(half) * 2 + start for start, half in self._halves(pair)]
        at = np.concatenate(found)
        at.sort(kind="stable")
        return at

    def count_pairs(self, pair: bytes) -> int:
        """Count two bytes that follow each other."""
        return sum(int(np.count_nonzero(half)) for _, half in self._halves(pair))

    def count(self, code: int) -> int:
        """Count one byte."""
        blocks = range(0, self.codes.size, BLOCK)
        return sum(int(np.count_nonzero(self.codes[start : start + BLOCK] == code)) for start in blocks)

    def not_ascii(self) -> Ints:
        """Find the bytes of no ASCII character; ascending positions."""
        blocks = range(0, self.codes.size, BLOCK)
        return np.concatenate(
            [np.flatnonzero(self.codes[at : at + BLOCK] >= NOT_ASCII) + at for at in blocks]
        )

    def _halves(self, pair: bytes) -> Iterator[tuple[int, Bools]]:
        """Compare the text with two bytes at every second position from each start, block by block."""
        code = int.from_bytes(pair, "little")
        for block in range(0, self.codes.size - 1, BLOCK):
            for start in (block, block + 1):
                stop = min(start + BLOCK, self.codes.size)
                even = self.codes[start : stop - (stop - start) % 2]
                yield start, even.view("<u2") == code


@dataclass(frozen=True, slots=True)
class Scan:
    """What the bytes tell.

    `sure` has one flag a message, `present` names the known fields that occur, `integers` flags for
    each time field the messages where it is a bare integer.
    """

    sure: Bools
    present: list[Field]
    integers: dict[str, Bools]


@dataclass(frozen=True, slots=True)
class Keys:
    """Every `":` of the text: its position, the eight bytes up to it, where its value begins and how."""

    lines: Lines
    at: Ints
    rows: Ints
    tails: npt.NDArray[np.uint64]
    value_at: Ints
    first: Bytes


def lines_of(values: list[bytes]) -> Lines:
    """Join messages, one a line."""
    text = b"\n".join([PAD, *values, PAD])
    sizes = np.fromiter(map(len, values), np.int64, len(values))
    ends = np.cumsum(sizes + 1) + len(PAD)
    return Lines(text, np.frombuffer(text, np.uint8), ends - sizes, ends)


def flat_rows(lines: Lines) -> Bools:
    """Flag the messages that look like an object without escapes or odd spacing, in UTF-8."""
    codes, starts, ends = lines.codes, lines.starts, lines.ends
    sure: Bools = (codes[starts] == OPEN) & (codes[starts + 1] == QUOTE) & (codes[ends - 1] == CLOSE)
    sure &= ends - starts <= MAX_BYTES
    for code in DOUBTFUL:
        if code in lines.text:
            sure[lines.rows_of(np.flatnonzero(codes == code))] = False
    if lines.count_pairs(b'" '):
        sure[lines.rows_of(lines.pairs(b'" '))] = False
    if not (lines.text.isascii() or is_utf8(lines.text)):
        for row in np.unique(lines.rows_of(lines.not_ascii())).tolist():
            sure[row] &= is_utf8(lines.text[starts[row] : ends[row]])
    return sure


def uniform(lines: Lines, fields: tuple[Field, ...]) -> list[Field]:
    """Name the fields of a batch if all its messages may have just those of the first one, as strings.

    The proof is the reader's: when it finds no null in these columns, no message has a key twice or an
    unknown one (there are no more keys than cells), nor a value that is no string (there are as many
    strings as keys and cells).
    Empty when the batch is not of that kind; asks for one that is flat throughout.
    """
    first = lines.text[lines.starts[0] : lines.ends[0]]
    present = [field for field in fields if f'"{field.name}":'.encode() in first]
    keys = lines.starts.size * len(present)
    required = all(field in present for field in fields if field.required)
    as_counted = lines.count_pairs(b'":') == keys and lines.count(QUOTE) == 4 * keys
    plain = not any(field.kind in NUMERIC or field.kind is Kind.MONEY for field in present)
    arrays = b"[" in lines.text  # their strings would be counted as values
    return present if required and plain and as_counted and not arrays else []


def scan(lines: Lines, fields: tuple[Field, ...], flat: Bools) -> Scan:
    """Tell which of the flat messages are sure, and what they hold."""
    sure = flat.copy()
    keys = _keys(lines)
    unknown = np.ones(keys.at.size, np.bool_)
    present: list[Field] = []
    integers: dict[str, Bools] = {}
    found = 0
    for field in fields:
        hits = _find(keys, field.name) if found < keys.at.size else np.empty(0, np.int64)
        if hits.size:
            present.append(field)
            unknown[hits] = False
            found += hits.size
        rows = keys.rows[hits]
        _once(sure, rows, field)
        whole = _judge(keys, hits, rows, field, sure)
        if field.kind is Kind.TIME:
            integers[field.name] = whole
    if found < keys.at.size:
        _doubt_unknown(keys, np.flatnonzero(unknown & (keys.first != QUOTE)), sure)
    return Scan(sure, present, integers)


def _keys(lines: Lines) -> Keys:
    at = lines.pairs(b'":')
    spaced = lines.codes[at + 2] == SPACE
    value_at = at + 2 + spaced
    return Keys(lines, at, lines.rows_of(at), lines.words_at(at - 7), value_at, lines.codes[value_at])


def _find(keys: Keys, name: str) -> Ints:
    """Find a key by its last eight bytes, then by the eight before them, and so on."""
    pattern = f'"{name}"'.encode()
    tail = pattern[-8:]
    shift = np.uint64(8 * (8 - len(tail)))
    hits = np.flatnonzero((keys.tails >> shift) == int.from_bytes(tail, "little"))
    for stop in range(len(pattern) - 8, 0, -8):
        part = pattern[max(0, stop - 8) : stop]
        shift = np.uint64(8 * (8 - len(part)))
        words = keys.lines.words_at(keys.at[hits] - (len(pattern) - stop) - 7)
        hits = hits[(words >> shift) == int.from_bytes(part, "little")]
    return hits


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
    if field.kind is Kind.MONEY:
        sure[rows] = False
        return integers
    first = keys.first[hits]
    bare = first != QUOTE
    if field.kind in NUMERIC:
        sure[rows[~bare]] = False
    if bare.any():
        whole, number = _numbers(keys.lines, keys.value_at[hits[bare]])
        fits = first[bare] == NULL
        if field.kind is Kind.NUMBER:
            fits |= number
        elif field.kind not in {Kind.TEXT, Kind.ANY}:
            fits |= whole
        sure[rows[bare][~fits]] = False
        integers[rows[bare][whole]] = True
    return integers


def _doubt_unknown(keys: Keys, bare: Ints, sure: Bools) -> None:
    """Doubt the messages with an unknown field that holds something nested or an unusual number."""
    _, number = _numbers(keys.lines, keys.value_at[bare])
    harmless = number | np.isin(keys.first[bare], LITERALS)
    sure[keys.rows[bare[~harmless]]] = False


def _numbers(lines: Lines, at: Ints) -> tuple[Bools, Bools]:
    """Tell which bare tokens are short integers, and which are short numbers without an exponent."""
    words = np.stack([lines.words_at(at), lines.words_at(at + 8), lines.words_at(at + 16)], axis=1)
    text = words.view(np.uint8)
    digits = (text - 48) < 10  # noqa: PLR2004 - unsigned: below "0" wraps to something large
    body = digits | (text == ord("-")) | (text == ord("."))
    size = np.argmin(body, axis=1)
    number = (size > 0) & np.isin(text[np.arange(at.size), size], ENDS)
    pointed = ((text == ord(".")) & (np.arange(LONGEST_NUMBER + 1) < size[:, None])).any(axis=1)
    minus_zero = (text[:, 0] == ord("-")) & (text[:, 1] == ord("0"))
    return number & ~pointed & ~minus_zero & (size <= LONGEST_WHOLE), number
