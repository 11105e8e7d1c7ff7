"""The windows that share one slot of one shard: fold, give out rows, free what is out of reach.

Rules:
- The lateness verdict fell before (`windows.lane`); a slot folds all it is handed.
- A partition's guarantee g is its promise: no more events of windows that end by g - allowed lateness.
  A window is freed when every partition of the topic has promised so, after its last rows went out.
- What was freed stays closed: an event below that frontier is a bug upstream, never folded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from models.aggregates import Aggregate
from topics.errors import Broken
from windows.cell import Cell
from windows.partials import Partial
from windows.plan import NEVER, CellId, Plan
from windows.rows import Rows


@dataclass(frozen=True, slots=True)
class Share:
    """What one take of one partition means for one slot of one shard; perhaps only a promise.

    `partitions` is how many the topic has, `guarantee_ms` what this one promises after the partials.
    Where one promise stands for all partitions of a source, `speaker` is who gives it. `log` is where the
    events come from.
    """

    cell: CellId
    partition: int
    partitions: int
    guarantee_ms: int
    partials: tuple[Partial, ...] = ()
    speaker: int | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class Folded:
    """A receipt for accounting: events of one partition that became part of a row."""

    partition: int
    window_seconds: int
    events: int
    log: str = ""


@dataclass(frozen=True, slots=True)
class Complete:
    """A window of which no partition has more to come, but late events; `events` are those folded so far."""

    cell: CellId
    start_ms: int
    events: int


@dataclass(slots=True)
class Slot:
    """The live windows of one (aggregate, size, slot, shard).

    `told` are the events of complete windows, as they were last told. `written`: the input has ended and all
    rows were given out, so a snapshot taken now commits only when they are acknowledged, and who starts from
    it has nothing to write again.
    """

    plan: Plan
    cell: CellId
    partitions: int = 0
    closed_ms: int = NEVER  # windows ending by then are freed
    guarantees: dict[int, int] = field(default_factory=dict)
    windows: dict[int, Cell] = field(default_factory=dict)
    written: bool = False
    log: str = ""  # where the last share came from
    told: dict[int, int] = field(default_factory=dict)

    def fold(self, share: Share) -> Folded:
        """Fold one share and note its promise; `free` acts on it.

        Raises:
            Broken: a partial belongs to a window that was freed.

        """
        self.written = False
        self._count_partitions(share)
        events = 0
        for partial in share.partials:
            if self._end(partial.start_ms) <= self.closed_ms:
                raise Broken(
                    f"{self.cell.key}: partition {share.partition} sent events of {partial.start_ms}, "
                    f"freed at {self.closed_ms}"
                )
            events += self._window(partial.start_ms).fold(partial)
        speaker = share.partition if share.speaker is None else share.speaker
        self.guarantees[speaker] = max(self.guarantees.get(speaker, NEVER), share.guarantee_ms)
        return Folded(share.partition, self.cell.size_s, events, share.log)

    def _count_partitions(self, share: Share) -> None:
        """Note how many partitions must promise: a topic only grows, unless it is created anew with fewer."""
        if share.log != self.log and share.partitions < self.partitions:
            self.partitions = share.partitions
            kept = self.guarantees.items()
            self.guarantees = {number: ms for number, ms in kept if number < share.partitions}
        self.partitions, self.log = max(self.partitions, share.partitions), share.log

    def changed(self) -> bool:
        """Tell whether `rows` may have something to give."""
        return bool(self.cell.table) and any(window.changed for window in self.windows.values())

    def rows(self) -> Rows | None:
        """Give out the rows that changed since the last call, or None."""
        changed = [window for window in self.windows.values() if window.changed]
        if not changed or not self.cell.table:
            return None
        frames = [window.changed_rows(self.cell.size_s, self.plan.generation) for window in changed]
        return Rows(f"{self.cell.table}_upserts", frames[0] if len(frames) == 1 else pl.concat(frames))

    def completes(self) -> bool:
        """Tell whether a window is complete that has not been told."""
        return any(start not in self.told for start in self._complete())

    def complete(self) -> list[Complete]:
        """Tell complete windows, each once, and again when late events changed it; call it before `rows`."""
        due = [start for start in self._complete() if start not in self.told or self.windows[start].changed]
        self.told |= {start: self.windows[start].events for start in due}
        return [Complete(self.cell, start, self.told[start]) for start in due]

    def _complete(self) -> list[int]:
        """Give the starts of windows that end within every partition's promise."""
        if not self.plan.tells_complete or len(self.guarantees) < self.partitions:
            return []
        passed_ms = min(self.guarantees.values())
        return [start for start in self.windows if self._end(start) <= passed_ms]

    def note_written(self) -> None:
        """Take every row as given out and acknowledged."""
        self.written = True
        for window in self.windows.values():
            window.note_written()

    def rest(self) -> None:
        """Keep of each window what its snapshot holds, if nothing was folded since and all was given out."""
        for window in self.windows.values():
            window.rest()

    def out_of_reach(self) -> list[int]:
        """Give the starts of windows that no partition will add to."""
        if len(self.guarantees) < self.partitions:
            return []
        closed = self.plan.closed_before(min(self.guarantees.values()))
        self.closed_ms = max(self.closed_ms, closed)
        return [start for start in self.windows if self._end(start) <= self.closed_ms]

    def free(self, starts: list[int]) -> None:
        """Forget windows; their rows must have been given out."""
        for start in starts:
            del self.windows[start]
            self.told.pop(start, None)

    def _window(self, start_ms: int) -> Cell:
        if start_ms not in self.windows:
            self.windows[start_ms] = Cell(self.aggregate, start_ms)
        return self.windows[start_ms]

    @property
    def aggregate(self) -> Aggregate:
        """The aggregate whose table this slot feeds."""
        return next(of for of in self.plan.aggregates if of.table == self.cell.table)

    def _end(self, start_ms: int) -> int:
        return start_ms + self.cell.size_s * 1000
