"""A running flow copies its store undisturbed; `recover` puts a copy back, and every number is right."""

from __future__ import annotations

import os
import stat

import pytest

from flows.store_backups import backups
from flows.store_check import wrong_with_file
from tests.flow_fixture import PROCESS, RUN, TOPIC, World, until
from verify.chaos.feed import Feed, Stream
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import POISON, troubled
from verify.views import expected, shown

SETTINGS = {
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.3",
    "GAMEWAX_RECOVERY__BACKUP_EVERY_S": "1",
    "GAMEWAX_DEAD_LETTERS__PAUSE": "false",
}
RECOVER = ("-m", "cli", "recover", "engagement")
HELPS = "what can be done: ./gamewax recover engagement\n"


def assert_exact(world: World) -> None:
    log = read_back(world.kafka.bootstrap_servers, TOPIC)
    with world.client() as client:
        assert shown(client) == expected(log, Limits(lateness_ms=60_000), POISON)


@pytest.mark.slow
def test_a_damaged_store_is_put_back_from_its_copy_and_every_number_is_right(world: World) -> None:
    world.given |= SETTINGS
    folder = world.folder / "recovery" / "engagement"
    part = folder / "store" / "part-0.sqlite3"
    with (
        Feed(world.kafka.bootstrap_servers, [Stream(TOPIC, troubled(4), 500)]),
        world.started(*PROCESS) as flow,
    ):
        until(lambda: backups(folder))
        first = backups(folder)[0]
        until(lambda: len(backups(folder)) == 2 and first not in backups(folder))
        (busy, kept) = world.run(*RECOVER, "--from-backup"), backups(folder)
        place = world.place()
        until(lambda: world.place() > place)
        flow.kill()
    assert [wrong_with_file(copy) for copy in kept if copy.exists()] in ([""], ["", ""])
    assert [stat.S_IMODE(path.stat().st_mode) for path in (backups(folder)[0], folder / "backups")] == [
        0o600,
        0o700,
    ]
    assert (busy.returncode, " is in use by process " in busy.stderr) == (2, True)

    for left in folder.glob("store/*-wal"):
        left.unlink()
    os.truncate(part, part.stat().st_size // 2)
    refused, told = world.run(*RUN), world.run(*RECOVER)
    put_back = world.run(*RECOVER, "--from-backup")
    whole = world.run(*RECOVER)

    assert (refused.returncode, refused.stderr.endswith(HELPS), refused.stderr.count("\n")) == (3, True, 1)
    assert "is damaged (" in refused.stderr
    assert (told.returncode, "next: ./gamewax recover engagement --from-backup" in told.stdout) == (3, True)
    assert (put_back.returncode, put_back.stderr) == (0, "")
    assert put_back.stdout.startswith(f"the store that was there is now {folder / 'store.damaged-1'}\n")
    assert (
        whole.returncode,
        "next: nothing to do; ./gamewax run engagement goes on here" in whole.stdout,
    ) == (0, True)
    print(refused.stderr, told.stdout, put_back.stdout, whole.stdout, sep="\n")
    assert (folder / "store.damaged-1" / "part-0.sqlite3").exists()
    world.drain()
    assert_exact(world)


@pytest.mark.slow
def test_a_copy_that_cannot_be_made_is_logged_and_ends_nothing(world: World) -> None:
    world.given |= SETTINGS
    folder = world.folder / "recovery" / "engagement"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "backups").write_text("in the way")
    with world.started(*PROCESS) as flow:
        assert flow.stderr is not None
        line = flow.stderr.readline()
        assert "no copy of the store" in line
        world.send(*[message for message, _ in zip(troubled(5), range(500), strict=False)])
        until(lambda: world.place() == 500)
        flow.terminate()
        assert flow.wait(30) == 0
