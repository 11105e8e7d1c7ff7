"""The lane of flows that judge event by event: every good message of a small batch becomes a sample.

Rules:
- The verdict over a sample falls where the state is (`windows.watch`); here only dead letters are told apart.
- Few messages are decoded one by one, many in columns, which has a fixed price of about a millisecond. Both
  give the same, for any bytes: `topics.strict` is the definition of both.
- No ring and no windows; the watermark moves on all the same, for those who look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import msgspec
import numpy as np
import polars as pl

from models.thresholds import METRICS, Sample
from topics.decode import EVENT_TIME, Decoded, decode, fields_of_topic
from topics.rejects import Fault, Reject
from topics.server_metrics import TOPIC
from topics.strict import Cell, decode_one
from windows.lane import dead_letters
from windows.plan import Plan
from windows.take import Arrivals, LaneState, Take

FEW = 150  # messages that are cheaper one by one (7.5 us each)
_FIELDS = fields_of_topic(TOPIC)
_CELLS = itemgetter(*(_FIELDS.at[name] for name in ("game_id", "server_id", "timestamp", *METRICS)))
_COLUMNS = ("game_id", "server_id", EVENT_TIME, *METRICS)


@dataclass(slots=True)
class SampleLane:
    """Decodes one partition of `server-metrics`.

    Args:
        plan: the flow's, without windows.
        state: where the lane stands.
        partitions: how many partitions the topic has.

    """

    plan: Plan
    state: LaneState
    partitions: int

    def remember(self, arrivals: Arrivals) -> None:
        """Learn nothing: the state of the servers tells what is a copy."""

    def take(self, arrivals: Arrivals) -> Take:
        """Turn a batch into samples and dead letters; the lane moves past it."""
        samples, rejects = one_by_one(arrivals) if len(arrivals) <= FEW else in_columns(arrivals)
        newest_ms = max((sample.time_ms for sample in samples), default=self.state.newest_ms)
        before = self.state
        self.state = msgspec.structs.replace(
            before,
            next_offset=int(arrivals.offsets[-1]) + 1,
            newest_ms=max(before.newest_ms, newest_ms),
            read=before.read + len(arrivals),
            dead=before.dead + len(rejects),
        )
        unfit = Decoded(np.zeros(0, np.int64), pl.DataFrame(), rejects)
        dead = tuple(dead_letters(before, unfit, arrivals)) if rejects else ()
        return Take(self.state, dead=dead, samples=tuple(samples))

    def raise_floor(self, floor_ms: int) -> Take:
        """Note a committed floor; no window waits for it."""
        self.state = msgspec.structs.replace(self.state, floor_ms=max(self.state.floor_ms, floor_ms))
        return Take(self.state)


def one_by_one(arrivals: Arrivals) -> tuple[list[Sample], list[Reject]]:
    """Decode messages by themselves."""
    samples: list[Sample] = []
    rejects: list[Reject] = []
    offsets, arrived_ms = arrivals.offsets.tolist(), arrivals.arrived_ms.tolist()
    for row, value in enumerate(arrivals.values):
        event = decode_one(_FIELDS, TOPIC.time, value, arrived_ms[row])
        if isinstance(event, Fault):
            rejects.append(Reject(row, event.reason, event.path, event.error))
        else:
            samples.append(_sample(offsets[row], _CELLS(event), value or b""))
    return samples, rejects


def in_columns(arrivals: Arrivals) -> tuple[list[Sample], list[Reject]]:
    """Decode messages as a batch."""
    decoded = decode(TOPIC, arrivals.values, arrivals.arrived_ms)
    offsets = arrivals.offsets[decoded.rows].tolist()
    values = [arrivals.values[row] or b"" for row in decoded.rows.tolist()]
    cells = decoded.frame.select(_COLUMNS).iter_rows()
    return list(map(_sample, offsets, cells, values)), decoded.rejects


def _sample(offset: int, cells: Sequence[Cell], value: bytes) -> Sample:
    """Make a sample of the cells of `_COLUMNS`, which `decode` has judged."""
    game_id, server_id, time_ms, *values = cells
    return Sample(offset, game_id, server_id, time_ms, tuple(values), value)  # type: ignore[arg-type]
