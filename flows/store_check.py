"""Looks at a recovery store before the engine trusts it.

Rules: the engine unpickles what it finds, which is as good as running it. Our states are plain bytes
(`windows/codec.py`), so a pickle that does anything but hold bytes or None is refused unread.
"""

from __future__ import annotations

import pickletools
import sqlite3
from contextlib import closing
from pathlib import Path

from topics.errors import NeedsOperator

PLAIN = frozenset({
    "PROTO", "FRAME", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP",
    "NONE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8",
})  # fmt: skip


def check_store(database: Path) -> None:
    """Make sure that the files are whole and hold nothing but plain states.

    Raises:
        NeedsOperator: a file is damaged, or a state is not one of ours.

    """
    for part in sorted(database.glob("part-*.sqlite3")):
        try:
            with closing(sqlite3.connect(part)) as store:
                found = _strange(store)
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found:
            raise NeedsOperator(
                f"recovery store {part} is damaged ({found}): put a copy back, or move the folder away to "
                "read again all that the log holds"
            )


def _strange(store: sqlite3.Connection) -> str:
    """Say what is wrong with one file; empty when nothing is."""
    (verdict,) = store.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        return str(verdict)
    for step, key, change in store.execute("SELECT step_id, state_key, ser_change FROM snaps"):
        if change is not None and not _is_plain(change):
            return f"the state of {step} {key} is not bytes"
    return ""


def _is_plain(pickled: bytes) -> bool:
    try:
        return all(code.name in PLAIN for code, _, _ in pickletools.genops(pickled))
    except ValueError:
        return False
