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
    Answer,
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
FORMAT = b"anomaly3"


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
        self._state: Floats = np.zeros((count + 1, WORDS))  # the last row is to think in

    def __len__(self) -> int:
        return len(self._state) - 1

    def grow(self, count: int) -> None:
        """Make room so that there are `count` streams at least; new ones have seen nothing."""
        if count > len(self):
            self._state = np.concatenate([self._state[:-1], np.zeros((count + 1 - len(self), WORDS))])

    def keep(self, streams: Ints) -> None:
        """Keep only these streams, in this order: the first of them is number 0 from now on."""
        self._state = np.concatenate([self._state[:-1][streams], np.zeros((1, WORDS))])

    def forget(self, streams: Ints) -> None:
        """Forget all that was seen of these streams; they learn anew."""
        self._state[streams] = 0.0

    def score(self, stream: Ints, time_ms: Ints, value: Floats) -> Scored:
        """Score samples, in offset order; a stream may have several, NaN is no value.

        Raises:
            Broken: a stream's number is unknown.

        """
        rows = stream.size
        answer = Answer(np.zeros((3, rows)), np.zeros((2, rows), np.int64), np.zeros((3, rows), np.int8))
        unknown = fold_samples(
            self._state,
            np.ascontiguousarray(stream, np.int64),
            np.ascontiguousarray(time_ms, np.int64),
            np.ascontiguousarray(value, np.float64),
            answer,
        )
        if unknown >= 0:
            raise Broken(f"a sample of stream {stream[unknown]}, but only {len(self)} are known")
        score, low, high = answer.numbers
        since_ms, opened_ms = answer.moments
        kind, change, verdict = answer.codes
        return Scored(score, kind, low, high, since_ms, opened_ms, change, verdict)

    def pack(self) -> bytes:
        """Give all states as bytes."""
        return FORMAT + self._state[:-1].astype("<f8").tobytes()

    @classmethod
    def unpacked(cls, packed: bytes) -> Streams:
        """Give the streams that were packed.

        Raises:
            Broken: the bytes are of another format.

        """
        if packed[: len(FORMAT)] != FORMAT or (len(packed) - len(FORMAT)) % (8 * WORDS):
            raise Broken("the packed states of the anomaly detector are of another format")
        words = np.frombuffer(packed, "<f8", offset=len(FORMAT)).reshape(-1, WORDS)
        streams = cls(len(words))
        streams._state[:-1] = words
        return streams
