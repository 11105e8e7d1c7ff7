"""Looks at a recovery store before the engine trusts it.

Rules:
- What is wrong is said in one line that ends with the command that helps; nothing is mended in silence.
- The engine unpickles what it finds, which is as good as running it. Our states are plain bytes
  (`windows/codec.py`), so a pickle that does anything but hold bytes or None is refused unread.
- SQLite knows whether its pages are whole, our checksums whether the values are (`windows/seal.py`).
"""

from __future__ import annotations

import pickletools
import sqlite3
from contextlib import closing
from pathlib import Path

from flows.disk import full_disk
from flows.store_made import Made, helps, read_made
from flows.store_unfinished import NOTHING_STARTED, resume_epoch
from topics.errors import NeedsOperator
from windows.seal import is_whole

PLAIN = frozenset({
    "PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP",
    "NONE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8",
})  # fmt: skip
HOLDS_BYTES = frozenset({"SHORT_BINBYTES", "BINBYTES", "BINBYTES8"})
UNREADABLE = frozenset(
    {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}
)  # not a full disk's doing
TABLES = {"parts", "exs", "fronts", "commits", "snaps"}


def check_store(database: Path) -> None:
    """Make sure that the store is all there, whole, and holds nothing but plain states.

    Raises:
        NeedsOperator: a file is missing, damaged or not ours, or a state is.

    """
    folder = database.parent
    if found := wrong_with(database, read_made(folder)):
        raise NeedsOperator(f"recovery store {found}; what can be done: {helps(folder)}")


def wrong_with(database: Path, made: Made | None) -> str:
    """Say what is wrong with a store, beginning with its path; empty when nothing is."""
    try:
        files = sorted(path.name for path in database.iterdir() if path.suffix == ".sqlite3")
    except FileNotFoundError:
        return f"{database} is gone: it was made at {made.at}" if made else ""
    except OSError as error:
        return f"{database} cannot be read ({error.strerror})"
    wanted = [f"part-{number}.sqlite3" for number in range(made.parts if made else max(1, len(files)))]
    if missing := [name for name in wanted if name not in files]:
        return f"{database} lacks its file {missing[0]}"
    if strange := [name for name in files if name not in wanted]:
        return f"{database} holds a file that is not its own: {strange[0]}"
    return next(
        (f"{database / name} {found}" for name in wanted if (found := wrong_with_file(database / name))), ""
    )


def wrong_with_file(part: Path) -> str:
    """Say what is wrong with one file of a store; empty when nothing is.

    Raises:
        sqlite3.DatabaseError: the disk is full, which says nothing about the store.

    """
    try:
        if not part.stat().st_size:
            return "is empty"
        with part.open("rb"):
            pass
        with closing(sqlite3.connect(part)) as store:
            found = _damage(store)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in UNREADABLE and full_disk([error]):
            raise
        found = str(error)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return found and f"is damaged ({found})"


def _damage(store: sqlite3.Connection) -> str:
    (verdict,) = store.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        return str(verdict).splitlines()[-1]
    there = {name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if lacking := sorted(TABLES - there):
        return f"it has no table {lacking[0]}"
    if not store.execute("SELECT count(*) FROM parts").fetchone()[0]:
        return "it does not say which file of the store it is"
    resumes_at = resume_epoch(store)
    kept_from = store.execute("SELECT max(commit_epoch) FROM commits").fetchone()[0] or 0
    if resumes_at != NOTHING_STARTED and kept_from > resumes_at:
        return f"it goes on at epoch {resumes_at}, and states before {kept_from} are gone"
    return _strange_state(store)


def _strange_state(store: sqlite3.Connection) -> str:
    for step, key, change in store.execute("SELECT step_id, state_key, ser_change FROM snaps"):
        if change is None:
            continue
        if not _is_plain(change):
            return f"the state of {step} {key} is not bytes"
        if not is_whole(content(change)):
            return f"the checksum of the state of {step} {key} does not fit"
    return ""


def content(pickled: bytes) -> bytes:
    """Take the bytes out of a pickled bytes object without unpickling: nothing in it is ever run."""
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in HOLDS_BYTES and isinstance(argument, bytes):
            return argument
    return b""


def _is_plain(pickled: bytes) -> bool:
    try:
        return all(code.name in PLAIN for code, _, _ in pickletools.genops(pickled))
    except ValueError:
        return False
