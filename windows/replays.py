"""Replayed dead letters in a lane: whose letter a bad one is, and by what a good one is told apart.

Rules:
- A message counts as the replay of another only when that one lies before it in the same log and
  partition; whatever else its headers say, it is a message like any other.
- A replayed message is a duplicate when its own `event_id` was there before; without one, when a
  replay of the same message was. So sending a letter twice counts it once.
"""

from __future__ import annotations

import polars as pl

from topics.dead_letters import Replay
from topics.decode import Decoded
from windows.take import Arrivals, LaneState


def ids_of(state: LaneState, decoded: Decoded, arrivals: Arrivals) -> pl.Series:
    """Give the ids by which duplicates are recognised, one for each decoded message; null = none."""
    ids = decoded.frame["event_id"]
    if not arrivals.replays:
        return ids
    filled = ids.to_list()
    for place, row in enumerate(decoded.rows.tolist()):
        original = _replayed(state, arrivals, row)
        if filled[place] is None and original is not None:
            filled[place] = f"\0{original.offset}"  # no event_id holds NUL
    return pl.Series(ids.name, filled, ids.dtype)


def original(state: LaneState, arrivals: Arrivals, row: int) -> Replay:
    """Give the message that a row stands for: of a replay the first one, else itself."""
    offset, seen_ms = int(arrivals.offsets[row]), int(arrivals.arrived_ms[row])
    itself = Replay(state.log, state.topic, state.partition, offset, seen_ms, replays=0)
    return (_replayed(state, arrivals, row) if arrivals.replays else None) or itself


def _replayed(state: LaneState, arrivals: Arrivals, row: int) -> Replay | None:
    told = arrivals.replays.get(row)
    if told is None:
        return None
    here = (told.log, told.topic, told.partition) == (state.log, state.topic, state.partition)
    before = told.offset < arrivals.offsets[row] and told.first_seen_ms <= arrivals.arrived_ms[row]
    return told if here and before else None
