"""Golden stores: what a release leaves in the recovery stores of all flows; later code must load it.

`python -m verify.golden` writes them for the version in `pyproject.toml` to `tests/golden/VERSION/`.

Rules:
- A store is made by the engine itself, from a log that never changes, read to a half; who loads it reads the
  rest, and must come to what a run over the whole log gives.
- A release's files are written once and never again.
"""

from __future__ import annotations

import gzip
import sqlite3
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from flows.from_files import topics_of
from flows.registry import FLOWS
from flows.store import Store
from topics.decode import decode
from topics.topic import Topic
from verify.golden_log import arrivals
from verify.tables import keys
from windows.archive import ArchiveLane, table_of
from windows.codec import packed_state, read_state
from windows.lane import Lane
from windows.operator import Clock
from windows.plan import NO_WINDOW_S, Plan
from windows.rows import Rows
from windows.samples import SampleLane
from windows.take import JudgingLane, LaneState, Take, fresh_state

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
LOG, PARTITIONS, EACH, BATCH = "90140140", 2, 120, 17
KEYS = keys()
Row = dict[str, Any]
Tables = dict[str, dict[tuple[Any, ...], Row]]  # of each table the rows by their key


@dataclass(frozen=True, slots=True)
class GoldenSource(FixedPartitionedSource[Take, bytes]):
    """Reads the fixed log of a topic up to an offset, through the flow's own lanes."""

    plan: Plan
    topic: Topic
    end: int

    def list_parts(self) -> list[str]:
        """Name the partitions as the Kafka source does."""
        return [f"{number:05d}" for number in range(PARTITIONS)]

    def build_part(
        self,
        step_id: str,  # noqa: ARG002  Bytewax's interface
        for_part: str,
        resume_state: bytes | None,
    ) -> GoldenPart:
        """Go on where the state says."""
        state = fresh_state(LOG, self.topic.name, int(for_part), 0)
        if resume_state is not None:
            state = read_state(resume_state, LaneState, "Kafka position")
        lane: JudgingLane = (
            Lane(self.plan, partial(decode, self.topic), state, PARTITIONS)
            if self.plan.aggregates
            else SampleLane(self.plan, state, PARTITIONS)
            if self.plan.flow == "thresholds"
            else ArchiveLane(self.plan, self.topic, state, PARTITIONS)
        )
        lane.remember(arrivals(self.topic, state.partition, 0, state.next_offset))
        return GoldenPart(self, lane)


class GoldenPart(StatefulSourcePartition[Take, bytes]):
    """One partition of it."""

    def __init__(self, source: GoldenSource, lane: JudgingLane) -> None:
        self._source, self._lane = source, lane

    @property
    def place(self) -> int:
        """Give the next offset."""
        return self._lane.state.next_offset

    def next_batch(self) -> list[Take]:
        """Judge some more messages."""
        state = self._lane.state
        end = min(state.next_offset + BATCH, self._source.end)
        if state.next_offset >= end:
            raise StopIteration
        return [self._lane.take(arrivals(self._source.topic, state.partition, state.next_offset, end))]

    def snapshot(self) -> bytes:
        """Write where the lane stands."""
        return packed_state(self._lane.state)


def upsert(tables: Tables, rows: Rows) -> None:
    """Keep of each key the row with the highest version, as a ReplacingMergeTree does."""
    table = tables.setdefault(rows.table, {})
    for row in rows.frame.iter_rows(named=True):
        key = tuple(row[name] for name in KEYS[rows.table] if name in row)
        if key not in table or row.get("version", 0) >= table[key].get("version", 0):
            table[key] = row


class Shown(FixedPartitionedSink[Any, None]):
    """Keeps what the tables show; dead letters only count."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def list_parts(self) -> list[str]:
        """Name as many parts as the ClickHouse sink has."""
        return [f"{number:02d}" for number in range(16)]

    def part_fn(self, item_key: str) -> int:
        """Send shard '07' to part '07'."""
        return int(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> ShownPart:
        """Open a part."""
        del step_id, for_part, resume_state
        return ShownPart(self._tables)


class ShownPart(StatefulSinkPartition[Any, None]):
    """One part of it."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def write_batch(self, values: list[Any]) -> None:
        """Upsert rows."""
        for rows in values:
            if isinstance(rows, Rows):
                upsert(self._tables, rows)

    def snapshot(self) -> None:
        """Have no state."""


def built(name: str, end: int, tables: Tables) -> Dataflow:
    """Build a flow over its fixed logs up to an offset."""
    module = import_module(f"flows.{name}")
    plan = Plan(name, module.AGGREGATES) if module.AGGREGATES else Plan(name, (), (NO_WINDOW_S,))
    sources: Mapping[str, GoldenSource] = {
        table_of(topic): GoldenSource(plan, topic, end) for topic in topics_of(name)
    }
    source = sources if hasattr(module, "TOPICS") else next(iter(sources.values()))
    clock = Clock(lambda: datetime.now(UTC))  # noqa: TID251  when rows go out changes no table
    flow: Dataflow = module.build(source, Shown(tables), Shown({}), plan, clock)
    return flow


def run(name: str, end: int, recovery: RecoveryConfig | None) -> Tables:
    """Run a flow to an offset; gives what its tables show of the rows that this run wrote."""
    tables: Tables = {}
    cli_main(built(name, end, tables), epoch_interval=timedelta(0), recovery_config=recovery)
    return tables


def golden_stores() -> Iterator[Path]:
    """Give the store of every flow of every release."""
    yield from sorted(GOLDEN.glob("*/*.sqlite3.gz"))


def version() -> str:
    """Give the version of this code."""
    project = tomllib.loads((GOLDEN.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def write(name: str, to: Path) -> None:
    """Run a flow over half of its log and keep the store that it leaves."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / name)
        run(name, EACH // 2, store.own())
        part, whole = store.folder / "store" / "part-0.sqlite3", Path(folder) / "whole.sqlite3"
        with closing(sqlite3.connect(part)) as left:
            left.execute("VACUUM INTO ?", [str(whole)])
        to.write_bytes(gzip.compress(whole.read_bytes(), mtime=0))


def main() -> int:
    """Write the golden stores of this version; refuses to change those that are there."""
    folder = GOLDEN / version()
    if folder.exists():
        sys.stderr.write(f"{folder} is there: a release's golden stores are never written again\n")
        return 2
    folder.mkdir(parents=True)
    for name in FLOWS:
        write(name, folder / f"{name}.sqlite3.gz")
    return 0


if __name__ == "__main__":
    sys.exit(main())
