"""The benchmark's server metrics: 1,000 servers, the five fields of the seed, 20,000 samples/s of event time.

Values are whole thousandths, so that sums are exact; latency has the long tail that real ones have. Where
servers have fleets, their samples tell all they may: fleet, region, players, capacity, ticks, disconnects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from bench.load import BLOCK, PARTITIONS, PER_S, START_MS, stamped

SERVERS = 1_000
METRICS = ("cpu_load", "memory_usage", "latency")
REGIONS = 4


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """How many samples, of how many servers in how many fleets; without fleets samples have five fields."""

    events: int
    servers: int = SERVERS
    seed: int = 11
    fleets: int = 0

    @property
    def topic(self) -> str:
        """Name the topic that holds it."""
        fleets = f"-{self.fleets}-fleets" if self.fleets else ""
        return f"bench-servers-{self.servers}-{self.events}{fleets}"

    def batches(self) -> Iterator[tuple[list[bytes], list[int]]]:
        """Give the messages in order, and the partition of each."""
        for block in self.blocks():
            values = [value.encode() for value in messages(block).to_list()]
            yield values, (block["server"] % PARTITIONS).to_list()

    def blocks(self) -> Iterator[pl.DataFrame]:
        """Make the samples block by block, metrics in thousandths; a pure function of the load."""
        for number, first in enumerate(range(0, self.events, BLOCK)):
            count = min(BLOCK, self.events - first)
            random = np.random.default_rng((self.seed, number))
            time_ms = START_MS + np.arange(first, first + count) * 1000 // PER_S
            block = pl.DataFrame(
                {
                    "server": random.integers(0, self.servers, count),
                    "time_ms": time_ms + random.integers(-1000, 1001, count),
                    "cpu_load": random.integers(0, 100_001, count),
                    "memory_usage": random.integers(20_000, 95_001, count),
                    "latency": np.rint(random.lognormal(3.0, 0.8, count) * 1000).astype(np.int64),
                }
            )
            yield block.with_columns(*self._told(random, count)) if self.fleets else block

    def _told(self, random: np.random.Generator, count: int) -> list[pl.Expr | pl.Series]:
        """Make what samples tell of their fleet, and of players and ticks."""
        fleet = pl.col("server") % self.fleets
        drawn = {
            "players": random.integers(0, 101, count),
            "tick_ms": np.rint(random.lognormal(2.5, 0.4, count) * 1000).astype(np.int64),
            "disconnects": random.poisson(0.1, count),
        }
        return [
            fleet.alias("fleet"),
            (fleet % REGIONS).alias("region"),
            *(pl.Series(name, drawn_) for name, drawn_ in drawn.items()),
        ]


def messages(block: pl.DataFrame) -> pl.Series:
    """Write a block's samples as JSON."""
    fields = block.select(
        pl.format('"server_id":"server_{}",{},"timestamp":"{}"', "server", values(block), stamped("time_ms"))
    ).to_series()
    return block.select(
        pl.format("{{{}{}}}", fields, told(block) if "fleet" in block.columns else pl.lit(""))
    )[:, 0]


def values(block: pl.DataFrame) -> pl.Series:
    """Write the metrics of a block's samples as JSON fields."""
    numbers = [(pl.col(name) / 1000).cast(pl.String) for name in METRICS]
    return block.select(pl.format('"cpu_load":{},"memory_usage":{},"latency":{}', *numbers)).to_series()


def told(block: pl.DataFrame) -> pl.Series:
    """Write what samples tell of their fleet, and of players and ticks."""
    tick_ms = (pl.col("tick_ms") / 1000).cast(pl.String)
    return block.select(
        pl.format(
            ',"fleet_id":"fleet_{}","region":"region_{}","players":{},"capacity":100,"tick_ms":{},"disconnects":{}',
            *("fleet", "region", "players"),
            tick_ms,
            "disconnects",
        )
    ).to_series()
