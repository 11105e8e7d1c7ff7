"""`python -m flows.store_copy STORE_FILE COPY`: copies one file of a store that may be in use.

Rules:
- A process of its own: inside the flow's process Python's SQLite and the engine's would undo each other's
  locks. It ends when its standard input does, so it never outlives the flow.
- The copy is a snapshot of one moment, looked at as a store is before the engine trusts it, and on the disk
  before it gets its name. It is its owner's alone.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from threading import Thread

from flows.store_check import wrong_with_file
from flows.store_made import sync_folder

UNFINISHED = ".new"
GENTLE = 10  # added to our niceness: the flow goes first


def main(store_file: Path, copy: Path) -> int:
    """Copy; gives the exit code, with the reason on stderr."""
    os.nice(GENTLE)
    Thread(target=_end_with_parent, daemon=True).start()
    unfinished = copy.with_suffix(UNFINISHED)
    try:
        found = _copy(store_file, unfinished)
        if not found:
            unfinished.rename(copy)
            sync_folder(copy.parent)
            return 0
    except (sqlite3.Error, OSError) as error:
        found = f"cannot be written ({error})"
    unfinished.unlink(missing_ok=True)
    sys.stderr.write(f"the copy {found}\n")
    return 1


def _copy(store_file: Path, unfinished: Path) -> str:
    """Copy to a file, and say what is wrong with it."""
    unfinished.unlink(missing_ok=True)
    opened = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with closing(sqlite3.connect(f"file:{store_file}?mode=ro", uri=True)) as store:
            store.execute("VACUUM INTO ?", [str(unfinished)])
        found = wrong_with_file(unfinished)
        os.fsync(opened)
    finally:
        os.close(opened)
    return found


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not by `sys.stdin`: its lock would break our own end
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
