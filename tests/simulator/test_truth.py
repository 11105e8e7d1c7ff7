"""The simulator's own counts against two others: plain Python over the JSON, and the flow's decoder."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import numpy as np

from simulator.traffic import Message, Shares, traffic
from simulator.truth import GameKey, GameRow, LevelKey, LevelRow, Truth
from topics.decode import EVENT_TIME, decode
from topics.player_events import TOPIC

START_MS = 1_767_225_600_000
EVERYTHING = Shares(late=0.05, beyond=0.02, duplicates=0.05, malformed=0.02)
Event = dict[str, str]


def sent(count: int = 60_000) -> tuple[list[Message], Truth]:
    truth = Truth()
    messages = list(islice(traffic(5, START_MS, 1000, EVERYTHING), count))
    for message in messages:
        truth.add(message)
    return messages, truth


def counted(messages: list[Message]) -> Iterator[tuple[int, Event]]:
    """Events as their bytes say it, once each, without malformed ones and those beyond lateness."""
    seen: set[str] = set()
    for message in messages:
        if message.kind in {"malformed", "beyond"}:
            continue
        event = json.loads(message.value or b"")
        if event["event_id"] not in seen:
            seen.add(event["event_id"])
            stamp = event["timestamp"]
            seconds = stamp / 1000 if isinstance(stamp, int) else datetime.fromisoformat(stamp).timestamp()
            yield int(seconds), event


def test_level_rows_are_what_the_bytes_say() -> None:
    messages, truth = sent()
    groups: dict[LevelKey, list[Event]] = {}
    for seconds, event in counted(messages):
        if "level_id" in event:
            start = seconds // 60 * 60
            key = LevelKey(event.get("game_id", ""), start, event["level_id"], event.get("map_id", ""))
            groups.setdefault(key, []).append(event)
    assert truth.engagement_by_level(60) == {key: level_row(events) for key, events in groups.items()}
    assert any(key.map_id == "" for key in groups)


def level_row(events: list[Event]) -> LevelRow:
    types = Counter(event["event_type"] for event in events)
    return LevelRow(
        events=len(events),
        moves=types["move"],
        interactions=types["interaction"],
        level_starts=types["level_start"],
        level_completes=types["level_complete"],
        level_fails=types["level_fail"],
        players=len({event["player_id"] for event in events}),
    )


def test_game_rows_are_what_the_bytes_say() -> None:
    messages, truth = sent()
    groups: dict[GameKey, list[Event]] = {}
    for seconds, event in counted(messages):
        groups.setdefault(GameKey(event.get("game_id", ""), seconds // 10 * 10), []).append(event)
    assert truth.engagement(10) == {
        key: GameRow(
            len(events),
            len({event["player_id"] for event in events}),
            len({(event["player_id"], event["session_id"]) for event in events if event.get("session_id")}),
        )
        for key, events in groups.items()
    }
    assert {key.game_id for key in groups} == {"", "arena"}


def test_every_message_is_counted_by_its_kind() -> None:
    messages, truth = sent(10_000)
    assert truth.kinds.total() == len(messages)
    assert truth.reasons.total() == truth.kinds["malformed"] > 0
    whole_game = sum(row.events for row in truth.engagement(60).values())
    assert whole_game == truth.kinds["good"] + truth.kinds["late"]


def test_the_flows_decoder_rejects_what_is_malformed_for_that_reason_and_reads_all_else() -> None:
    messages, _ = sent(20_000)
    arrived_ms = np.full(len(messages), START_MS + 60_000, np.int64)
    decoded = decode(TOPIC, [message.value for message in messages], arrived_ms)
    expected = [(row, message.reason) for row, message in enumerate(messages) if message.reason]
    assert [(reject.row, reject.reason.value) for reject in decoded.rejects] == expected
    times = [message.event_time_ms for message in messages if not message.reason]
    assert decoded.frame[EVENT_TIME].to_list() == times
