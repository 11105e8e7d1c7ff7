"""A batch of messages as one text, a line each, and quick looks at all its bytes at once.

Rules: positions are those of `codes`, ascending. The text is padded, so that no look back (a key) or ahead
(a number) leaves it. What is said here of JSON holds for text without escapes: every `"` in it begins or
ends a string, so every key ends with `":`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt

from topics.fields import MAX_BYTES
from topics.strict import is_utf8

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PAD = b"\n" * 64
BLOCK = 1 << 18  # bytes looked at at once: a larger scratch array costs more page faults than work
QUOTE, SPACE, OPEN, CLOSE = b'" {}'
MOSTLY = 0.95  # share of a batch that must be of one spelling; each of the others costs some microseconds
KEY_END = b'":'
ESCAPE = ord("\\")
CONTROLS = 0x20  # bytes below: in no string of JSON, and as spacing in no serialiser's output
NOT_ASCII = 0x80


@dataclass(frozen=True)
class Lines:
    """Messages joined by newlines: the text, its bytes, and where each message starts and ends."""

    text: bytes
    codes: Bytes
    starts: Ints
    ends: Ints

    @cached_property
    def keys(self) -> Ints:
        """Where keys end: at the quote before a colon."""
        return self.pairs(KEY_END)

    def rows_of(self, at: Ints) -> Ints:
        """Give the message that each position lies in; positions ascend and lie in messages."""
        return np.repeat(np.arange(self.starts.size), self.counts_of(at))

    def counts_of(self, at: Ints) -> Ints:
        """Count the positions in each message; they ascend and lie in messages."""
        return np.diff(np.searchsorted(at, self.starts), append=at.size)

    def only(self, kept: Bools) -> Lines:
        """Leave the other messages out."""
        if kept.all():
            return self
        out = np.flatnonzero(~kept)
        begins = [self.starts[0], *(self.ends[out] + 1).tolist()]
        stops = [*self.starts[out].tolist(), self.ends[-1] + 1]
        runs = [self.text[begin:stop] for begin, stop in zip(begins, stops, strict=True)]
        return _lines(b"".join([PAD, b"\n", *runs, PAD]), (self.ends - self.starts)[kept])

    def words_at(self, at: Ints) -> npt.NDArray[np.uint64]:
        """Read the eight bytes that begin at each position as one little-endian word."""
        words: npt.NDArray[np.uint64] = np.ndarray(self.codes.size - 7, "<u8", self.codes, strides=(1,))
        return words[at]

    def spelled(self, at: Ints, text: bytes) -> Ints:
        """Give the indexes of those positions where this text ends (its last byte stands there)."""
        hits: Ints = np.arange(at.size)
        for stop in range(len(text), 0, -8):
            part = text[max(0, stop - 8) : stop]
            shift = np.uint64(8 * (8 - len(part)))
            words = self.words_at(at[hits] - (len(text) - stop) - 7)
            hits = hits[(words >> shift) == int.from_bytes(part, "little")]
        return hits

    def bytes_at(self, at: Ints, size: int) -> npt.NDArray[np.void]:
        """Read so many bytes from each position on; a quick way for sizes that are no power of two."""
        places = self.codes.size - size + 1
        every: npt.NDArray[np.void] = np.ndarray(places, f"V{size}", self.codes, strides=(1,))
        return every[at]

    def begins_with(self, at: Ints, text: bytes) -> Bools:
        """Flag the positions where this text begins."""
        last = self.codes.size - len(text)
        here = self.bytes_at(np.minimum(at, last), len(text))
        if here.tobytes() == text * at.size:
            return at <= last
        same = here.view(np.uint8).reshape(-1, len(text)) == np.frombuffer(text, np.uint8)
        begins: Bools = same.all(axis=1) & (at <= last)
        return begins

    def values_at(self, keys: Ints) -> Ints:
        """Give where the values begin whose keys end at these positions."""
        values: Ints = keys + 2 + (self.codes[keys + 2] == SPACE)
        return values

    def pairs(self, pair: bytes) -> Ints:
        """Find two bytes that follow each other; ascending positions of the first."""
        hits = self.codes[:-1] == pair[0]
        hits &= self.codes[1:] == pair[1]
        return np.flatnonzero(hits)

    def count_pairs(self, pair: bytes) -> int:
        """Count two bytes that follow each other."""
        return sum(int(np.count_nonzero(half)) for _, half in self._halves(pair))

    def count(self, code: int) -> int:
        """Count one byte."""
        blocks = range(0, self.codes.size, BLOCK)
        return sum(int(np.count_nonzero(self.codes[start : start + BLOCK] == code)) for start in blocks)

    def count_below(self, code: int) -> int:
        """Count the bytes below one."""
        blocks = range(0, self.codes.size, BLOCK)
        return sum(int(np.count_nonzero(self.codes[start : start + BLOCK] < code)) for start in blocks)

    def controls(self) -> Ints:
        """Find the control characters within messages."""
        at = np.flatnonzero(self.codes < CONTROLS)
        rows = np.searchsorted(self.starts, at, side="right") - 1
        within: Ints = at[(rows >= 0) & (at < self.ends[rows])]
        return within

    def not_ascii(self) -> Ints:
        """Find the bytes of no ASCII character."""
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


def lines_of(values: Sequence[bytes | None]) -> Lines:
    """Join messages, one a line; a tombstone or a message that is too long is an empty line."""
    found = cast(Sequence[bytes], values)
    try:
        sizes = np.fromiter(map(len, found), np.int64, len(values))
    except TypeError:  # asking each of them whether it is a tombstone would cost as much again
        found = [value or b"" for value in values]
        sizes = np.fromiter(map(len, found), np.int64, len(values))
    if sizes.max(initial=0) > MAX_BYTES:
        found = [value if len(value) <= MAX_BYTES else b"" for value in found]
        sizes = np.where(sizes <= MAX_BYTES, sizes, 0)
    return _lines(b"\n".join([PAD, *found, PAD]), sizes)


def _lines(text: bytes, sizes: Ints) -> Lines:
    ends = np.cumsum(sizes + 1) + len(PAD)
    return Lines(text, np.frombuffer(text, np.uint8), ends - sizes, ends)


def mostly(some: int, of: int) -> bool:
    """Whether so many messages are enough for a shortcut."""
    return some > MOSTLY * of


def flat_rows(lines: Lines) -> Bools:
    """Flag the messages that look like an object without escapes, in UTF-8."""
    codes, starts, ends = lines.codes, lines.starts, lines.ends
    flat: Bools = (codes[starts] == OPEN) & (codes[starts + 1] == QUOTE) & (codes[ends - 1] == CLOSE)
    flat &= ends - starts <= MAX_BYTES
    if ESCAPE in lines.text:
        flat[lines.rows_of(np.flatnonzero(codes == ESCAPE))] = False
    if lines.count_below(CONTROLS) > starts.size + 1 + 2 * len(PAD):  # more than the newlines between
        for row in np.unique(lines.rows_of(lines.controls())).tolist():
            flat[row] = False
    if not (lines.text.isascii() or is_utf8(lines.text)):
        for row in np.unique(lines.rows_of(lines.not_ascii())).tolist():
            flat[row] &= is_utf8(lines.text[starts[row] : ends[row]])
    return flat


def tight_rows(lines: Lines) -> Bools:
    """Flag the messages without a space after a quote: none before a colon or comma, then."""
    tight = np.ones(lines.starts.size, np.bool_)
    if lines.count_pairs(b'" '):
        tight[lines.rows_of(lines.pairs(b'" '))] = False
    return tight
