"""What a source tells about itself while it is read: plain numbers, pulled, for metrics and health.

Rules: any thread may ask at any time, so nothing here waits for anybody. `read`, `dead`, `duplicates` and
`late` are counted since the log's first message, as in the snapshots; the other counts since the start.
Event times are epoch ms; `…_s` are seconds of the source's own monotonic clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PartitionFigures:
    """One partition as its messages were handed on to the flow."""

    topic: str
    partition: int
    read: int
    dead: int
    duplicates: int
    late: Mapping[int, int]  # by window size
    next_offset: int
    end_offset: int | None = None  # None: it has no known end
    lag: int | None = None  # messages before the end that were not handed on
    newest_ms: int | None = None  # None: no event yet
    watermark_ms: int | None = None
    idle: bool = False
    paused: bool = False
    unread: bool = False
    snapshots: int = 0
    snapshot_s: float | None = None  # when the last one was begun
    turned_s: float | None = None  # when the flow last asked for messages; None: not yet


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """One source: the partitions that this process reads, and whether what it reads from answers."""

    topic: str
    partitions: tuple[PartitionFigures, ...]
    answered_s: float | None = None  # None: it asks nobody
    closed: bool = False


class Measured(Protocol):
    """A source that tells of itself."""

    def figures(self) -> SourceFigures:
        """Tell where it stands."""
