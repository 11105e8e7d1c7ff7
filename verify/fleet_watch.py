"""A fleet's days through what the flow watches servers with, and through what everybody begins with.

Rules: samples come in the order of arrival, partition by partition. No engine and no server runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from models.anomaly import KINDS, OPENED, WORSE, Streams
from models.heartbeats import Beats
from models.server_alarm import HEARTBEAT, Change, Kind
from simulator.faults import SORTS
from simulator.fleet_days import FleetDays, Planted, Samples, together
from simulator.loads import LOADS
from verify.fleet_baseline import three_sigma, timeouts
from verify.fleet_marks import Marks, Page, marked

PARTITIONS = 4
AT_ONCE = 20_000  # samples
IN_A_ROW = 3
OURS, THEIRS, STEADIER = "gamewax", "3 sigma", f"3 sigma, {IN_A_ROW} in a row"
Told = Callable[[str, float], None]  # what is being done, and how much of it is done (0-1)


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
        """Tell whether faults of every sort were planted, and ours are better both ways."""
        return {one.fault.sort for one in self.planted} == set(SORTS) and self.ours.beats(self.theirs)


def judged(days: FleetDays, told: Told) -> Judged:
    """Let days of a fleet pass, and compare who told what with what was planted."""
    parts, planted = [], []
    theirs, steadier, ours = list[Page](), list[Page](), list[Page]()
    for number, (samples, its_faults) in enumerate(days.each()):
        told("simulating, and watching by 3 sigma", number / len(days.hosts))
        parts.append(samples)
        planted += its_faults
        own, silent = together([samples]), list(timeouts(samples))
        theirs += [*three_sigma(own), *silent]
        steadier += [*three_sigma(own, IN_A_ROW), *silent]
    for partition in range(min(PARTITIONS, len(parts))):
        share = partial(_share, told, partition)
        ours += watched(together(parts[partition::PARTITIONS]), share)
    faults, server_days = [one.fault for one in planted], days.days * len(days.hosts)
    return Judged(
        sum(part.server.size for part in parts),
        tuple(planted),
        marked(OURS, ours, faults, server_days),
        marked(THEIRS, theirs, faults, server_days),
        marked(STEADIER, steadier, faults, server_days),
    )


def watched(samples: Samples, told: Callable[[float], None]) -> Iterator[Page]:
    """Watch one partition's samples by the flow's own detector and heartbeats."""
    servers = int(samples.server.max()) + 1
    streams, beats = Streams(servers * len(LOADS)), Beats(servers)
    for first in range(0, samples.server.size, AT_ONCE):
        told(first / samples.server.size)
        some = samples.of(slice(first, first + AT_ONCE))
        for beat in beats.beat(some.server, some.time_ms, some.arrived_ms, some.leaving):
            if beat.change is Change.OPENED:
                yield Page(beat.server, HEARTBEAT, Kind.MISSED_HEARTBEAT, beat.time_ms)
        for place, metric in enumerate(LOADS):
            found = streams.score(some.server * len(LOADS) + place, some.time_ms, some.loads[:, place])
            for row in np.flatnonzero((found.change == OPENED) | (found.change == WORSE)).tolist():
                at_ms = int(some.time_ms[row])
                yield Page(int(some.server[row]), metric, KINDS[int(found.kind[row])], at_ms)


def _share(told: Told, partition: int, done: float) -> None:
    told("watching as the flow does", (partition + done) / PARTITIONS)
