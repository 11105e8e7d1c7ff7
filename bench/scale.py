"""One process against two on one machine, and what that says of N hosts.

Rules:
- Costs come from runs with one process: one that is timed, one whose handed-on things are counted. The run
  with two processes checks the predictions; it gives none of their numbers.
- On two cores, with the broker and ClickHouse on them too, two processes cannot be twice as fast: the goal is
  by CPU accounting, two processes' events for each second of CPU against one's.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from bench.check import Checked, Found
from bench.drain import DATABASE, prepare
from bench.rig import Figures, preload, together, writer
from bench.scale_model import Costs
from bench.scale_result import Scaled
from bench.work import Entry, Work, named
from embedded.process import HOST, free_port
from embedded.services import Services

WORKS = ("ENG", "PLY")
STORE_MB = 64


def scale(services: Services, events: int, runs: int, folder: Path) -> list[Scaled]:
    """Measure one and two processes `runs` times for each work, printing a line for each round."""
    results = []
    for name in WORKS:
        bench = Bench(services, named(name, events), folder)
        preload(services, bench.work.load)
        rounds = [bench.round() for _ in range(runs)]
        costs = median_costs([costs for costs, _ in rounds])
        result = Scaled(
            f"SCALE-{name}", costs, [two for _, two in rounds], bench.checked, os.cpu_count() or 1
        )
        print(result.report(), flush=True)
        results.append(result)
    return results


@dataclass(slots=True)
class Bench:
    """Runs one work with one process or two, and compares its rows each time."""

    services: Services
    work: Work
    folder: Path
    checked: list[Checked] = field(default_factory=list)

    def round(self) -> tuple[Costs, Figures]:
        """Measure one process, what it hands on, and two processes."""
        one, counted = self._run(["-"]), self._run(["count"])
        addresses = ";".join(f"{HOST}:{free_port()}" for _ in range(2))
        two = self._run([addresses, addresses])
        return self._costs(one, counted), two

    def _costs(self, one: Figures, counted: Figures) -> Costs:
        events = self.work.load.events
        return Costs(
            rate=one["rate"],
            cpu_us=one["cpu_us"],
            keyed_bytes=counted["keyed_bytes"] / events,
            snapshot_bytes=counted["snapshot_bytes"] / events,
            pickle_us=counted["pickle_s"] / events * 1e6,
            fold_us=counted["fold_s"] / events * 1e6,
            rows=one["rows"] / events,
            wire_bytes=topic_bytes(self.services, self.work.load.topic) / events,
            broker_us=one["broker_us"],
            clickhouse_us=one["clickhouse_us"],
            store_mb_s=store_mb_s(),
        )

    def _run(self, addresses: Sequence[str]) -> Figures:
        """Drain with one process for each address, from nothing, and compare the rows."""
        prepare(self.services, Entry(self.work.name, (self.work,)))
        shutil.rmtree(self.folder, ignore_errors=True)
        store = self.folder / "0"
        place = (self.work.name, str(self.work.load.events), str(store))
        commands = [["bench.scale_flow", *place, str(at), given] for at, given in enumerate(addresses)]
        before = service_cpu_s(self.services)
        parts = together(commands, [self._environment(store)] * len(commands))
        used = {name: of - before[name] for name, of in service_cpu_s(self.services).items()}
        found = Found(writer(self.services), DATABASE, store)
        self.checked.append(self.work.truth().judge(found))
        return added(parts, used, self.work.load.events)

    def _environment(self, store: Path) -> dict[str, str]:
        return {
            **self.services.environment(),
            "GAMEWAX_CLICKHOUSE__DATABASE": DATABASE,
            "GAMEWAX_RECOVERY__DIR": str(store),
            "GAMEWAX_DRAIN": "1",
            "GAMEWAX_WINDOWS__DEDUP_OFFSETS": str(self.work.dedup_offsets),
        }


def added(parts: Sequence[Figures], services: Figures, events: int) -> dict[str, float]:
    """Make one run's figures of those of its processes and of the services."""
    total = {name: sum(part[name] for part in parts) for name in parts[0]}
    wall = max(part["ended"] for part in parts) - min(part["began"] for part in parts)
    each = {f"cpu_us_{number}": part["cpu_s"] / events * 1e6 for number, part in enumerate(parts)}
    return {
        **total,
        **each,
        "rate": events / wall,
        "cpu_us": total["cpu_s"] / events * 1e6,
        "sent": total["sent_bytes"] / events,
        **{f"{name}_us": of / events * 1e6 for name, of in services.items()},
    }


def median_costs(costs: Sequence[Costs]) -> Costs:
    """Give the median of each cost."""
    return Costs(**{name: median(getattr(of, name) for of in costs) for name in Costs.__slots__})


def service_cpu_s(services: Services) -> dict[str, float]:
    """Give the CPU seconds that broker and ClickHouse have used so far."""
    pids = {"broker": services.state.kafka.pid, "clickhouse": services.state.clickhouse.pid}
    times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
    return {name: of.user + of.system for name, of in times.items()}


def topic_bytes(services: Services, topic: str) -> int:
    """Give the size of a topic's log files."""
    folders = (services.data / "kafka" / "logs").glob(f"{topic}-[0-9]*")
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*.log"))


def store_mb_s() -> float:
    """Measure how fast SQLite takes states of 1 MB, each committed, as a recovery store does."""
    state = bytes(1 << 20)
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(f"{folder}/store")) as store:
        store.execute("PRAGMA journal_mode = WAL")
        store.execute("CREATE TABLE states (number INTEGER PRIMARY KEY, state BLOB)")
        began = time.perf_counter()
        for number in range(STORE_MB):
            with store:
                store.execute("INSERT INTO states VALUES (?, ?)", (number, state))
        return STORE_MB / (time.perf_counter() - began)
