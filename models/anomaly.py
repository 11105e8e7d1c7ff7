"""Anomalies in streams of numbers: each sample gets a score, and alarms open, get worse and are resolved.

Rules:
- A stream is one metric of one server; who calls numbers them from 0. Samples come in offset order.
- An answer depends on the samples of its own stream so far, never on how they were cut into batches,
  packed or numbered. Every stream takes the same small room, however long it is.
- A stream learns before it is scored. A sample without a value is skipped; one that is older than the
  newest by more than the stream's own interval is not scored and changes nothing.
- A stream has at most one open alarm. Its score stays low while it lasts, unless it gets worse.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.anomaly_fold import (
    ALARM,
    FLATLINE,
    LEARNING,
    MISSING,
    NO_KIND,
    NOTHING,
    OPENED,
    RESOLVED,
    SCORED,
    SHIFT,
    SPIKE,
    STALE,
    WORDS,
    WORSE,
    Codes,
    Floats,
    Ints,
    fold_samples,
)
from models.server_alarm import Change, Kind
from topics.errors import Broken

__all__ = [
    "ALARM", "CHANGES", "FLATLINE", "KINDS", "LEARNING", "MISSING", "NOTHING", "NO_KIND", "OPENED",
    "RESOLVED", "SCORED", "SHIFT", "SPIKE", "STALE", "WORSE", "Scored", "Streams",
]  # fmt: skip

KINDS = {SPIKE: Kind.SPIKE, SHIFT: Kind.SHIFT, FLATLINE: Kind.FLATLINE}
CHANGES = {OPENED: Change.OPENED, WORSE: Change.WORSE, RESOLVED: Change.RESOLVED}
FORMAT = b"anomaly1"


class Scored(NamedTuple):
    """What was found in each sample, row by row.

    score: 0-1, from `ALARM` on an alarm; verdict: SCORED, LEARNING, STALE, MISSING; kind: that of the alarm
    which is open (or resolved here), else NO_KIND; change: NOTHING, OPENED, WORSE, RESOLVED; low, high: the
    band expected before the sample was seen (NaN where there is none); since_ms: when what is wrong began;
    opened_ms: when the alarm opened (both epoch ms, 0 without an alarm).
    """

    score: Floats
    kind: Codes
    low: Floats
    high: Floats
    since_ms: Ints
    opened_ms: Ints
    change: Codes
    verdict: Codes


class Streams:
    """The states of all streams, numbered from 0."""

    def __init__(self, count: int = 0) -> None:
        self._state: Floats = np.zeros((count, WORDS))

    def __len__(self) -> int:
        return len(self._state)

    def grow(self, count: int) -> None:
        """Make room so that there are `count` streams at least; new ones have seen nothing."""
        if count > len(self):
            self._state = np.concatenate([self._state, np.zeros((count - len(self), WORDS))])

    def keep(self, streams: Ints) -> None:
        """Keep only these streams, in this order: the first of them is number 0 from now on."""
        self._state = self._state[streams]

    def score(self, stream: Ints, time_ms: Ints, value: Floats) -> Scored:
        """Score samples, in offset order; a stream may have several, NaN is no value.

        Raises:
            Broken: a stream's number is unknown.

        """
        if stream.size and not 0 <= int(stream.min()) <= int(stream.max()) < len(self):
            raise Broken(f"samples of streams {stream.min()}-{stream.max()}, but only {len(self)} are known")
        numbers = np.zeros((stream.size, 5))
        codes = np.zeros((stream.size, 3), np.int8)
        fold_samples(
            self._state,
            np.ascontiguousarray(stream, np.int64),
            np.ascontiguousarray(time_ms, np.int64),
            np.ascontiguousarray(value, np.float64),
            numbers,
            codes,
        )
        score, low, high, since, opened = numbers.T
        kind, change, verdict = codes.T
        return Scored(
            score, kind, low, high, since.astype(np.int64), opened.astype(np.int64), change, verdict
        )

    def pack(self) -> bytes:
        """Give all states as bytes."""
        return FORMAT + self._state.astype("<f8").tobytes()

    @classmethod
    def unpacked(cls, packed: bytes) -> Streams:
        """Give the streams that were packed.

        Raises:
            Broken: the bytes are of another format.

        """
        if packed[: len(FORMAT)] != FORMAT or (len(packed) - len(FORMAT)) % (8 * WORDS):
            raise Broken("the packed states of the anomaly detector are of another format")
        streams = cls()
        words = np.frombuffer(packed, "<f8", offset=len(FORMAT))
        streams._state = words.astype(np.float64).reshape(-1, WORDS)
        return streams
