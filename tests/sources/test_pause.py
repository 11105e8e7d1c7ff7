"""A real flow that reads mostly dead letters: it pauses and says so, a drain ends with exit code 3."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from tests.flow_fixture import PROCESS, RUN, World, until
from verify.troubled import Sent

pytestmark = pytest.mark.slow

MANY = 12_000


def epoch(world: World) -> int:
    """The last epoch that left a snapshot."""
    (part,) = (world.folder / "recovery" / "engagement" / "store").glob("part-*.sqlite3")
    with closing(sqlite3.connect(part)) as store:
        return int(store.execute("SELECT coalesce(max(snap_epoch), 0) FROM snaps").fetchone()[0])


def letters(world: World) -> int:
    return int(str(world.ask("SELECT count() FROM dead_letters")[0][0]))


def test_a_flow_pauses_a_drain_ends_and_a_setting_reads_on(world: World) -> None:
    world.given["GAMEWAX_RECOVERY__EPOCH_S"] = "0.2"
    bad = [Sent(number % 4, b"k", b"{nonsense") for number in range(MANY)]

    world.send(*bad)
    ended = world.run(*RUN, "--drain")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (3, 1), ended.stderr
    assert "of player-events are dead letters (not_json 1" in ended.stderr
    assert letters(world) == world.place() >= 10_000  # what was read is there to be looked at

    world.send(*bad)
    with world.started(*PROCESS) as flow:
        assert flow.stderr is not None
        assert "reading paused" in flow.stderr.readline()
        world.send(*bad)
        paused_at = epoch(world)
        until(lambda: epoch(world) > paused_at + 5)
        flow.send_signal(signal.SIGTERM)
        assert (flow.wait(30), flow.stderr.read()) == (0, "")
    assert letters(world) == world.place() <= 2 * MANY

    ended = world.run(*RUN, "--drain", GAMEWAX_DEAD_LETTERS__PAUSE="false")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert letters(world) == world.place() == 3 * MANY
