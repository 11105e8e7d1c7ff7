"""What really happened: the facts of the traffic that was sent, counted apart from the flows' code.

Rules: good and late events count once; duplicates, malformed messages and those beyond allowed lateness do
not. Distinct counts are of players and sessions themselves, quantiles of the sorted values, money in whole
units, so everything is exact. It keeps 20 to 36 bytes for each event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import polars as pl

from simulator import truth_servers
from simulator import truth_views as views
from simulator.batch import Batch
from simulator.counts import Counts
from simulator.fraud_truth import FraudTruth
from simulator.loads import LOADS
from simulator.outage_truth import OutageTruth
from simulator.plan import GOOD, LATE, PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS
from simulator.truth_rows import (
    FleetKey,
    GameKey,
    GameRow,
    HealthRow,
    LevelKey,
    LevelRow,
    RegionKey,
    SaleKey,
    SaleRow,
    ServerKey,
    TogetherRow,
)
from simulator.world import World
from topics.errors import Broken

FINEST_S = 10
KEPT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        PLAYER_EVENTS: ("player", "session", "action"),
        PURCHASE_EVENTS: ("player", "offer"),
        SERVER_METRICS: ("server", *LOADS, "players", "disconnects"),
    }
)


class Truth:
    """Keeps the facts of what was sent, and gives what every view must show."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counts = Counts(world.plan.topics)
        self.newest_us = world.plan.start_ms * 1000
        self.fraud = FraudTruth(world.plan.run, world.people) if world.people else None
        hears = PLAYER_EVENTS in world.plan.topics and world.plan.trouble.outage
        self.outages = OutageTruth(world) if hears else None
        self._kept: dict[str, list[pl.DataFrame]] = {topic: [kept(topic, None)] for topic in KEPT}

    @property
    def total(self) -> int:
        """Count all messages."""
        return self.counts.total

    def add(self, batches: Iterable[Batch]) -> None:
        """Count messages that were sent."""
        for batch in batches:
            self.counts.add([batch])
            if len(batch) and batch.topic in KEPT:
                self._kept[batch.topic].append(kept(batch.topic, batch.facts))
                if self.outages:
                    self.outages.add(batch.topic, batch.facts)
                if self.fraud and batch.topic == PURCHASE_EVENTS:
                    self.fraud.add(batch.facts)
                self.newest_us = max(self.newest_us, int(batch.due_us[-1]))

    def engagement_by_level(self, window_s: int) -> dict[LevelKey, LevelRow]:
        """Give what the view must show for one window size."""
        return views.engagement_by_level(self._facts(PLAYER_EVENTS, window_s), self.world)

    def engagement(self, window_s: int) -> dict[GameKey, GameRow]:
        """Give what the view must show for one window size."""
        return views.engagement(self._facts(PLAYER_EVENTS, window_s), self.world)

    def item_sales(self, window_s: int) -> dict[SaleKey, SaleRow]:
        """Give what the view must show for one window size."""
        return views.item_sales(self._facts(PURCHASE_EVENTS, window_s), self.world)

    def server_health(self, window_s: int) -> dict[ServerKey, HealthRow]:
        """Give what the view must show for one window size; quantiles are those of the values themselves."""
        return truth_servers.server_health(self._facts(SERVER_METRICS, window_s), self.world)

    def server_health_by_fleet(self, window_s: int) -> dict[FleetKey, TogetherRow]:
        """Give what the view must show for one window size; quantiles are those of the values themselves."""
        return truth_servers.by_fleet(self._facts(SERVER_METRICS, window_s), self.world)

    def server_health_by_region(self, window_s: int) -> dict[RegionKey, TogetherRow]:
        """Give what the view must show for one window size; quantiles are those of the values themselves."""
        return truth_servers.by_region(self._facts(SERVER_METRICS, window_s), self.world)

    def _facts(self, topic: str, window_s: int) -> pl.DataFrame:
        """Give what counts, with `window_start` in epoch seconds.

        Raises:
            Broken: the size is no multiple of 10 s.

        """
        if window_s % FINEST_S:
            raise Broken(f"the simulator counts by {FINEST_S} s, not by {window_s} s")
        self._kept[topic] = [pl.concat(self._kept[topic])]
        start = pl.col("window").cast(pl.Int64) * FINEST_S // window_s * window_s
        return self._kept[topic][0].with_columns(start.alias("window_start"))


def kept(topic: str, facts: pl.DataFrame | None) -> pl.DataFrame:
    """Take what counts, in as few bytes as hold it; None gives an empty frame of the same columns."""
    if facts is None:
        return pl.DataFrame(schema={"window": pl.UInt32, **dict.fromkeys(KEPT[topic], pl.UInt32)})
    return facts.filter(pl.col("kind").is_in([GOOD, LATE])).select(
        (pl.col("at_ms") // (FINEST_S * 1000)).cast(pl.UInt32).alias("window"),
        pl.col(KEPT[topic]).cast(pl.UInt32),
    )
