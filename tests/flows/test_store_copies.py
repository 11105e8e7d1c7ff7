"""Copies of a store that is being written: whole, two of them, its owner's alone; what fails is logged."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from flows.store_backups import Backups, Often, backups
from flows.store_check import wrong_with_file
from tests.flow_fixture import until
from tests.flows.store_fixture import NAME, Made, adding, made, run

ROOT = Path(__file__).parents[2]


def a_second_later() -> Iterator[datetime]:
    """A clock by which each look is a second after the one before: names of copies are by the second."""
    return (datetime.now(UTC) + timedelta(seconds=number) for number in count())


@contextmanager
def written_all_the_time(store: Made) -> Iterator[list[float]]:
    """Write to a store as the engine does, from another thread; gives how long each commit took."""
    took: list[float] = []
    ends = Event()

    def write() -> None:
        with closing(sqlite3.connect(store.file, timeout=5)) as engine:
            while not ends.is_set():
                began = time.monotonic()
                with engine:
                    engine.execute("UPDATE commits SET commit_epoch = commit_epoch")
                took.append(time.monotonic() - began)

    writer = Thread(target=write)
    writer.start()
    try:
        yield took
    finally:
        ends.set()
        writer.join()


def test_the_last_two_copies_of_a_store_in_use_are_kept_and_whole(tmp_path: Path) -> None:
    store, clock = made(tmp_path), a_second_later()
    with written_all_the_time(store) as took, Backups(store.folder, Often(0.01, 0), lambda: next(clock)):
        until(lambda: backups(store.folder))
        first = backups(store.folder)[-1]
        until(lambda: len(backups(store.folder)) == 2 and first not in backups(store.folder))
    kept = backups(store.folder)
    assert [wrong_with_file(copy) for copy in kept] == ["", ""]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((store.folder / "backups").stat().st_mode) == 0o700
    assert took
    out: list[tuple[str, int]] = []
    store.file.write_bytes(kept[0].read_bytes())
    run(store.folder, adding(NAME, [1, 2, 3, 4], out))
    assert out == [("all", 10)]


def test_no_copy_is_made_when_none_is_wanted_or_one_is_young(tmp_path: Path) -> None:
    store = made(tmp_path)
    for every_s in (0, 3_600):
        with Backups(store.folder, Often(every_s, 0), lambda: datetime.now(UTC)):
            pass
    assert backups(store.folder) == []


@pytest.mark.parametrize("trouble", ["in the way", "damaged", "disk"])
def test_a_copy_that_cannot_be_made_is_logged(tmp_path: Path, trouble: str) -> None:
    store, clock = made(tmp_path), a_second_later()
    if trouble == "in the way":
        (store.folder / "backups").write_text("")
    if trouble == "damaged":
        store.file.write_bytes(b"not a database" * 100)
    least_free = 1 << 62 if trouble == "disk" else 0
    with capture_logs() as said, Backups(store.folder, Often(0.01, least_free), lambda: next(clock)):
        until(lambda: said)
    why = {"in the way": "File exists", "damaged": "file is not a database", "disk": "the disk has "}[trouble]
    assert (said[0]["event"], said[0]["flow"], why in said[0]["why"]) == ("no copy of the store", NAME, True)
    assert list(store.folder.glob("backups/*")) == []


def test_the_process_that_copies_ends_with_the_flow(tmp_path: Path) -> None:
    store = made(tmp_path)
    command = [sys.executable, "-m", "flows.store_copy", str(store.file), str(tmp_path / "copy.sqlite3")]
    with closing(sqlite3.connect(store.file)) as other:
        other.execute("BEGIN EXCLUSIVE")  # the copy of a store with no log waits for it
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as copying:
            assert copying.stdin is not None
            copying.stdin.close()
            assert copying.wait(10) == 1
