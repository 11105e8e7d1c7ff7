"""What a ClickHouse writer has done and where it stands, as numbers that anybody may read while it works.

Rules: counts begin at 0 with the process; times are seconds of the writer's own monotonic clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SinkFigures:
    """One look at a sink; `rows` are acknowledged ones, by the table that they were inserted into."""

    rows: Mapping[str, int] = field(default_factory=dict)
    inserts: int = 0
    retries: int = 0
    waited_s: float = 0.0  # after failed tries
    queue_bytes: int = 0  # queued and in flight
    unacknowledged_since_s: float | None = None  # when the oldest row that is not acknowledged came
    acknowledged_s: float | None = None  # when everything taken was last acknowledged
    away_since_s: float | None = None  # first failed try of the block that is tried again; None = answers


@dataclass(slots=True)
class Tally:
    """Counts what one writer thread does; only that thread changes it."""

    rows: dict[str, int] = field(default_factory=dict)
    inserts: int = 0
    retries: int = 0
    waited_s: float = 0.0
    acknowledged_s: float | None = None
    away_since_s: float | None = None

    def inserted(self, table: str, rows: int) -> None:
        """Count one acknowledged insert; the server answers again."""
        self.rows = {**self.rows, table: self.rows.get(table, 0) + rows}
        self.inserts += 1
        self.away_since_s = None

    def failed(self, now_s: float) -> bool:
        """Count one failed try; tells whether it is the first of its kind."""
        self.retries += 1
        first = self.away_since_s is None
        self.away_since_s = now_s if first else self.away_since_s
        return first
