"""The benchmark's topic: seed events of fixed shape, made columnar, produced once and kept.

2M-event blocks: 4 partitions keyed by player, 20,000 events/s of event time with 1 s of jitter, 100,000
players (if not said otherwise), 20 levels x 10 maps, the six fields of the seed; with ids, `event_id` too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from confluent_kafka import Producer
from rich.progress import track

START_MS = 1_767_225_600_000  # 2026-01-01: a constant, so that the topic can be kept and the truth made again
PER_S, PLAYERS, LEVELS, MAPS = 20_000, 100_000, 20, 10
TYPES = ["move", "interaction", "level_start", "level_complete", "level_fail"]
BLOCK = 500_000
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked for: how many events from when, and whether they carry ids."""

    events: int
    ids: bool
    players: int = PLAYERS
    start_ms: int = START_MS
    seed: int = 7

    @property
    def topic(self) -> str:
        """Name the topic that holds it."""
        return f"bench-{'ids' if self.ids else 'six'}-{self.players}-{self.events}"


def blocks(load: Load) -> Iterator[pl.DataFrame]:
    """Make the events block by block; a pure function of the load."""
    for number, first in enumerate(range(0, load.events, BLOCK)):
        yield _block(load, number, first, min(BLOCK, load.events - first))


def _block(load: Load, number: int, first: int, count: int) -> pl.DataFrame:
    random = np.random.default_rng((load.seed, number))
    time_ms = load.start_ms + (np.arange(first, first + count) * 1000 // PER_S)
    player = random.integers(0, load.players, count)
    return pl.DataFrame(
        {
            "n": np.arange(first, first + count),
            "player": player,
            "level": random.integers(0, LEVELS, count),
            "map": random.integers(0, MAPS, count),
            "event_type": np.array(TYPES)[random.integers(0, len(TYPES), count)],
            "time_ms": time_ms + random.integers(-1000, 1001, count),
        }
    )


def messages(block: pl.DataFrame, *, ids: bool) -> pl.Series:
    """Write a block's events as JSON."""
    text = pl.col("time_ms").cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    event_id = ',"event_id":"{}"' if ids else ""
    columns: list[pl.Expr | str] = [pl.col("player"), pl.col("player"), "event_type", "level", "map", text]
    return block.select(
        pl.format(
            '{{"player_id":"player_{}","session_id":"session_{}","event_type":"{}","level_id":"level_{}",'
            '"map_id":"map_{}","timestamp":"{}"' + event_id + "}}",
            *columns,
            *([pl.format("{}-{}", pl.lit("0f8fad5b-d9cb-469f"), "n")] if ids else []),
        )
    ).to_series()


def produce(bootstrap_servers: str, load: Load) -> None:
    """Send all events, keyed so that a player stays in one partition."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 500_000,
        }
    )
    said, total = f"preload {load.events:,} events into {load.topic}", -(-load.events // BLOCK)
    for block in track(blocks(load), said, total):
        values = messages(block, ids=load.ids).to_list()
        for value, partition in zip(values, (block["player"] % PARTITIONS).to_list(), strict=True):
            while True:
                try:
                    producer.produce(load.topic, value.encode(), partition=partition)
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.poll(0)
    producer.flush()
