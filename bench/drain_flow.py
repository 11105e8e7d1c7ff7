"""`python -m bench.drain_flow WORK EVENTS STORE`: drains a topic through a work; prints one JSON line.

As the product runs it: recovery, an upsert of every changed row each second, the ClickHouse sink. Settings
(environment) give all else.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

from bench.work import SIZE_S, named
from flows import engagement, process
from flows.parts import Opened, open_flow, plan_of
from flows.store import Store
from topics.player_events import TOPIC
from windows.operator import SlotLogic

NAME = "bench"
WORK = named(sys.argv[1], int(sys.argv[2]))


def opened(stop: Event) -> Opened:
    """Open the flow for the work's topic, with one window size and one aggregate."""
    plan = replace(plan_of("bench", (WORK.aggregate,)), sizes_s=(SIZE_S,))
    return open_flow(engagement.build, plan, replace(TOPIC, name=WORK.load.topic), stop)


class Snapshots:
    """Counts the CPU time that windows spend on writing themselves down."""

    def __init__(self) -> None:
        self.seconds = 0.0
        write = SlotLogic.snapshot

        def timed(logic: SlotLogic) -> bytes:
            began = time.thread_time()
            packed = write(logic)
            self.seconds += time.thread_time() - began
            return packed

        SlotLogic.snapshot = timed  # type: ignore[assignment,method-assign]


class Memory:
    """Looks at the process's resident memory twice a second."""

    def __init__(self) -> None:
        self.seen_mb: list[float] = []
        self.ends = Event()
        Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self.ends.wait(0.5):
            self.seen_mb.append(memory_mb("VmRSS:"))

    @property
    def grown_mb(self) -> float:
        """Give how much more there was at most in the last quarter of the time than in the third."""
        quarter = max(len(self.seen_mb) // 4, 1)
        third, last = self.seen_mb[-2 * quarter : -quarter], self.seen_mb[-quarter:]
        return max(last, default=0.0) - max(third, default=0.0)


def main(folder: Path) -> None:
    """Run to the end of the topic; print rate, CPU and peak memory of this process."""
    recovery, snapshots, memory, events = Store(folder).own(), Snapshots(), Memory(), WORK.load.events
    wall, cpu = time.perf_counter(), time.process_time()
    process.run(sys.modules[__name__], recovery, process.Place(0, []))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory.ends.set()
    figures = {"rate": events / wall, "cpu_us": cpu / events * 1e6, "rss_mb": memory_mb("VmHWM:")}
    print(json.dumps({**figures, "snapshots": snapshots.seconds / cpu, "grown_mb": memory.grown_mb}))


def memory_mb(what: str) -> float:
    """Give a line of the process's status in MB (getrusage would count the parent's before exec)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(what)[1].split()[0]) / 1024


if __name__ == "__main__":
    main(Path(sys.argv[3]))
