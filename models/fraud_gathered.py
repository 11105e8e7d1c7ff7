"""Suspicious purchases gathered to alerts outside the flow, as the flow's own step would gather them.

Rules: an alert is handed on once its window is out of reach for the partition that its purchases come from,
and then it is forgotten; so memory holds what is open, as in the flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from models.fraud_alert import Evidence, OpenAlert, Suspicion, begun

Place = tuple[str, int]  # a partition: log and number
Spot = tuple[str, int, int]  # a message: log, partition, offset


def spot_of(evidence: Evidence) -> Spot:
    """Say where a purchase lies."""
    return evidence.log, evidence.partition, evidence.offset


@dataclass(slots=True)
class Gathered:
    """Open alerts, by the partition that they come from."""

    _open: dict[Place, dict[str, OpenAlert]] = field(default_factory=dict)

    def join(self, found: Suspicion) -> OpenAlert:
        """Let a purchase join its alert, or begin one; gives the alert."""
        mine = self._open.setdefault((found.evidence.log, found.evidence.partition), {})
        name = found.alert_id
        if name in mine:
            mine[name].join(found)
        else:
            mine[name] = begun(found)
        return mine[name]

    def close(self, place: Place, closed_ms: int) -> Iterator[OpenAlert]:
        """Hand on the alerts of a partition whose windows end at that time (epoch ms) or earlier."""
        mine = self._open.get(place, {})
        for name in [name for name, alert in mine.items() if alert.ends_ms <= closed_ms]:
            yield mine.pop(name)

    def rest(self, places: Iterable[Place] | None = None) -> Iterator[OpenAlert]:
        """Hand on all that are open still (of some partitions)."""
        for place in list(self._open) if places is None else places:
            yield from self._open.pop(place, {}).values()
