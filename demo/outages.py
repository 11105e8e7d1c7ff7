"""Whether planted outages of servers were found.

Rules: an outage counts once it has lasted `ENOUGH_MS`; it is found when an alarm says that its server missed
its heartbeats then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from demo.reader import Reader
from simulator.truth import Truth

SILENT = """
SELECT DISTINCT server_id FROM server_anomalies WHERE kind = 'missed_heartbeat'
    AND toUnixTimestamp64Milli(time) BETWEEN {from:Int64} AND {to:Int64}
"""
ENOUGH_MS = 15_000


@dataclass(frozen=True, slots=True)
class Outages:
    """Planted outages: how many lasted long enough, and the servers that were not found."""

    planted: int
    missed: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in few words."""
        return f"{self.planted - len(self.missed)} of {self.planted} server outages found"


def outages(reader: Reader, truth: Truth) -> Outages:
    """Look for planted outages among the alarms.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    servers, newest_ms = truth.world.servers, truth.newest_us // 1000
    planted = [of for of in servers.outages(newest_ms) if newest_ms - of.from_ms >= ENOUGH_MS]
    missed = []
    for outage in planted:
        span = {"from": outage.from_ms, "to": outage.to_ms}
        if servers.ids[outage.server] not in {str(name) for (name,) in reader.rows(SILENT, span)}:
            missed.append(servers.ids[outage.server])
    return Outages(len(planted), tuple(missed))


def faults_of_outages(found: Outages) -> Iterator[str]:
    """Name what is not as it must be."""
    if found.missed:
        yield f"nobody noticed the outage of {', '.join(found.missed)}"
