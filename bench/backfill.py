"""A backfill beside a live flow: freshness alone and while days of files are counted, and how fast.

Rules:
- The live flow is that of `bench/lat.py`: 20,000 events/s, ten probes a second.
- The backfill is the product's command. After the probes it is asked to end, as by Ctrl-C, and then its rows
  are compared, day by day, with a plain group-by over the events that it says it has read; where one is
  wrong no figure is told.
- Its speed is what its store has committed while the probes ran; `busy` is 0 when it ended before they did.
"""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from clickhouse_connect.driver.client import Client

from bench.lat import Freshness, freshness
from bench.load import Load
from bench.rig import ROOT, writer
from bench.truth import KEY, by_level
from embedded.process import TUNED
from embedded.services import Services
from flows.past import committed_lanes
from windows.take import LaneState

START_MS = 1_735_689_660_000  # a minute after 2025-01-01, so that no event falls into the day before
DAY_S = 86_400
GOAL_P99_S = 2.0
_ROWS = """
SELECT toInt64(toUnixTimestamp(window_start)) AS window_start, level_id, map_id,
    * EXCEPT (window_start, level_id, map_id, game_id, window_seconds)
FROM gamewax.engagement_by_level
WHERE window_seconds = 10 AND window_start >= fromUnixTimestamp({from:Int64})
    AND window_start < fromUnixTimestamp({to:Int64})
ORDER BY window_start, level_id, map_id
"""
_FORGET = """
DELETE FROM gamewax.engagement_by_level_upserts WHERE window_start < fromUnixTimestamp({to:Int64})
"""


@dataclass(frozen=True, slots=True)
class Backfilling:
    """Freshness without and with a backfill, what that committed a second, and how many days were right."""

    alone: Freshness
    during: Freshness
    per_s: float
    busy: float
    days_right: int
    days: int
    name: str = "BACKFILL"

    @property
    def figures(self) -> dict[str, float]:
        """Give seconds and events a second; nothing when rows were wrong or probes lost."""
        if self.days_right < self.days or not (self.alone.figures and self.during.figures):
            return {}
        names = ("p50_s", "p99_s")
        return {
            **{f"alone_{name}": self.alone.figures[name] for name in names},
            **{name: self.during.figures[name] for name in names},
            "events_per_s": self.per_s,
            "busy": self.busy,
        }

    @property
    def reached(self) -> bool:
        """Whether every row was right and the live flow stayed fresh."""
        return bool(self.figures) and self.during.p99 <= GOAL_P99_S

    def __str__(self) -> str:
        """Say it in one line."""
        met = " ".join(f"{name}={value:.4g}" for name, value in self.figures.items())
        told = met or f"no figure ({self.alone}; {self.during})"
        return f"{self.name} {told} days={self.days_right}/{self.days}"


def backfilling(
    services: Services, days: int, events_per_day: int, seconds: int, folder: Path
) -> Backfilling:
    """Measure freshness alone, then beside a backfill of `days` files; `folder` keeps files and stores."""
    files = folder / f"days-{days}-{events_per_day}"
    write_days(files, days, events_per_day)
    stores = folder / "recovery"
    for old in stores.glob("engagement-backfill-*"):
        shutil.rmtree(old)
    client = writer(services)
    client.command(_FORGET, parameters={"to": START_MS // 1000 + days * DAY_S})
    alone = freshness(services, seconds, stores)
    with started(services, stores, files) as process:
        begun_s, before = time.monotonic(), committed(stores)
        during = freshness(services, seconds, stores)
        took_s, gained = time.monotonic() - begun_s, committed(stores) - before
        busy = 1.0 if process.poll() is None else 0.0
    lanes = {lane.partition: lane for lane in lanes_of(stores)}
    right = sum(
        is_right(client, day_of(number, events_per_day), lane.next_offset - 1)
        for number, lane in lanes.items()
    )
    return Backfilling(alone, during, gained / took_s, busy, right, days)


def day_of(day: int, events: int) -> Load:
    """Give the events of one day."""
    return Load(
        events, ids=False, start_ms=START_MS + day * DAY_S * 1000, seed=day, per_s=events // 80_000 + 1
    )


def write_days(folder: Path, days: int, events: int) -> None:
    """Put a packed file for each day down; it is kept between runs."""
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(days):
        path = folder / f"{day:03d}.ndjson.gz"
        if path.exists():
            continue
        with gzip.open(path.with_suffix(".new"), "wb", compresslevel=1) as file:
            for values, _ in day_of(day, events).batches():
                file.write(b"\n".join(values) + b"\n")
        path.with_suffix(".new").rename(path)


@contextmanager
def started(services: Services, stores: Path, files: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command; at the end of the block it is gone."""
    environment = {**TUNED, **os.environ, **services.environment(), "GAMEWAX_RECOVERY__DIR": str(stores)}
    command = [sys.executable, "-m", "cli", "backfill", "engagement", "--files", f"{files}/*.ndjson.gz"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def lanes_of(stores: Path) -> list[LaneState]:
    """Read where the backfill's lanes stand by its store, one for each file."""
    found = stores.glob("engagement-backfill-*/store")
    return [lane for store in found for lane in committed_lanes(store, "engagement.read")]


def committed(stores: Path) -> int:
    """Count the events that the backfill has read."""
    return sum(lane.read for lane in lanes_of(stores))


def is_right(client: Client, day: Load, read: int) -> bool:
    """Compare a day's rows with a plain group-by over the events that were read."""
    truth = by_level(day, 10, read)
    bounds = {"from": day.start_ms // 1000 - 60, "to": day.start_ms // 1000 - 60 + DAY_S}
    rows = pl.DataFrame(client.query_arrow(_ROWS, parameters=bounds))
    names = pl.col(KEY[1:]).cast(pl.String)
    return rows.with_columns(names, pl.exclude(KEY).cast(pl.Int64)).select(truth.columns).equals(truth)
