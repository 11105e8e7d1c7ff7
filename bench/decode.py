"""What decoding costs: CPU microseconds an event on one thread, for clean batches and with 1 % bad messages.

`python -m bench.decode` prints one line for each kind of traffic, then the parts of the quick way.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import polars as pl

from topics import times
from topics.decode import decode
from topics.fields import fields_of
from topics.lines import flat_rows, lines_of
from topics.player_events import TOPIC, PlayerEvent
from topics.scan import scan
from topics.uniform import read_uniform

BATCH = 20_000
ROUNDS = 15
START_S = 1_795_323_600  # 2026-11-22T05:00:00Z
Event = dict[str, str | int | float | None]


def seed_event(rng: random.Random) -> Event:
    """Make one event with the six fields of the seed."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START_S + rng.randrange(60)))
    return {
        "player_id": f"player-{rng.randrange(100_000)}",
        "session_id": f"session-{rng.randrange(200_000)}",
        "event_type": rng.choice(["move", "interaction", "level_start", "level_complete", "level_fail"]),
        "level_id": f"level_{rng.randrange(20)}",
        "map_id": f"map_{rng.randrange(10)}",
        "timestamp": f"{stamp}.{rng.randrange(1000):03d}Z",
    }


def rich_event(rng: random.Random) -> Event:
    """Make one event with ids, numbers and now and then no level."""
    event = seed_event(rng)
    event |= {
        "event_id": f"{rng.getrandbits(128):032x}",
        "event_index": rng.randrange(1000),
        "health": rng.random() * 100,
    }
    if rng.randrange(10) == 0:
        event |= {"event_type": "session_start", "level_id": None}
        del event["map_id"]
    return event


def epoch_event(rng: random.Random) -> Event:
    """Make one event whose level is an integer and whose time is epoch milliseconds."""
    return seed_event(rng) | {
        "level_id": rng.randrange(20),
        "timestamp": START_S * 1000 + rng.randrange(60_000),
    }


def spoil(rng: random.Random, value: bytes) -> bytes:
    """Make one message bad, in one of the ways seen in the field."""
    return rng.choice(
        [
            b"",
            b"not json",
            value[: rng.randrange(len(value))],
            value.replace(b"player_id", b"player"),
            value.replace(b'"timestamp": "2026', b'"timestamp": "x'),
            value.replace(b'"event_type": "', b'"event_type": 5, "x": "'),
            value.replace(b"level", b"\xff"),
            value.replace(b"2026", b"2126"),
        ]
    )


def traffic(make: Callable[[random.Random], Event], bad: float) -> list[bytes]:
    """Make one batch, the same in every run."""
    rng = random.Random(7)
    values = [json.dumps(make(rng)).encode() for _ in range(BATCH)]
    return [spoil(rng, value) if rng.random() < bad else value for value in values]


def cpu_us(work: Callable[[], object], events: int) -> float:
    """Measure the least CPU time of several rounds, in microseconds an event."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / events * 1e6


def main() -> None:
    """Print the figures."""
    for name, make in (("seed", seed_event), ("rich", rich_event), ("epoch", epoch_event)):
        for bad in (0.0, 0.01):
            values = traffic(make, bad)
            arrived = np.full(BATCH, START_S * 1000 + 60_000)
            cost = cpu_us(partial(decode, TOPIC, values, arrived), BATCH)
            rejects = len(decode(TOPIC, values, arrived).rejects)
            print(f"{name:6} {bad:4.0%} bad  {cost:.2f} us/event, {rejects} rejects")
    values = traffic(seed_event, 0.0)
    for size in (50, 500, 5000):
        cost = cpu_us(partial(decode, TOPIC, values[:size], arrived[:size]), 1)
        print(f"seed, a batch of {size}: {cost / 1000:.2f} ms")
    fields = fields_of(PlayerEvent)
    lines = lines_of(values)
    flat = flat_rows(lines)
    stamps = pl.Series([json.loads(value)["timestamp"] for value in values])
    schema = dict.fromkeys(json.loads(values[0]), pl.String())
    print(f"  join     {cpu_us(lambda: lines_of(values), BATCH):.3f}")
    print(f"  flat     {cpu_us(lambda: flat_rows(lines), BATCH):.3f}")
    print(f"  uniform  {cpu_us(lambda: read_uniform(lines, flat, fields.all), BATCH):.3f}  (with ndjson)")
    print(f"  scan     {cpu_us(lambda: scan(lines, fields.all, flat), BATCH):.3f}  (only where not uniform)")
    print(f"  ndjson   {cpu_us(lambda: pl.read_ndjson(lines.text, schema=schema), BATCH):.3f}")
    print(f"  times    {cpu_us(lambda: times.from_texts(stamps), BATCH):.3f}")


if __name__ == "__main__":
    main()
