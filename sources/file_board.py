"""What the files of one run know of each other: whose turn it is, and what all of them promise together.

Rules:
- A file is read only while it is at most `AHEAD_MS` of event time before the slowest one that has more
  to give; so files of one hour after another are read one after another, and files that cover the same
  time side by side. A file read to its end holds nobody back.
- A slot hears one promise for all files: the lowest of what each had promised in its last *committed*
  snapshot. So whatever comes later from any file, replayed or not, keeps it; a promise of each file by
  itself would make every slot remember every file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from windows.plan import NEVER, SHARDS, CellId, Plan, slots_between
from windows.slot import Share
from windows.take import LaneState, Take

AHEAD_MS = 30_000  # as for Kafka's partitions
EVER = -NEVER  # what a file promises that is read to its end
SPEAKER = 0


@dataclass(slots=True)
class FileStanding:
    """Where one file stands: its state as handed on, its promise by the last commit, its bytes."""

    state: LaneState
    settled_ms: int = NEVER
    unread: bool = True
    bytes_read: int = 0


@dataclass(slots=True)
class FileBoard:
    """The standings of all files of a run, by their numbers."""

    plan: Plan
    standings: dict[int, FileStanding]
    held: int = 0  # messages asked for in the background and not handed on, at most
    promise_ms: int = NEVER
    _told_ms: int = NEVER
    _slowest_ms: int = field(init=False, default=NEVER)
    _next_ms: int = field(init=False, default=NEVER)
    abreast: int = field(init=False, default=1)  # files whose turn it is

    def moved(self) -> None:
        """See anew whose turn it is; a file has moved or ended."""
        newest = [of.state.newest_ms for of in self.standings.values() if of.unread]
        self._slowest_ms = min(newest, default=EVER)
        waiting = [ms for ms in newest if ms - self._slowest_ms > AHEAD_MS]
        self._next_ms = min(waiting, default=EVER)
        self.abreast = max(1, len(newest) - len(waiting))

    def may_read(self, number: int) -> bool:
        """Tell whether it is a file's turn."""
        return self.standings[number].state.newest_ms - self._slowest_ms <= AHEAD_MS

    def is_next(self, number: int) -> bool:
        """Tell whether a file that waits is the next one."""
        return self.standings[number].state.newest_ms <= self._next_ms

    @property
    def all_read(self) -> bool:
        """Tell whether every file is read to its end."""
        return self._slowest_ms == EVER

    def settle(self, number: int, promise_ms: int) -> None:
        """Note what a committed snapshot of a file promises."""
        before, self.standings[number].settled_ms = self.standings[number].settled_ms, promise_ms
        if before <= self.promise_ms < promise_ms:
            self.promise_ms = min(of.settled_ms for of in self.standings.values())

    def news(self, state: LaneState) -> Iterator[Take]:
        """Tell the slots that all files promise more than they heard; `state` is where the teller stands."""
        if self.promise_ms > self._told_ms:
            cells = list(passed(self.plan, self._told_ms, self.promise_ms))
            self._told_ms = self.promise_ms
            yield Take(
                state, tuple(Share(cell, state.partition, 1, self.promise_ms, (), SPEAKER) for cell in cells)
            )

    def under_promise(self, take: Take) -> Take:
        """Let the shares of a file's take carry the promise of all."""
        shares = tuple(
            Share(share.cell, share.partition, 1, self.promise_ms, share.partials, SPEAKER, share.log)
            for share in take.shares
            if share.partials
        )
        return replace(take, shares=shares)


def passed(plan: Plan, told_ms: int, now_ms: int) -> Iterator[CellId]:
    """Give the slots of windows that went out of reach, or became complete, between two promises."""
    tables = [aggregate.table for aggregate in plan.aggregates]
    for size in plan.sizes_s if tables else ():
        slots = slots_between(plan.closed_before(told_ms), plan.closed_before(now_ms), size)
        if plan.tells_complete:
            slots |= slots_between(told_ms, now_ms, size)
        for table, slot, shard in product(tables, sorted(slots), range(SHARDS)):
            yield CellId(table, size, slot, shard)
