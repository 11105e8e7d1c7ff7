"""Traffic that does not care who is away: a steady stream of events, and the truth about all of it.

Rules: it never waits for a flow. Event times are the present less some disorder, so nothing is late beyond
any lateness; 5 % come twice, one in 500 is a dead letter. What was sent is kept as columns; the log's end
offsets must say the same count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
from confluent_kafka import Producer

EVENTS, PURCHASES = "player-events", "purchase-events"
PARTITIONS = 4
PLAYERS, LEVELS = 20_000, 50
DISORDER_MS = 1_500
TWICE = 0.05
POISON_EVERY, POISON = 500, b'{"player_id": nobody'
TICK_S, MOST_AT_ONCE = 0.05, 20_000
ROOM = {"queue.buffering.max.messages": 3_000_000, "queue.buffering.max.kbytes": 1_000_000}
OPTIONS = {"enable.idempotence": True, "linger.ms": 20, "compression.type": "lz4", "log_level": 0, **ROOM}
MOVE, START = "move", "level_start"


@dataclass(slots=True)
class Sent:
    """How many messages went to each topic, and of the events how many were what."""

    events: int = 0
    duplicates: int = 0
    dead: int = 0
    purchases: int = 0


class Load:
    """A thread that sends as long as the `with` block lasts.

    Args:
        bootstrap_servers: where Kafka is.
        per_second: events a second, besides the few purchases.
        now_ms: gives the present.

    """

    def __init__(self, bootstrap_servers: str, per_second: int, now_ms: Callable[[], int]) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap_servers, **OPTIONS})
        self._per_second, self._now_ms = per_second, now_ms
        self._random = np.random.default_rng(7)
        self._blocks: list[pl.DataFrame] = []
        self._stop = Event()
        self._thread = Thread(target=self._run, name="load")
        self.sent = Sent()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Send no more, and wait until Kafka has everything."""
        self._stop.set()
        self._thread.join()

    def held(self) -> int:
        """Count the messages that Kafka has not acknowledged yet."""
        return len(self._producer)

    def truth(self, size_s: int) -> pl.DataFrame:
        """Give what `engagement_by_level` must show for one window size, by plain grouping."""
        return (
            pl.concat(self._blocks)
            .group_by((pl.col("time_ms") // (size_s * 1000) * size_s).alias("start_s"), "level_id")
            .agg(
                pl.len().cast(pl.Int64).alias("events"),
                (pl.col("kind") == MOVE).sum().cast(pl.Int64).alias("moves"),
                pl.col("player_id").n_unique().cast(pl.Int64).alias("players"),
            )
            .sort("start_s", "level_id")
        )

    def _run(self) -> None:
        begun_s, due = time.monotonic(), 0
        while not self._stop.wait(TICK_S):
            wanted = int((time.monotonic() - begun_s) * self._per_second)
            while due < wanted and not self._stop.is_set():
                count = min(wanted - due, MOST_AT_ONCE)
                self._send_events(count)
                due += count
            self._send(PURCHASES, self._purchase(), self.sent.purchases % PARTITIONS)
            self.sent.purchases += 1
            self._producer.poll(0)
        self._producer.flush()

    def _send_events(self, count: int) -> None:
        block = self._block(count)
        made = list(zip(messages(block, self.sent.events), block["player"].to_list(), strict=True))
        again = np.flatnonzero(self._random.random(count) < TWICE).tolist()
        for value, player in (*made, *(made[place] for place in again)):
            self._send(EVENTS, value, player % PARTITIONS)
        poison = count // POISON_EVERY
        for number in range(poison):
            self._send(EVENTS, POISON, number % PARTITIONS)
        self._blocks.append(block.select("time_ms", "level_id", "kind", "player_id"))
        self.sent.events += count + len(again) + poison
        self.sent.duplicates += len(again)
        self.sent.dead += poison

    def _block(self, count: int) -> pl.DataFrame:
        random, kinds = self._random, pl.Series([MOVE, START], dtype=pl.Categorical)
        player = random.integers(0, PLAYERS, count)
        return pl.DataFrame(
            {
                "player": player,
                "player_id": player.astype(np.int32),
                "level_id": random.integers(0, LEVELS, count).astype(np.int8),
                "kind": kinds.gather(random.integers(0, 2, count)).cast(pl.String),
                "time_ms": self._now_ms() - random.integers(0, DISORDER_MS, count),
            }
        )

    def _purchase(self) -> bytes:
        return (
            b'{"player_id":"p%d","item_id":"i%d","price":1.5,"currency":"EUR","purchase_timestamp":%d,'
            b'"ip_address":"192.0.2.1"}'
        ) % (self.sent.purchases, self.sent.purchases % 7, self._now_ms())

    def _send(self, topic: str, value: bytes, partition: int) -> None:
        while True:
            try:
                self._producer.produce(topic, value, partition=partition)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return


def messages(block: pl.DataFrame, first: int) -> Iterator[bytes]:
    """Write a block's events as JSON, each with an id of its own."""
    columns = block.select("player", "kind", "level_id", "time_ms").iter_rows()
    for number, (player, kind, level, time_ms) in enumerate(columns, first):
        yield (
            f'{{"player_id":"p{player}","session_id":"s{player}","event_type":"{kind}","level_id":"{level}",'
            f'"map_id":"m","event_id":"e{number}","timestamp":{time_ms}}}'
        ).encode()
