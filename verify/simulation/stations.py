"""What a worker does at each station, as Bytewax's operators do it (`src/operators.rs`, `src/outputs.rs`).

Rules: a station works through its epochs in order. Within an epoch: items by key in key order, then due
notifications, then the end of the input, then `notify_at` of all that was woken; at the epoch's end the
woken keys are snapshot, no others.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from verify.simulation.graph import Batch, Step
from verify.simulation.store import Change

Out = tuple[str, Batch]  # a stream, and what goes along it
Channel = tuple[int, str]  # who sends: a worker, and the station where it came from


@dataclass(slots=True)
class Inbox:
    """What is on its way to one station on one worker: each sender's items stay in order."""

    channels: dict[Channel, deque[tuple[int, Batch]]] = field(default_factory=lambda: defaultdict(deque))

    def put(self, sender: Channel, epoch: int, batch: Batch) -> None:
        """Send a batch."""
        self.channels[sender].append((epoch, batch))

    def holds(self, epoch: int) -> bool:
        """Tell whether anything of an epoch is still on its way."""
        return any(queue and queue[0][0] <= epoch for queue in self.channels.values())

    def taken(self, epoch: int, random: Random | None) -> Batch:
        """Take what has come of an epoch; with a random, only from some senders."""
        found: Batch = []
        for queue in self.channels.values():
            if random is not None and random.random() < 0.3:  # noqa: PLR2004  a slow sender
                continue
            while queue and queue[0][0] <= epoch:
                found += queue.popleft()[1]
        return found


@dataclass(slots=True)
class Stateful:
    """`stateful_batch` on one worker."""

    step: Step
    logics: dict[str, Any] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    woken: set[str] = field(default_factory=set)

    def load(self, key: str, state: bytes) -> None:
        """Build a logic from its snapshot."""
        logic = self.logics[key] = self.step.operator.builder(state)
        self._ask(key, logic)

    def work(self, items: Batch, now: datetime, *, ended: bool) -> Iterator[Out]:
        """Run all logics that have items or a notification due; all of them when the input has ended."""
        woken: dict[str, None] = {}
        out: Batch = []
        by_key: dict[str, Batch] = defaultdict(list)
        for key, value in items:
            by_key[key].append(value)
        for key in sorted(by_key):
            if key not in self.logics:
                self.logics[key] = self.step.operator.builder(None)
            self._take(key, self.logics[key].on_batch(by_key[key]), out)
            woken[key] = None
        for key in sorted(key for key, at in self.due.items() if at <= now):
            self._take(key, self.logics[key].on_notify(), out)
            self.due.pop(key, None)
            woken[key] = None
        for key in sorted(self.logics) if ended else ():
            self._take(key, self.logics[key].on_eof(), out)
            woken[key] = None
        for key in woken:
            if key in self.logics:
                self._ask(key, self.logics[key])
        self.woken.update(woken)
        yield self.step.operator.down.stream_id, out

    def close(self) -> list[Change]:
        """End the epoch: snapshot what was woken in it."""
        woken, self.woken = sorted(self.woken), set()
        return [
            (self.step.step_id, key, self.logics[key].snapshot() if key in self.logics else None)
            for key in woken
        ]

    def _take(self, key: str, answer: tuple[Any, bool], out: Batch) -> None:
        values, discard = answer
        out += [(key, value) for value in values]
        if discard:
            del self.logics[key]
            self.due.pop(key, None)

    def _ask(self, key: str, logic: Any) -> None:
        at = logic.notify_at()
        if at is not None:
            self.due[key] = at


@dataclass(slots=True)
class Output:
    """`output` to a partitioned sink on one worker; items are already those of its partitions."""

    step: Step
    names: list[str]
    parts: dict[str, Any] = field(default_factory=dict)
    woken: set[str] = field(default_factory=set)

    def load(self, key: str, state: bytes) -> None:
        """Open a partition that an earlier run wrote to."""
        self.parts[key] = self.step.operator.sink.build_part(self.step.step_id, key, state)

    def work(self, items: Batch, now: datetime, *, ended: bool) -> Iterator[Out]:
        """Write."""
        del now, ended
        sink, by_part = self.step.operator.sink, defaultdict(list)
        for key, value in items:
            by_part[self.names[sink.part_fn(key) % len(self.names)]].append(value)
        for name in sorted(by_part):
            if name not in self.parts:
                self.parts[name] = sink.build_part(self.step.step_id, name, None)
            self.parts[name].write_batch(by_part[name])
            self.woken.add(name)
        yield from ()

    def close(self) -> list[Change]:
        """End the epoch: snapshot the partitions that were written to."""
        woken, self.woken = sorted(self.woken), set()
        return [(self.step.step_id, name, self.parts[name].snapshot()) for name in woken]


@dataclass(slots=True)
class Redistribute:
    """`redistribute` on one worker: hands on what came."""

    step: Step

    def load(self, key: str, state: bytes) -> None:
        """Keep nothing."""

    def work(self, items: Batch, now: datetime, *, ended: bool) -> Iterator[Out]:
        """Hand on."""
        del now, ended
        yield self.step.operator.down.stream_id, items

    def close(self) -> list[Change]:
        """Keep nothing."""
        return []


@dataclass(slots=True)
class SourcePart:
    """One source partition: the epoch that it is in, and whether it has ended."""

    key: str
    part: Any
    epoch: int
    ended: bool = False


@dataclass(slots=True)
class Reader:
    """`input` on one worker."""

    step: Step
    parts: dict[str, SourcePart] = field(default_factory=dict)

    def call(self, of: SourcePart, *, epoch_ends: bool) -> tuple[Batch, list[Change]]:
        """Ask a partition for its next batch; at the epoch's or the input's end snapshot it."""
        batch: Batch = []
        try:
            batch = list(of.part.next_batch())
            of.part.next_awake()
        except StopIteration:
            of.ended = True
        if not (epoch_ends or of.ended):
            return batch, []
        changes = [(self.step.step_id, of.key, of.part.snapshot())]
        of.epoch += 1
        if of.ended:
            of.part.close()
        return batch, changes
