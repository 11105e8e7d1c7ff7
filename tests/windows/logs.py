"""Random logs for property tests: few players, levels and ids, so that everything collides."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from hypothesis import strategies as st

from models.engagement import BY_LEVEL, WHOLE_GAME
from topics.decode import decode
from topics.player_events import TOPIC
from verify.core import Log
from verify.oracle import Limits, Message
from windows.plan import Plan

Event = dict[str, Any]
Lists = list[list[Event | None]]  # the events of each partition; None = a dead letter
Step = tuple[str, int, int]  # what to do, in which partition, how many
START_MS = 1_700_000_000_000
DECODE = partial(decode, TOPIC)
TYPES = ["move", "interaction", "level_start", "level_complete", "level_fail", "battle", "session_start"]


def plan(limits: Limits) -> Plan:
    return Plan(
        "engagement",
        (BY_LEVEL, WHOLE_GAME),
        limits.sizes_s,
        limits.lateness_ms,
        limits.disorder_ms,
        limits.dedup_offsets,
    )


@st.composite
def events(draw: st.DrawFn, *, ids: bool = True, spread_s: int = 400) -> Event | None:
    if draw(st.integers(0, 12)) == 0:
        return None
    kind = draw(st.sampled_from(TYPES))
    event: Event = {
        "player_id": f"p{draw(st.integers(0, 6))}",
        "event_type": kind,
        "timestamp": START_MS + draw(st.integers(0, spread_s * 1000)),
        "session_id": draw(st.sampled_from([None, "", "s1", "s2"])),
    }
    if kind not in {"battle", "session_start"} or draw(st.booleans()):
        event |= {"level_id": f"l{draw(st.integers(0, 3))}", "map_id": draw(st.sampled_from(["", "m1"]))}
    if ids and draw(st.booleans()):
        event["event_id"] = f"e{draw(st.integers(0, 20))}"
    if draw(st.integers(0, 3)) == 0:
        event["game_id"] = "g1"
    return event


def logs(
    partitions: int = 3, size: int = 60, *, ids: bool = True, spread_s: int = 400
) -> st.SearchStrategy[Lists]:
    return st.lists(
        st.lists(events(ids=ids, spread_s=spread_s), max_size=size), min_size=partitions, max_size=partitions
    )


def as_logs(lists: Lists) -> dict[int, Log]:
    return {
        partition: Log(
            [b'{"not": "good"' if event is None else json.dumps(event).encode() for event in events],
            [START_MS + 10**9] * len(events),
        )
        for partition, events in enumerate(lists)
    }


def as_messages(lists: Lists) -> list[Message]:
    return [
        Message(partition, offset, None if event is None else event | {"event_time": event["timestamp"]})
        for partition, events in enumerate(lists)
        for offset, event in enumerate(events)
    ]
