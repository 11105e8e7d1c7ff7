"""`./gamewax recover` says what stands there and what to type; a copy put back gives the right rows."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.store import Store
from tests.flows.store_fixture import made
from verify.golden import EACH, GOLDEN, run

ROOT = Path(__file__).parents[2]
COPIES = ("2026-11-22T120000Z", "2026-11-22T120500Z")
NOBODY = "127.0.0.1:1"


@dataclass
class Recovery:
    """A recovery folder with the store of `engagement`, and its copies."""

    folder: Path

    @property
    def flow(self) -> Path:
        return self.folder / "engagement"

    @property
    def part(self) -> Path:
        return self.flow / "store" / "part-0.sqlite3"

    def copy(self, name: str) -> Path:
        return self.flow / "backups" / f"{name}.sqlite3"

    def __call__(self, *words: str) -> tuple[int, str, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "cli", "recover", *words],
            cwd=ROOT,
            env={
                **os.environ,
                "GAMEWAX_RECOVERY__DIR": str(self.folder),
                "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": NOBODY,
                "COLUMNS": "200",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        told, said = (text.replace(str(self.flow), "FLOW") for text in (ended.stdout, ended.stderr))
        return ended.returncode, told, said


@pytest.fixture
def recover(tmp_path: Path) -> Recovery:
    of = Recovery(tmp_path)
    of.part.parent.mkdir(parents=True)
    of.flow.chmod(0o700)
    of.part.write_bytes(gzip.decompress((GOLDEN / "0.1.0" / "engagement.sqlite3.gz").read_bytes()))
    (of.flow / "backups").mkdir(mode=0o700)
    for name in COPIES:
        command = [sys.executable, "-m", "flows.store_copy", str(of.part), str(of.copy(name))]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as copying:
            assert copying.wait(30) == 0
    return of


WHOLE = """whole, goes on at epoch 6
  player-events/0 goes on at 60 (Kafka does not say what it holds)
  player-events/1 goes on at 60 (Kafka does not say what it holds)
"""


def test_a_whole_store_needs_nothing(recover: Recovery) -> None:
    lines = (
        "recovery store FLOW/store\n",
        *(f"{of}: {WHOLE}" for of in ("store", f"copy {COPIES[1]}", f"copy {COPIES[0]}")),
        "next: nothing to do; ./gamewax run engagement goes on here\n",
    )
    assert recover("engagement") == (0, "".join(lines), "")


def test_the_newest_whole_copy_takes_the_place_of_a_damaged_store(recover: Recovery) -> None:
    recover.part.write_bytes(b"")
    recover.copy(COPIES[1]).write_bytes(b"torn")
    code, told, _ = recover("engagement")
    assert (code, told.splitlines()[1:3]) == (
        3,
        [
            "store: FLOW/store/part-0.sqlite3 is empty",
            f"copy {COPIES[1]}: is damaged (file is not a database)",
        ],
    )
    assert told.splitlines()[-2:] == [
        f"next: ./gamewax recover engagement --from-backup goes on from the copy {COPIES[0]}",
        "or:   ./gamewax recover engagement --from TIME counts anew from Kafka, windows from TIME on",
    ]

    code, told, _ = recover("engagement", "--from-backup")

    assert (code, told.splitlines()[:2]) == (
        0,
        [
            "the store that was there is now FLOW/store.damaged-1",
            f"engagement goes on from the copy {COPIES[0]}:",
        ],
    )
    assert (recover.flow / "store.damaged-1" / "part-0.sqlite3").read_bytes() == b""
    assert stat.S_IMODE(recover.part.stat().st_mode) == 0o600
    found, whole = run("engagement", EACH, Store(recover.flow).own()), run("engagement", EACH, None)
    table = "engagement_by_level_upserts"
    assert found[table] == {key: whole[table][key] for key in found[table]}


def test_a_named_copy_is_taken_also_when_the_store_is_gone(recover: Recovery) -> None:
    owner = Store(recover.flow)
    owner.own()
    owner.release()
    shutil.rmtree(recover.part.parent)
    assert recover("engagement", "--from-backup", COPIES[0])[0] == 0
    assert recover("engagement")[0] == 0


def test_without_a_whole_copy_the_other_way_is_told(recover: Recovery) -> None:
    for path in (recover.part, *map(recover.copy, COPIES)):
        path.write_bytes(b"")
    code, _, said = recover("engagement", "--from-backup")
    why = f"{COPIES[1]} is empty; {COPIES[0]} is empty"
    assert (code, said) == (3, f"gamewax: {why}; what can be done: ./gamewax recover engagement\n")
    assert recover("engagement")[1].splitlines()[-1] == (
        "next: ./gamewax recover engagement --from TIME counts anew from Kafka, windows from TIME on"
    )


def test_the_store_of_another_version_is_told(recover: Recovery) -> None:
    (recover.folder / "engagement").rename(recover.folder / "was")
    made(recover.folder)
    code, told, _ = recover("engagement")
    assert code == 3
    assert "store: holds the state of the step engagement.total.stateful_batch, which this version" in told


def test_nothing_is_done_while_the_flow_runs_and_wrong_words_are_refused(recover: Recovery) -> None:
    Store(recover.flow).lock()  # held until this test's process forgets it
    refused = [
        recover("engagement", "--from-backup"),
        recover("engagement", COPIES[0]),
        recover("purchases"),
        recover("no-such-flow"),
        recover("engagement", "--from", "noon"),
        recover("engagement", "--from-backup", "--from", "2026-11-22T12:00:00Z"),
    ]
    assert [code for code, _, _ in refused] == [2] * 6
    assert " is in use by process " in refused[0][2]
    assert recover("engagement")[0] == 0
