"""Missed heartbeats: which servers have fallen silent, each by its own rhythm, and which have come back.

Rules:
- A server is waited for once 5 beats of it came. It is missed when 3 of its own intervals have passed without
  a beat, beyond the delay that its beats usually have; its next beat resolves that.
- How long a server is silent is told by what others send meanwhile, and by ticks of proven silence
  (`windows.take.Quiet`). An outage of Kafka, or our own, is nobody's silence.
- Without ticks all follows from the log: neither batches nor packing change it (`models.heartbeats_fold`).
- Who says that it leaves is not missed. Who is silent for a day is forgotten, which resolves its alarm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.heartbeats_fold import (
    ANSWER,
    CLOCK_WORDS,
    COUNT,
    FROZEN_TO,
    LAST,
    MOVES_MS,
    MOVES_TO,
    NEVER,
    NEWEST,
    OPENED,
    PARTITIONS,
    QUIET_NOW,
    QUIET_SINCE,
    WORDS,
    Ints,
    fold_beats,
    look_at_all,
    pass_quiet,
)
from models.server_alarm import Change
from topics.errors import Broken

FORMAT = b"beats001"
LEAVING = frozenset(
    {
        "completed",
        "deallocated",
        "deallocating",
        "decommissioned",
        "drained",
        "draining",
        "exited",
        "exiting",
        "finished",
        "leaving",
        "offline",
        "shutdown",
        "shuttingdown",
        "stopped",
        "stopping",
        "succeeded",
        "terminated",
        "terminating",
    }
)  # fmt: skip  states of a server that leaves, in lower case and letters alone
_NARROW = WORDS - COUNT
SEEN = ANSWER - 1  # the last word of an answer


class Beat(NamedTuple):
    """A server that has fallen silent, or came back; times are epoch ms.

    since_ms: its last beat before; interval_ms: its rhythm; opened_ms: `since_ms` and 3 intervals; time_ms:
    when that changed: `opened_ms`, or its next beat (a day after its last one where it is forgotten).
    """

    server: int
    opened_ms: int
    since_ms: int
    interval_ms: int
    change: Change
    time_ms: int


class Beats:
    """The servers of one partition, numbered from 0, and its clocks.

    `seen_ms` says of each of the beats that were given last how far the partition had come (`models.seen`):
    to the end of that second, so that it is the same wherever batches are cut.
    """

    def __init__(self, count: int = 0) -> None:
        self._servers: Ints = np.zeros((count, WORDS), np.int64)
        self._clock: Ints = np.zeros(CLOCK_WORDS, np.int64)
        self._clock[[NEWEST, FROZEN_TO, QUIET_SINCE, QUIET_NOW, MOVES_TO]] = NEVER
        self.seen_ms: list[int] = []

    def __len__(self) -> int:
        return len(self._servers)

    def grow(self, count: int) -> None:
        """Make room so that there are `count` servers at least; nothing is known of new ones."""
        if count > len(self):
            more = np.zeros((count - len(self), WORDS), np.int64)
            self._servers = np.concatenate([self._servers, more])

    def keep(self, servers: Ints) -> None:
        """Keep only these servers, in this order: the first of them is number 0 from now on."""
        self._servers = self._servers[servers]

    def alive(self) -> Ints:
        """Give the servers that are not forgotten, those silent longest first."""
        known = np.flatnonzero(self._servers[:, COUNT])
        return known[np.argsort(self._servers[known, LAST], kind="stable")]

    def beat(self, server: Ints, time_ms: Ints, kafka_ms: Ints, leaving: npt.NDArray[np.bool_]) -> list[Beat]:
        """Take samples in offset order: event times, Kafka times, and whether the server says that it leaves.

        Raises:
            Broken: a server's number is unknown.

        """
        if server.size and not 0 <= int(server.min()) <= int(server.max()) < len(self):
            raise Broken(f"beats of servers {server.min()}-{server.max()}, but only {len(self)} are known")
        answers = np.empty((3 * server.size + 2 * len(self), ANSWER), np.int64)
        told = fold_beats(
            self._servers,
            self._clock,
            np.ascontiguousarray(server, np.int64),
            np.ascontiguousarray(time_ms, np.int64),
            np.ascontiguousarray(kafka_ms, np.int64),
            np.ascontiguousarray(leaving, np.bool_),
            answers,
        )
        told = look_at_all(self._servers, self._clock, answers, told)
        return self._told(answers[:told])

    def quiet(self, since_ms: int, now_ms: int) -> list[Beat]:
        """Take a tick: by the broker's word nothing came into the partition from one moment to another.

        Ticks of one stretch of silence have the same `since_ms`.
        """
        pass_quiet(self._clock, since_ms, now_ms)
        answers = np.empty((2 * len(self), ANSWER), np.int64)
        return self._told(answers[: look_at_all(self._servers, self._clock, answers, 0)])

    def _told(self, answers: Ints) -> list[Beat]:
        self.seen_ms = answers[:, SEEN].tolist()
        return _beats(answers)

    def spread(self, partitions: int, now_ms: int) -> None:
        """Note over how many partitions the topic's servers are spread, and what time it is (epoch ms).

        When these have become more, a server may go on in another one: for ten minutes who falls silent is
        forgotten, not missed.
        """
        if 0 < self._clock[PARTITIONS] != partitions:
            self._clock[MOVES_TO] = now_ms + MOVES_MS
        self._clock[PARTITIONS] = partitions

    def pack(self) -> bytes:
        """Give all that is known as bytes."""
        wide, narrow = self._servers[:, :COUNT].astype("<i8"), self._servers[:, COUNT:].astype("<i4")
        return FORMAT + self._clock.astype("<i8").tobytes() + wide.tobytes() + narrow.tobytes()

    @classmethod
    def unpacked(cls, packed: bytes) -> Beats:
        """Give what was packed.

        Raises:
            Broken: the bytes are of another format.

        """
        begin = len(FORMAT) + 8 * CLOCK_WORDS
        count, rest = divmod(len(packed) - begin, 8 * COUNT + 4 * _NARROW)
        if packed[: len(FORMAT)] != FORMAT or count < 0 or rest:
            raise Broken("the packed state of heartbeats is of another format")
        beats = cls(count)
        beats._clock[:] = np.frombuffer(packed, "<i8", CLOCK_WORDS, len(FORMAT))
        wide = np.frombuffer(packed, "<i8", count * COUNT, begin).reshape(count, COUNT)
        narrow = np.frombuffer(packed, "<i4", count * _NARROW, begin + wide.nbytes).reshape(count, _NARROW)
        beats._servers[:, :COUNT], beats._servers[:, COUNT:] = wide, narrow
        return beats


def _beats(answers: Ints) -> list[Beat]:
    return [
        Beat(
            server,
            opened_ms,
            since_ms,
            interval_ms,
            Change.OPENED if change == OPENED else Change.RESOLVED,
            time,
        )
        for server, opened_ms, since_ms, interval_ms, change, time, _ in answers.tolist()
    ]
