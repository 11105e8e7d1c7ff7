"""Seeded traffic with everything that goes wrong: disorder, duplicates, late events, poison, no keys.

Rules: the same arguments give the same bytes, and what each message is can be told from its bytes alone
(`POISON`), so that a log read back later can be judged without this file's memory. Event time runs from
`START_MS`, one partition a little before the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random

START_MS = 1_700_000_000_000
STEP_MS = 150  # event time between two messages of one partition, on average
DISORDER_MS = 1_500
LATE_MS = 300_000  # how old a late event may be
GOOD = {"player_id": "p1", "event_type": "move", "timestamp": START_MS, "level_id": "l1", "map_id": "m1"}
TYPES = ("move", "interaction", "level_start", "level_complete", "level_fail", "battle", "session_start")


def _bad(**other: object) -> bytes:
    return json.dumps({name: value for name, value in (GOOD | other).items() if value is not ...}).encode()


POISON: dict[bytes | None, str] = {
    None: "tombstone",
    b'{"not": "good"': "not_json",
    b"": "not_json",
    b"[1, 2]": "not_object",
    b"\xff\xfe": "not_utf8",
    _bad(player_id=...): "field_missing",
    _bad(level_id=None): "field_missing",
    _bad(player_id=""): "field_range",
    _bad(event_type=7): "field_type",
    _bad(timestamp="yesterday"): "time_invalid",
    _bad(timestamp=4_000_000_000_000): "time_future",
    _bad(timestamp=-1): "time_too_old",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """One message on its way."""

    partition: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of all messages, each 0-1."""

    late: float = 0.05
    duplicates: float = 0.05
    poison: float = 0.03
    keyless: float = 0.1


def troubled(seed: int, partitions: int = 4, shares: Shares | None = None) -> Iterator[Sent]:
    """Give messages for ever, spread over the partitions."""
    random, of = Random(seed), shares or Shares()  # noqa: S311  a game, not a secret
    recent: list[Sent] = []
    for number in count():
        chance, partition = random.random(), random.randrange(partitions)
        if recent and chance < of.duplicates:
            yield random.choice(recent)
            continue
        if chance < of.duplicates + of.poison:
            yield Sent(partition, b"poison", random.choice(list(POISON)))
            continue
        back_ms = LATE_MS if chance < of.duplicates + of.poison + of.late else DISORDER_MS
        time_ms = START_MS + number * STEP_MS // partitions - random.randrange(back_ms)
        event = _event(random, time_ms, number)
        key = None if random.random() < of.keyless else str(event["player_id"]).encode()
        sent = Sent(partition, key, json.dumps(event).encode())
        recent = [*recent[-200:], sent]
        yield sent


def _event(random: Random, time_ms: int, number: int) -> dict[str, object]:
    kind = random.choice(TYPES)
    event: dict[str, object] = {
        "player_id": f"p{random.randrange(300)}",
        "event_type": kind,
        "timestamp": time_ms,
        "session_id": random.choice([None, "", "s1", "s2"]),
        "event_id": f"e{number}",
    }
    if number % 3 == 0:
        event["timestamp"] = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    if kind not in {"battle", "session_start"} or number % 2:
        event |= {"level_id": f"l{random.randrange(20)}", "map_id": random.choice(["", "m1", "m2"])}
    if number % 5 == 0:
        event["game_id"] = "g2"
    return event
