"""A fleet's days through what the flow watches servers with, and through what everybody begins with.

Rules: samples come in the order of arrival, partition by partition, and are forgotten with it. No engine and
no server runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from models.server_alarm import Change
from models.server_watch import COLUMNS, ServerWatch
from simulator.faults import SORTS
from simulator.fleet_days import FleetDays, Planted, Samples, together
from simulator.loads import LOADS
from verify.fleet_baseline import three_sigma, timeouts
from verify.fleet_marks import Marks, Page, marked

PARTITIONS = 4
AT_ONCE = 20_000  # samples
IN_A_ROW = 3
OURS, THEIRS, STEADIER = "gamewax", "3 sigma", f"3 sigma, {IN_A_ROW} in a row"
Told = Callable[[float], None]  # how much is done, 0-1


@dataclass(frozen=True, slots=True)
class Judged:
    """The watchers' marks, and what was planted in how many samples; who waits for more is steadier."""

    samples: int
    planted: tuple[Planted, ...]
    ours: Marks
    theirs: Marks
    steadier: Marks

    @property
    def passes(self) -> bool:
        """Tell whether faults of every sort were planted, and ours are better than both others, both ways."""
        planted = {one.fault.sort for one in self.planted} == set(SORTS)
        return planted and self.ours.beats(self.theirs) and self.ours.beats(self.steadier)


def judged(days: FleetDays, told: Told) -> Judged:
    """Let days of a fleet pass, and compare who told what with what was planted."""
    planted, samples = list[Planted](), 0
    pages: dict[str, list[Page]] = {OURS: [], THEIRS: [], STEADIER: []}
    for partition in range(PARTITIONS):
        parts, hosts = [], days.hosts[partition::PARTITIONS]
        for number, host in enumerate(hosts):
            told((partition + 0.5 * number / len(hosts)) / PARTITIONS)
            own, its_faults = days.lived(host)
            own, silent = together([own]), list(timeouts(own))
            pages[THEIRS] += [*three_sigma(own), *silent]
            pages[STEADIER] += [*three_sigma(own, IN_A_ROW), *silent]
            parts.append(own)
            planted += its_faults
            samples += own.server.size
        if parts:
            told((partition + 0.5) / PARTITIONS)
            pages[OURS] += watched(together(parts))
    server_days = days.days * len(days.hosts)
    faults = [one.fault for one in planted]
    marks = [marked(name, found, faults, server_days) for name, found in pages.items()]
    return Judged(samples, tuple(planted), *marks)


def watched(samples: Samples) -> Iterator[Page]:
    """Watch one partition's samples by the flow's own watch; an alarm comes when the partition is so far."""
    watch = ServerWatch()
    for first in range(0, samples.server.size, AT_ONCE):
        some = samples.of(slice(first, first + AT_ONCE))
        for alarm in watch.see(frame(some)):
            if alarm.change is not Change.RESOLVED:
                yield Page(int(alarm.server_id), alarm.metric, alarm.kind, alarm.seen_ms)


def frame(samples: Samples) -> pl.DataFrame:
    """Write samples as the flow's events; a server is named by its number."""
    state = pl.when(pl.Series(samples.leaving)).then(pl.lit("draining")).otherwise(pl.lit("up"))
    texts = {"game_id": pl.lit(""), "fleet_id": pl.lit(""), "region": pl.lit(""), "state": state}
    loads = dict(zip(LOADS, samples.loads.T, strict=True))
    times = {"event_time": samples.time_ms, "kafka_time_ms": samples.arrived_ms}
    events = pl.DataFrame({"server_id": samples.server, **times, **loads})
    return events.with_columns(pl.col("server_id").cast(pl.String), **texts).select(COLUMNS)
