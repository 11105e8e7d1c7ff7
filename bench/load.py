"""The benchmark's topics: events of fixed shape, made columnar, produced once and kept.

500,000-event blocks: 4 partitions keyed by player, 20,000 events/s of event time with 1 s of jitter, 100,000
players (if not said otherwise), 20 levels x 10 maps, the six fields of the seed; with ids, `event_id` too.
Which message stands where follows from the load alone, so the truth can be made again at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from confluent_kafka import Producer
from rich.progress import track

from bench.bad import spoiled

START_MS = 1_767_225_600_000  # 2026-01-01: a constant, so that the topic can be kept and the truth made again
PER_S, PLAYERS, LEVELS, MAPS = 20_000, 100_000, 20, 10
TYPES = ["move", "interaction", "level_start", "level_complete", "level_fail"]
BLOCK = 500_000
PARTITIONS = 4
STRIDE = 7_368_787  # a prime: steps of it meet every player once before any twice


class Traffic(Protocol):
    """What can be preloaded."""

    @property
    def topic(self) -> str:
        """Name the topic that holds it."""
        ...

    @property
    def events(self) -> int:
        """Count its messages."""
        ...

    def batches(self) -> Iterator[tuple[list[bytes], list[int]]]:
        """Give the messages in order, and the partition of each."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked for: how many events from when, and whether they carry ids.

    `bad_every`: each message whose number it divides is no event (0: none). `in_turn`: players take turns,
    so that each of them is live before one comes again; else they come by chance.
    """

    events: int
    ids: bool
    players: int = PLAYERS
    start_ms: int = START_MS
    seed: int = 7
    per_s: int = PER_S
    bad_every: int = 0
    in_turn: bool = False

    @property
    def topic(self) -> str:
        """Name the topic that holds it."""
        marks = [f"-{self.per_s}ps" if self.per_s != PER_S else "", "-turn" if self.in_turn else ""]
        bad = f"-bad{self.bad_every}" if self.bad_every else ""
        return f"bench-{'ids' if self.ids else 'six'}-{self.players}-{self.events}{''.join(marks)}{bad}"

    def batches(self) -> Iterator[tuple[list[bytes], list[int]]]:
        """Give the messages in order, and the partition of each."""
        for block in blocks(self):
            values = [value.encode() for value in messages(block, ids=self.ids).to_list()]
            if self.bad_every:
                values = spoiled(values, int(block["n"][0]), self.bad_every)
            yield values, (block["player"] % PARTITIONS).to_list()


@dataclass(frozen=True, slots=True)
class Sequel:
    """Loads that follow each other in one topic."""

    name: str
    loads: tuple[Load, ...]

    @property
    def topic(self) -> str:
        """Name the topic that holds them."""
        return f"bench-{self.name}-{'-'.join(str(load.events) for load in self.loads)}"

    @property
    def events(self) -> int:
        """Count the messages of all."""
        return sum(load.events for load in self.loads)

    def batches(self) -> Iterator[tuple[list[bytes], list[int]]]:
        """Give the messages in order, and the partition of each."""
        for load in self.loads:
            yield from load.batches()


def blocks(load: Load | Sequel) -> Iterator[pl.DataFrame]:
    """Make the events block by block; a pure function of the load."""
    if isinstance(load, Sequel):
        for one in load.loads:
            yield from blocks(one)
        return
    for number, first in enumerate(range(0, load.events, BLOCK)):
        yield _block(load, number, first, min(BLOCK, load.events - first))


def _block(load: Load, number: int, first: int, count: int) -> pl.DataFrame:
    random = np.random.default_rng((load.seed, number))
    n = np.arange(first, first + count)
    time_ms = load.start_ms + (n * 1000 // load.per_s)
    player = random.integers(0, load.players, count)
    return pl.DataFrame(
        {
            "n": n,
            "player": n * STRIDE % load.players if load.in_turn else player,
            "level": random.integers(0, LEVELS, count),
            "map": random.integers(0, MAPS, count),
            "event_type": np.array(TYPES)[random.integers(0, len(TYPES), count)],
            "time_ms": time_ms + random.integers(-1000, 1001, count),
        }
    )


def stamped(column: str) -> pl.Expr:
    """Write epoch milliseconds as the seed does."""
    return pl.col(column).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def messages(block: pl.DataFrame, *, ids: bool) -> pl.Series:
    """Write a block's events as JSON."""
    event_id = ',"event_id":"{}"' if ids else ""
    columns: list[pl.Expr | str] = [pl.col("player"), pl.col("player"), "event_type", "level", "map"]
    return block.select(
        pl.format(
            '{{"player_id":"player_{}","session_id":"session_{}","event_type":"{}","level_id":"level_{}",'
            '"map_id":"map_{}","timestamp":"{}"' + event_id + "}}",
            *columns,
            stamped("time_ms"),
            *([pl.format("{}-{}", pl.lit("0f8fad5b-d9cb-469f"), "n")] if ids else []),
        )
    ).to_series()


def produce(bootstrap_servers: str, load: Traffic) -> None:
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
    for values, partitions in track(load.batches(), said, total):
        for value, partition in zip(values, partitions, strict=True):
            while True:
                try:
                    producer.produce(load.topic, value, partition=partition)
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.poll(0)
    producer.flush()
