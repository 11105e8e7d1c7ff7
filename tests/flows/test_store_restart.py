"""A planned restart writes and reads nothing again; after a kill, of whatever, a new start works at once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import IO

import psutil
import pytest

from flows.store_owner import OwnerLock, lock, this_process
from tests.flow_fixture import PROCESS, RUN, TOPIC, World, until
from topics.errors import BadInput
from verify.chaos.feed import Feed, Stream
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import POISON, troubled
from verify.views import expected, shown

SETTINGS = {
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60",
    "GAMEWAX_WINDOWS__UPSERT_EVERY_S": "0.2",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.3",
    "GAMEWAX_DEAD_LETTERS__PAUSE": "false",
}
MESSAGES = 2_000
INSERTED = """
SELECT table, sum(rows) FROM system.parts
WHERE database = currentDatabase() AND table LIKE '%_upserts' AND min_block_number = max_block_number
    AND level < 2
GROUP BY table
"""
TABLES = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE '%_upserts'"

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World) -> World:
    world.given |= SETTINGS
    return world


def part(world: World) -> Path:
    return world.folder / "recovery" / "engagement" / "store" / "part-0.sqlite3"


def epochs(world: World) -> tuple[int, int]:
    """Give the number of the store's newest run and the epoch that it has reached."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{part(world)}?mode=ro", uri=True)) as store:
        found = store.execute("SELECT ex_num, max(worker_frontier) FROM fronts GROUP BY 1 ORDER BY 1 DESC")
        number, epoch = found.fetchone() or (-1, 0)
        return number, epoch
    return -1, 0


def stored(world: World) -> dict[str, int]:
    """Count the rows that were ever inserted into each table, also those that were merged away since."""
    for (table,) in world.ask(TABLES):  # else a block that is inserted again is dropped
        world.ask(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0")
    return {str(table): int(str(rows)) for table, rows in world.ask(INSERTED)}


def run_for_some_epochs(world: World, number: int) -> None:
    """Start the flow with nothing new to read, let it pass some epochs, end it as asked."""
    with world.started(*PROCESS) as flow:
        began, first = number, epochs(world)[1]
        until(lambda: epochs(world)[0] > began and epochs(world)[1] > first + 4)
        flow.terminate()
        assert flow.wait(30) == 0, flow.stderr and flow.stderr.read()


def test_a_planned_restart_writes_nothing_again_and_a_kill_does(world: World) -> None:
    assert stored(world) == {}
    messages = troubled(1)
    world.send(*islice(messages, MESSAGES))
    world.drain()
    planned, books = stored(world), world.ask("SELECT * FROM accounting ORDER BY ALL")

    run_for_some_epochs(world, epochs(world)[0])
    world.drain()
    world.drain("--processes", "2")
    assert (stored(world), world.ask("SELECT * FROM accounting ORDER BY ALL")) == (planned, books)

    with world.started(*PROCESS) as flow:
        world.send(*islice(messages, 100))
        until(lambda: world.place() == MESSAGES + 100)
        number, epoch = epochs(world)
        until(lambda: epochs(world)[1] > epoch + 2)
        flow.kill()
    killed = stored(world)
    run_for_some_epochs(world, number)
    again = stored(world)
    more = {table: again[table] - killed[table] for table in again}
    print(f"written again after a kill: {more}")
    windows = ("engagement_by_level_upserts", "engagement_upserts")  # parts of one may be merged away by now
    assert sum(more.get(table, 0) for table in windows) > 0
    assert more["accounting_upserts"] > 0
    assert_exact(world)


def assert_exact(world: World) -> None:
    log = read_back(world.kafka.bootstrap_servers, TOPIC)
    with world.client() as client:
        assert shown(client) == expected(log, Limits(lateness_ms=60_000), POISON)


def processes_of(supervisor: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        found = psutil.Process(supervisor).children(recursive=True)
        return [of for of in found if "flows.process" in of.cmdline()]
    return []


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_killed_supervisor_leaves_nothing_and_a_new_one_runs_at_once(world: World, processes: str) -> None:
    words = (*RUN, "--processes", processes)
    with Feed(world.kafka.bootstrap_servers, [Stream(TOPIC, troubled(3), 500)]) as feed:
        with world.started(*words) as first:
            until(lambda: world.place() > 1_000)
            flows = processes_of(first.pid)
            assert len(flows) == int(processes)
            number = epochs(world)[0]
            first.kill()
            killed = time.monotonic()
            until(lambda: not any(lives(of) for of in flows))
            gone_s = time.monotonic() - killed
        with world.started(*words) as second:
            until(lambda: epochs(world)[0] > number)
            back_s = time.monotonic() - killed
            until(lambda: world.place() > 2_000)
            second.terminate()
            said = read(second.stderr)
            assert (second.wait(30), said) == (0, "")
    print(
        f"{processes} processes, {feed.sent[TOPIC]} sent: gone after {gone_s:.1f} s, on after {back_s:.1f} s"
    )
    assert gone_s < 2  # the rest is the start of Python and of the flow, longer on a busy machine
    world.drain()
    assert_exact(world)


def lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def read(stream: IO[str] | None) -> str:
    return stream.read() if stream else ""


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_second_instance_is_refused_and_told_who_the_first_is(world: World, processes: str) -> None:
    words = (*RUN, "--processes", processes)
    with world.started(*words) as first:
        until(lambda: epochs(world)[1] > 1)
        (owner, *_) = sorted(processes_of(first.pid), key=lambda of: "0" not in of.cmdline())
        began = time.monotonic()
        ended = world.run(*words)
        took_s = time.monotonic() - began
        said = ended.stderr.splitlines()
        print(f"the whole command took {took_s:.1f} s: {said}")
        assert first.poll() is None
    assert (ended.returncode, len(said)) == (2, 1)
    in_use = f"recovery store {part(world).parents[1]} is in use by process {owner.pid} on "
    assert said[0].startswith(f"gamewax: flow engagement: {in_use}")
    assert " since 20" in said[0]
    assert said[0].endswith(f": one flow, one owner; end that one first (kill {owner.pid})")


def test_a_file_system_without_locks_is_said(tmp_path: Path) -> None:
    file = os.open(tmp_path, os.O_PATH)
    with pytest.raises(BadInput, match="lies on a file system without locks"):
        lock(file, tmp_path)
    os.close(file)


def test_the_lock_of_a_process_that_is_dying_is_waited_for(tmp_path: Path) -> None:
    with held_for(tmp_path, 0.3) as holder:
        OwnerLock(tmp_path).take(this_process())
        assert holder.wait(5) == 0


def test_the_lock_of_a_living_process_is_refused_within_a_second(tmp_path: Path) -> None:
    with held_for(tmp_path, 30) as holder:
        began = time.monotonic()
        with pytest.raises(BadInput, match="is in use by another process: one flow, one owner"):
            OwnerLock(tmp_path).take(this_process())
        assert time.monotonic() - began < 1
        holder.kill()


def held_for(folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    """Hold a folder's lock in another process that says nothing of itself."""
    holds = (
        f"import fcntl, time; file = open({str(folder / 'owner')!r}, 'a'); fcntl.flock(file, fcntl.LOCK_EX); "
        f"print(flush=True); time.sleep({seconds})"
    )
    holder = subprocess.Popen([sys.executable, "-c", holds], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    return holder


def test_a_flow_asked_twice_ends_as_if_asked_once(world: World) -> None:
    with world.started(*PROCESS) as flow:
        until(lambda: epochs(world)[1] > 1)
        while flow.poll() is None:
            flow.send_signal(signal.SIGTERM)
            time.sleep(0.002)
        assert flow.returncode == 0
