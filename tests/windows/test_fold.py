"""Folding event by event on the real engine: exact after crashes, and snapshots hold only what is new."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, run_main

from flows.past import committed_contents
from flows.store_unfinished import forget_unfinished
from topics.errors import NeedsOperator
from windows.fold import Parting, Piece, fold
from windows.join import Joined
from windows.segments import SEAL_ROWS, Restoring, Segments, restored
from windows.take import Take, fresh_state

Ints = npt.NDArray[np.int64]
STEP_MS, TAKE_ROWS, KEPT_MS = 1_000, 6_000, 40_000
SEALED = "counting.fold.sealed"


@dataclass(frozen=True)
class Seen:
    """Who came and when."""

    key: Ints
    time_ms: Ints

    def __len__(self) -> int:
        return len(self.key)

    def pack(self) -> bytes:
        return np.stack((self.key, self.time_ms)).tobytes()


def unpacked(packed: bytes) -> Seen:
    return Seen(*np.frombuffer(packed, np.int64).reshape(2, -1))


def joined(parts: list[Seen]) -> Seen:
    return Seen(np.concatenate([of.key for of in parts]), np.concatenate([of.time_ms for of in parts]))


class Visits:
    """How often each key came within `KEPT_MS`, by looking at all rows."""

    def __init__(self, shard: str) -> None:
        self.shard = shard
        self.rows = Seen(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self.newest_ms = 0

    def fold(self, rows: Seen) -> Mapping[str, Ints]:
        before, self.rows = len(self.rows), joined([self.rows, rows])
        self.newest_ms = max(self.newest_ms, int(rows.time_ms.max()))
        times: dict[int, list[int]] = {}
        answers = []
        for at, (key, time_ms) in enumerate(
            zip(self.rows.key.tolist(), self.rows.time_ms.tolist(), strict=True)
        ):
            of = times.setdefault(key, [])
            of.append(time_ms)
            if at >= before:
                answers.append(sum(time > time_ms - KEPT_MS for time in of))
        return {"visits": np.array(answers, np.int64)}

    def drop_before(self, time_ms: int) -> None:
        kept = self.rows.time_ms >= time_ms
        self.rows = Seen(self.rows.key[kept], self.rows.time_ms[kept])


def take(number: int) -> Take:
    """The number-th take: `TAKE_ROWS` events of one second, of few keys."""
    random = np.random.default_rng(number)
    time_ms = number * STEP_MS + np.sort(random.integers(0, STEP_MS, TAKE_ROWS))
    events = pl.DataFrame({"key": random.integers(0, 3_000, TAKE_ROWS), "time_ms": time_ms})
    partition = number % 2
    state = fresh_state("0a1b2c3d", "topic", partition, (number // 2 + 1) * TAKE_ROWS)
    return Take(state, events=events)


def pieces(of: Take) -> list[Piece[Seen]]:
    """Part by partition, and by the key's parity."""
    assert of.events is not None
    rows = Seen(of.events["key"].to_numpy(), of.events["time_ms"].to_numpy())
    partition, after = of.after.partition, of.after.next_offset
    found = [Piece(f"own/{partition}", "own", partition, after, np.arange(len(rows)), rows)]
    for parity in (0, 1):
        places = np.flatnonzero(rows.key % 2 == parity)
        part = Seen(rows.key[places], rows.time_ms[places])
        found.append(Piece(f"all/{parity}", "all", partition, after, places, part))
    return found


def flow(source: TestingSource[Take], out: list[tuple[str, Joined]], stored: Mapping[str, bytes]) -> Dataflow:
    counting = Dataflow("counting")
    takes = op.input("read", counting, source)
    restoring = Restoring(joined, unpacked, stored.get)
    parting: Parting[Seen] = Parting(pieces, Visits, restoring, KEPT_MS)
    op.output("out", fold("fold", takes, parting, parts=2), TestingSink(out))
    return counting


def answers(out: list[tuple[str, Joined]]) -> dict[int, tuple[list[int], list[int]]]:
    found = {}
    for _, of in out:
        assert of.take.events is not None
        number = (of.take.after.next_offset // TAKE_ROWS - 1) * 2 + of.take.after.partition
        found[number] = (of.parts["own"]["visits"].tolist(), of.parts["all"]["visits"].tolist())
    return found


def oracle(takes: int) -> dict[int, tuple[list[int], list[int]]]:
    """The same, by looking at all events of the partition, and of all."""
    seen: list[tuple[int, int, int]] = []
    found = {}
    for number in range(takes):
        events = take(number).events
        assert events is not None
        own, every = [], []
        known: dict[int, list[tuple[int, int]]] = {}
        for partition, key, time_ms in seen:
            known.setdefault(key, []).append((partition, time_ms))
        for key, time_ms in events.iter_rows():
            of = known.setdefault(key, [])
            of.append((number % 2, time_ms))
            fresh = [partition for partition, time in of if time > time_ms - KEPT_MS]
            own.append(fresh.count(number % 2))
            every.append(len(fresh))
            seen.append((number % 2, key, time_ms))
        found[number] = (own, every)
    return found


def test_answers_are_exact_after_crashes_and_a_snapshot_holds_only_what_is_new(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    takes = 12
    out: list[tuple[str, Joined]] = []
    for crash_at in (5, 9, takes):
        items: list[Any] = [
            *map(take, range(crash_at)),
            TestingSource.ABORT(),
            *map(take, range(crash_at, takes)),
        ]
        source: TestingSource[Take] = TestingSource(items if crash_at < takes else items[:takes])
        forget_unfinished(tmp_path)
        stored = committed_contents(tmp_path, SEALED)
        run_main(
            flow(source, out, stored),
            epoch_interval=timedelta(0),
            recovery_config=RecoveryConfig(tmp_path),
        )
    assert answers(out) == oracle(takes)
    with sqlite3.connect(tmp_path / "part-0.sqlite3") as store:
        sizes = "SELECT max(length(ser_change)) FROM snaps WHERE step_id = 'counting.fold.shards'"
        (largest,) = store.execute(sizes).fetchone()
    rows = {name: len(packed) // 16 for name, packed in committed_contents(tmp_path, SEALED).items()}
    assert largest < 16 * (SEAL_ROWS + TAKE_ROWS)
    assert sum(rows.values()) > takes * TAKE_ROWS  # two parts, each with most of its rows sealed
    store.close()


def test_a_segment_goes_when_it_is_old_and_one_that_is_missing_is_refused() -> None:
    segments: Segments[Seen] = Segments("own/0", joined)
    rows = Seen(np.arange(SEAL_ROWS), np.full(SEAL_ROWS, 5))
    (sealed,) = segments.add(rows, newest_ms=5)
    assert (sealed.name, sealed.rows) == ("own/0/00000000", rows.pack())
    segments.add(Seen(np.array([7]), np.array([50])), newest_ms=50)
    with pytest.raises(NeedsOperator, match="own/0/00000000 of the kept rows is missing"):
        restored(segments.pack(), Restoring(joined, unpacked, lambda _: None))
    assert segments.drop_before(5) == []
    assert [(gone.name, gone.rows) for gone in segments.drop_before(6)] == [("own/0/00000000", None)]
    again, kept = restored(segments.pack(), Restoring(joined, unpacked, lambda _: None))
    assert (again.key, [*again.sealed], again.next) == ("own/0", [], 1)
    assert [of.key.tolist() for of in kept] == [[7]]
