"""Every misfortune of a recovery store is one line with the command that helps, and never a wrong number."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from flows.past import committed_lanes
from flows.store import Store
from flows.store_check import check_store
from flows.store_steps import check_steps
from tests.flows.store_fixture import NAME, Made, adding, made, run
from topics.errors import BadInput, NeedsOperator
from windows.seal import sealed

ROOT = Path(__file__).parents[2]
SEED = 20261122


@pytest.fixture
def store(tmp_path: Path) -> Made:
    return made(tmp_path)


def refused(folder: Path) -> str:
    """Start on a folder, which must be refused; gives what was said, without the folder."""
    with pytest.raises(NeedsOperator) as told:
        Store(folder).own()
    assert told.value.exit_code == 3
    return str(told.value).replace(str(folder), "STORE")


def test_a_whole_store_goes_on_where_it_was(store: Made) -> None:
    out: list[tuple[str, int]] = []
    run(store.folder, adding(NAME, [1, 2, 3, 4], out))
    assert out == [("all", 10)]


AS_NOBODY = """
import os, sys
from pathlib import Path
from flows.store_check import check_store
if os.geteuid() == 0:
    os.setuid(65534)
check_store(Path(sys.argv[1]))
"""
TOTAL = "STORE/store/part-0.sqlite3 is damaged ({} the state of engagement.total.stateful_batch all {})"
HELPS = "; what can be done: ./gamewax recover engagement"
MISFORTUNES: dict[str, tuple[Callable[[Made], object], str]] = {
    "a file of no bytes": (
        lambda of: of.file.write_bytes(b""),
        "STORE/store/part-0.sqlite3 is empty",
    ),
    "a file that is no database": (
        lambda of: of.file.write_bytes(b"not a database, not a database" * 200),
        "STORE/store/part-0.sqlite3 is damaged (file is not a database)",
    ),
    "a truncated file": (
        lambda of: os.truncate(of.file, of.file.stat().st_size - 5_000),
        "STORE/store/part-0.sqlite3 is damaged (database disk image is malformed)",
    ),
    "a file without its tables": (
        lambda of: of.change("DROP TABLE fronts"),
        "STORE/store/part-0.sqlite3 is damaged (it has no table fronts)",
    ),
    "a missing file": (lambda of: of.file.unlink(), "STORE/store lacks its file part-0.sqlite3"),
    "a file too many": (
        lambda of: (of.folder / "store" / "part-0 copy.sqlite3").write_bytes(of.file.read_bytes()),
        "STORE/store holds a file that is not its own: part-0 copy.sqlite3",
    ),
    "a state that would run code": (
        lambda of: of.change(
            "UPDATE snaps SET ser_change = ? WHERE step_id LIKE '%total%'", pickle.dumps(os.system)
        ),
        TOTAL.format("", "is not bytes").replace("( ", "("),
    ),
    "a flipped bit": (
        lambda of: of.change(
            "UPDATE snaps SET ser_change = ? WHERE step_id LIKE '%total%'",
            pickle.dumps(sealed(b"6")[:-1] + b"7"),
        ),
        TOTAL.format("the checksum of", "does not fit"),
    ),
    "an epoch that is gone": (
        lambda of: of.change("UPDATE fronts SET worker_frontier = 1"),
        "STORE/store/part-0.sqlite3 is damaged (it goes on at epoch 1, and states before 4 are gone)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_a_damaged_store_is_refused(store: Made, misfortune: str) -> None:
    befall, said = MISFORTUNES[misfortune]
    befall(store)
    assert refused(store.folder) == f"recovery store {said}{HELPS}"


def test_a_store_that_is_gone_is_missed(store: Made) -> None:
    (store.folder / "store").rename(store.folder / "elsewhere")
    at = (store.folder / "store.made").read_text()
    said = refused(store.folder)
    assert said.startswith("recovery store STORE/store is gone: it was made at 20")
    assert (said.endswith(HELPS), "at_ms" in at) == (True, True)


def test_a_store_of_the_first_release_gets_its_note(store: Made) -> None:
    (store.folder / "store.made").unlink()
    run(store.folder, adding(NAME, [1, 2, 3], []))
    store.file.unlink()
    assert "lacks its file" in refused(store.folder)


def test_a_folder_that_we_may_not_read_is_said() -> None:
    with TemporaryDirectory() as anyone:  # pytest's own folder is closed for others
        store = made(Path(anyone))
        for path in (Path(anyone), store.folder, store.folder / "store.made"):
            path.chmod(0o755)
        (store.folder / "store").chmod(0)
        ended = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(store.folder / "store")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.stderr.splitlines()[-1].endswith(f"/store cannot be read (Permission denied){HELPS}")


def test_a_folder_that_cannot_be_made_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be used: Not a directory"):
        Store(tmp_path / "file" / NAME)


def test_no_flipped_byte_ever_changes_a_number_in_silence(tmp_path: Path) -> None:
    """Any byte of the file may change: the run is refused, ends broken, or gives the right sum."""
    random, whole = Random(SEED), made(tmp_path / "whole").file.read_bytes()
    for trial in range(60):
        store = Made(tmp_path / str(trial) / NAME)
        store.file.parent.mkdir(parents=True)
        store.folder.chmod(0o700)
        place = random.randrange(len(whole))
        store.file.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << random.randrange(8)]) + whole[place + 1 :]
        )
        try:
            check_store(store.folder / "store")
        except NeedsOperator:
            continue
        out: list[tuple[str, int]] = []
        run(store.folder, adding(NAME, [1, 2, 3, 4], out))
        assert out == [("all", 10)], place


@pytest.mark.parametrize("torn", ["part-0.sqlite3-wal", "part-0.sqlite3-shm"])
def test_a_torn_or_missing_log_of_sqlite_is_an_earlier_place_never_a_wrong_one(
    tmp_path: Path, torn: str
) -> None:
    """A killed run leaves a write-ahead log; without its end the flow goes on from an earlier epoch."""
    killed = f"""
import os
from pathlib import Path
from tests.flows.store_fixture import *
class Killed(Total):
    def on_item(self, value):
        if value == 7:
            os.kill(os.getpid(), 9)
        return super().on_item(value)
import tests.flows.store_fixture as fixture
fixture.Total = Killed
run(Path({str(tmp_path / NAME)!r}), adding(NAME, [1, 2, 3, 7], []))
"""
    ended = subprocess.run(
        [sys.executable, "-c", killed], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == -9, ended.stderr
    whole = {path.name: path.read_bytes() for path in (tmp_path / NAME / "store").iterdir()}
    for keep in (0.0, 0.3, 0.9, 1.0):
        store = Made(tmp_path / f"{keep}" / NAME)
        store.file.parent.mkdir(parents=True)
        store.folder.chmod(0o700)
        for name, content in whole.items():
            (store.file.parent / name).write_bytes(
                content[: int(len(content) * keep)] if name == torn else content
            )
        if not keep:
            (store.file.parent / torn).unlink()
        out: list[tuple[str, int]] = []
        with suppress(NeedsOperator):
            run(store.folder, adding(NAME, [1, 2, 3, 4], out))
            assert out[-1] == ("all", 10)


def test_a_renamed_step_is_refused_and_a_new_one_is_not(store: Made) -> None:
    database = store.folder / "store"
    with pytest.raises(NeedsOperator) as told:
        check_steps(database, adding(NAME, [], [], step="sum"))
    assert str(told.value) == (
        f"recovery store {database} holds the state of the step engagement.total.stateful_batch, which this "
        "version of the flow has not: it would be lost without a word (the version that wrote it can go on)"
        f"{HELPS}"
    )
    store.change("DELETE FROM snaps WHERE step_id LIKE '%total%'")
    check_steps(database, adding(NAME, [], [], step="sum"))


def test_the_store_of_another_flow_is_refused(store: Made) -> None:
    with pytest.raises(NeedsOperator, match="is that of the flow engagement, not of purchases"):
        check_steps(store.folder / "store", adding("purchases", [], []))


def test_states_without_a_place_to_read_on_from_are_refused(store: Made) -> None:
    store.change("DELETE FROM snaps WHERE step_id = 'engagement.read'")
    with pytest.raises(NeedsOperator, match="holds states and no place to read on from"):
        check_steps(store.folder / "store", adding(NAME, [], []))


SQLITE_FINDS = re.compile(r"\((file is not a database|it has no table fronts)\)")
PAGE = (ROOT / "docs" / "recovery.md").read_text()
TOLD = [
    ".*".join(re.escape(piece) for piece in fragment.split("…"))
    for fragment in re.findall(r"`(… [^`]+)`", PAGE)
]


@pytest.mark.parametrize("misfortune", MISFORTUNES)
def test_the_page_on_recovery_says_what_is_said(misfortune: str) -> None:
    _, said = MISFORTUNES[misfortune]
    told = SQLITE_FINDS.sub("(database disk image is malformed)", said)  # the page gives one example
    told = told.replace("engagement.total.stateful_batch", "engagement.window.fold")
    assert [line for line in TOLD if re.search(line, told)] != []


def test_who_only_reads_a_damaged_store_is_told_too(store: Made) -> None:
    store.file.write_bytes(b"no database" * 100)
    with pytest.raises(NeedsOperator) as told:
        committed_lanes(store.folder / "store", "engagement.read")
    assert str(told.value) == f"recovery store {store.file} cannot be read (file is not a database){HELPS}"
