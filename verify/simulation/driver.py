"""Runs dataflows in this process as Bytewax runs a cluster, one small step at a time.

Rules:
- As `src/inputs.rs` has it: a partition in epoch e is called only when all below e is finished on every
  worker and written; so no two epochs' messages are ever under way, only notifications run ahead.
- A station closes an epoch when all before it have and nothing of it is on its way. States are then written
  as they come, after them each worker's frontier; with the last one the epoch is committed.
- Which step comes next is the caller's `Random`; the driver itself has no chance and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import Any
from zlib import crc32

from verify.simulation.graph import Batch, Graph, Step
from verify.simulation.stations import Channel, Inbox, Output, Reader, Redistribute, SourcePart, Stateful
from verify.simulation.store import Change, RecoveryStore
from verify.simulation.worker import Station, Worker


class Cluster:
    """One execution of a dataflow on some workers, from the recovery store on.

    Args:
        graphs: each worker's own dataflow, all alike.
        store: where states are.
        now: gives Bytewax's clock, for notifications.
        committed: told of each epoch that is finished on all workers.

    """

    def __init__(
        self,
        graphs: Sequence[Graph],
        store: RecoveryStore,
        now: Callable[[], datetime],
        committed: Callable[[int], None],
    ) -> None:
        self._store, self._now, self._committed = store, now, committed
        self._execution, self.epoch = store.resume_from()
        self.workers = [Worker(number, graph) for number, graph in enumerate(graphs)]
        self._upstream = self.workers[0].graph.upstream()
        self._unwritten: list[tuple[int, Change]] = []
        self._fronts = {worker.number: self.epoch for worker in self.workers}
        self._names: dict[str, list[str]] = {}  # a sink's partitions
        self._homes: dict[tuple[str, str], int] = {}  # which worker has a partition
        store.begin(self._execution, len(graphs), self.epoch)
        self._open()

    def _open(self) -> None:
        states = self._store.states(self.epoch)
        for station in self.workers[0].graph.stations():
            self._place(station)
        for worker in self.workers:
            for step in worker.graph.stations():
                self._open_station(worker, step, [of for of in states if of[0] == step.step_id])

    def _place(self, step: Step) -> None:
        """Give the partitions of a source or sink homes, as evenly as Bytewax does."""
        if step.kind not in {"input", "output"}:
            return
        known: dict[str, list[int]] = {}
        for worker in self.workers:
            of = worker.graph.steps[step.step_id].operator
            for name in (of.source if step.kind == "input" else of.sink).list_parts():
                known.setdefault(name, []).append(worker.number)
        held = dict.fromkeys(range(len(self.workers)), 0)
        for name in sorted(sorted(known), key=lambda name: len(known[name])):
            home = min(known[name], key=lambda number: (held[number], number))
            self._homes[step.step_id, name] = home
            held[home] += 1
        self._names[step.step_id] = sorted(known)

    def _open_station(self, worker: Worker, step: Step, states: Sequence[Change]) -> None:
        worker.closed[step.step_id] = self.epoch - 1
        if step.kind == "input":
            worker.readers.append(self._reader(worker, step, states))
            return
        worker.inboxes[step.step_id] = Inbox()
        station: Station = Redistribute(step)
        if step.kind == "stateful_batch":
            station = Stateful(step)
        elif step.kind == "output":
            station = Output(step, self._names[step.step_id])
        worker.stations[step.step_id] = station
        for _, key, state in states:
            if state is not None and self._home(step, key) == worker.number:
                station.load(key, state)
            elif step.kind == "output" and self._home(step, key) == worker.number:
                station.load(key, b"")

    def _reader(self, worker: Worker, step: Step, states: Sequence[Change]) -> Reader:
        saved = {key: state for _, key, state in states}
        reader = Reader(step)
        mine = [key for key in self._names[step.step_id] if self._homes[step.step_id, key] == worker.number]
        for key in sorted(mine, key=lambda key: saved.get(key) is None):  # as Bytewax: loads come first
            part = step.operator.source.build_part(step.step_id, key, saved.get(key))
            reader.parts[key] = SourcePart(key, part, self.epoch)
        return reader

    def _home(self, step: Step, key: str) -> int:
        if step.kind == "stateful_batch":
            return crc32(key.encode()) % len(self.workers)
        return self._homes[step.step_id, key]

    # what may come next: each gives whether it did anything

    def read(self, worker: Worker, *, epoch_ends: Callable[[], bool]) -> bool:
        """Call each source partition of a worker once, as one activation of its input does."""
        moved = False
        for reader in worker.readers:
            for of in reader.parts.values():
                if of.ended or of.epoch != self.epoch:
                    continue
                batch, changes = reader.call(of, epoch_ends=epoch_ends())
                sender = worker.number, reader.step.step_id
                self._send(worker, sender, (reader.step.operator.down.stream_id, batch), self.epoch)
                self._unwritten += [(self.epoch, change) for change in changes]
                moved = moved or bool(batch or changes)
        return moved

    def work(self, worker: Worker, random: Random | None) -> bool:
        """Run each of a worker's stations once: what has come, what is due, the epoch's end."""
        return sum(self._work_at(worker, name, random) for name in worker.stations) > 0

    def work_at_one(self, worker: Worker, random: Random) -> bool:
        """Run one station of a worker."""
        return self._work_at(worker, random.choice(list(worker.stations)), random)

    def _work_at(self, worker: Worker, name: str, random: Random | None) -> bool:
        station, epoch = worker.stations[name], worker.closed[name] + 1
        if epoch > self.epoch + 1 or (self._ended and epoch > self.epoch):
            return False
        inbox = worker.inboxes[name]
        items = inbox.taken(epoch, random)
        closes = not inbox.holds(epoch) and self._passed(name, epoch)
        ended = closes and self._ended and epoch == self.epoch
        sender: Channel = worker.number, name
        for stream, batch in station.work(items, self._now(), ended=ended):
            self._send(worker, sender, (stream, batch), epoch)
        if closes:
            self._unwritten += [(epoch, change) for change in station.close()]
            worker.closed[name] = epoch
        return bool(items) or closes

    def write(self, random: Random | None) -> bool:
        """Write some states, or the next frontier when all states of the epoch are written."""
        if self.workers[0].dead:  # it has the store
            return False
        ready = [change for epoch, change in self._unwritten if epoch == self.epoch]
        if ready:
            count = len(ready) if random is None else random.randint(1, len(ready))
            self._store.write(self.epoch, ready[:count])
            rest = ready[count:]
            later = [of for of in self._unwritten if of[0] != self.epoch]
            self._unwritten = [(self.epoch, change) for change in rest] + later
            return True
        if not self._finished() or self.done:
            return False
        behind = [number for number, front in self._fronts.items() if front == self.epoch]
        number = behind[0] if random is None else random.choice(behind)
        self._fronts[number] = self.epoch + 1
        self._store.advance(self._execution, number, self.epoch + 1)
        if len(behind) == 1:
            self._commit()
        return True

    def _commit(self) -> None:
        self._committed(self.epoch)
        self._store.collect(self.epoch)
        self.epoch += 1

    def _finished(self) -> bool:
        return all(
            worker.has_read(self.epoch) and all(worker.closed[name] >= self.epoch for name in worker.stations)
            for worker in self.workers
        )

    def _passed(self, name: str, epoch: int) -> bool:
        """Tell whether everything before a station has finished an epoch, on all workers."""
        if any(worker.dead for worker in self.workers):
            return False
        return all(
            worker.has_closed(before, epoch) for before in self._upstream[name] for worker in self.workers
        )

    def _send(self, worker: Worker, sender: Channel, out: tuple[str, Batch], epoch: int) -> None:
        for step, batch in worker.graph.reached(*out):
            for number, part in self._exchanged(worker, step, batch).items():
                self.workers[number].inboxes[step.step_id].put(sender, epoch, part)

    def _exchanged(self, worker: Worker, step: Step, batch: Batch) -> dict[int, Batch]:
        """Say which items go to which worker."""
        found: dict[int, Batch] = {}
        for place, item in enumerate(batch):
            found.setdefault(self._worker_of(worker, step, item, place), []).append(item)
        return found

    def _worker_of(self, worker: Worker, step: Step, item: Any, place: int) -> int:
        if step.kind == "redistribute":
            return (worker.number + place) % len(self.workers)
        if step.kind == "stateful_batch":
            return self._home(step, item[0])
        names = self._names[step.step_id]
        return self._homes[step.step_id, names[step.operator.sink.part_fn(item[0]) % len(names)]]

    @property
    def _ended(self) -> bool:
        return all(
            of.ended for worker in self.workers for reader in worker.readers for of in reader.parts.values()
        )

    @property
    def done(self) -> bool:
        """Tell whether the input has ended and all of it is committed."""
        return self._ended and all(front > self._last for front in self._fronts.values())

    @property
    def _last(self) -> int:
        """Give the epoch in which the last source partition ended."""
        return max(
            (
                of.epoch - 1
                for worker in self.workers
                for reader in worker.readers
                for of in reader.parts.values()
            ),
            default=self.epoch - 1,
        )
