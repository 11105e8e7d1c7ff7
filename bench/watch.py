"""Looks after a measured flow from inside its process: memory, CPU of its threads, the cost of recovery.

Rules:
- CPU of a thread is the kernel's own count (/proc/self/task). A thread that ends takes what it used since
  the last look with it; that is told as `ended`.
- Snapshots are timed around the product's own functions: CPU of the thread for what is written, and wall
  time for what a sink's snapshot waits until its rows are acknowledged.
- Time counts from the first poll (the bare loop's even from its first message) until the engine has ended:
  rows acknowledged, last snapshot committed. Opening and closing are told beside it, their CPU counts.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Event, Thread
from typing import Any

from flows.monitor import Monitor
from sinks.clickhouse import ClickHousePartition
from sources.kafka_partition import KafkaPartition
from windows.detect import WatchLogic
from windows.incidents import IncidentsLogic
from windows.operator import AccountsLogic, SlotLogic

LOOK_S = 0.25
TICKS_S = 1 / os.sysconf("SC_CLK_TCK")
TASKS = Path("/proc/self/task")
GROUPS = {"clickhouse-writer": "writer", "judge": "judge", "MainThread": "reader", "monitor": "monitor"}
COMMS = {"rdk:": "kafka", "polars": "polars", "jemalloc": "memory", "mimalloc": "memory"}


@dataclass(slots=True)
class Timers:
    """Seconds spent on recovery: CPU of writing states down, wall time of waiting for acknowledgements."""

    snapshot_s: float = 0.0
    wait_s: float = 0.0

    def install(self) -> None:
        """Time the product's own snapshot functions from now on."""
        for of in (SlotLogic, AccountsLogic, WatchLogic, IncidentsLogic, KafkaPartition):
            _replace_snapshot(of, self._timed)
        _replace_snapshot(ClickHousePartition, self._waited)

    def _timed(self, write: Callable[[Any], Any], of: object) -> object:
        began = time.thread_time()
        packed = write(of)
        self.snapshot_s += time.thread_time() - began
        return packed

    def _waited(self, write: Callable[[Any], Any], of: object) -> object:
        began = time.perf_counter()
        packed = write(of)
        self.wait_s += time.perf_counter() - began
        return packed


def _replace_snapshot(of: type, timed: Callable[[Callable[[Any], Any], object], object]) -> None:
    write = of.snapshot  # type: ignore[attr-defined]
    of.snapshot = lambda self: timed(write, self)  # type: ignore[attr-defined]


def look_before_threads_end(look: Callable[[], None]) -> None:
    """Have a look before the client's threads end, and before the writer's does, its rows written."""

    def written(part: Any) -> None:
        part.snapshot()
        look()

    _before_close(ClickHousePartition, written)
    _before_close(KafkaPartition, lambda _: look())


def _before_close(of: type, happens: Callable[[Any], None]) -> None:
    close = of.close  # type: ignore[attr-defined]

    def closing(part: Any) -> None:
        happens(part)
        close(part)

    of.close = closing  # type: ignore[attr-defined]


@dataclass(slots=True)
class Span:
    """When the flow first asked Kafka for messages, and when the engine had ended, all rows acknowledged."""

    began: float = 0.0
    ended: float = 0.0

    def install(self) -> None:
        """Note both, on the clock that all processes share."""
        poll, leave = KafkaPartition.next_batch, Monitor.__exit__

        def first_poll(part: KafkaPartition) -> Any:
            self.began = time.monotonic()
            KafkaPartition.next_batch = poll  # type: ignore[method-assign]
            return poll(part)

        def left(monitor: Monitor, *error: Any) -> None:
            self.ended = time.monotonic()
            leave(monitor, *error)

        KafkaPartition.next_batch = first_poll  # type: ignore[method-assign,assignment]
        Monitor.__exit__ = left  # type: ignore[method-assign]


@dataclass(slots=True)
class LiveKeys:
    """Counts the groups that windows hold, at each snapshot of theirs."""

    held: dict[int, int] = field(default_factory=dict)
    most: int = 0

    def install(self) -> None:
        """Count from now on."""
        _replace_snapshot(SlotLogic, self._counted)

    def _counted(self, write: Callable[[Any], Any], of: Any) -> object:
        windows = of._slot.windows.values()  # noqa: SLF001
        self.held[id(of)] = sum(len(window.settle().group) for window in windows)
        self.most = max(self.most, self.now)
        return write(of)

    @property
    def now(self) -> int:
        """Give how many there are."""
        return sum(self.held.values())


@dataclass(frozen=True, slots=True)
class Look:
    """One look: messages judged and handed on so far, and resident memory."""

    read: int
    rss_mb: float


class Watch:
    """Looks at this process until it is told to end; `read` tells how many messages were handed on."""

    def __init__(self, read: Callable[[], int]) -> None:
        self._read = read
        self._cpu: dict[int, tuple[str, float]] = {}
        self._before: dict[int, float] = {}
        self.looks: list[Look] = []
        self._ends = Event()
        self.look_at_threads()
        self._before = {tid: seconds for tid, (_, seconds) in self._cpu.items()}
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Take the last look."""
        self._ends.set()
        self._thread.join()
        self.look_at_threads()

    def thread_s(self) -> dict[str, float]:
        """Give CPU seconds by group of threads, since the beginning."""
        found: dict[str, float] = {}
        for tid, (group, seconds) in self._cpu.items():
            found[group] = found.get(group, 0.0) + seconds - self._before.get(tid, 0.0)
        return found

    @property
    def grown_mb(self) -> float:
        """Give how much more there was at most in the last quarter of the time than in the third."""
        quarter = max(len(self.looks) // 4, 1)
        seen = [look.rss_mb for look in self.looks]
        third, last = seen[-2 * quarter : -quarter], seen[-quarter:]
        return max(last, default=0.0) - max(third, default=0.0)

    def _run(self) -> None:
        while not self._ends.wait(LOOK_S):
            self.look_at_threads()
            self.looks.append(Look(self._read(), memory_mb("VmRSS:")))

    def look_at_threads(self) -> None:
        """Note what each thread has used so far."""
        names = {thread.native_id: thread.name for thread in threading.enumerate()}
        for task in TASKS.iterdir():
            with suppress(OSError):  # it has ended
                said = (task / "stat").read_text(encoding="utf-8", errors="replace")
                comm, _, rest = said.partition("(")[2].rpartition(")")
                user, system = rest.split()[11:13]
                seconds = (int(user) + int(system)) * TICKS_S
                self._cpu[int(task.name)] = (group_of(names.get(int(task.name), ""), comm), seconds)


def group_of(name: str, comm: str) -> str:
    """Give the group of a thread: by Python's name for it, else by the kernel's."""
    by_name = [group for start, group in GROUPS.items() if name.startswith(start)]
    by_comm = [group for start, group in COMMS.items() if comm.startswith(start)]
    return [*by_name, *by_comm, "other"][0]


def memory_mb(what: str) -> float:
    """Give a line of the process's status in MB (getrusage would count the parent's before exec)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(what)[1].split()[0]) / 1024


def phases_mb(looks: list[Look], ends: tuple[int, ...]) -> dict[str, float]:
    """Give memory before the phase between two counts of messages, at most, and well after it."""
    first, second = ends
    before = [look.rss_mb for look in looks if 0 < look.read <= first]
    after = [look.rss_mb for look in looks if look.read > second]
    return {
        "base_mb": max(before, default=0.0),
        "most_mb": max((look.rss_mb for look in looks), default=0.0),
        "after_mb": median(after[len(after) // 2 :]) if after else 0.0,
    }
