"""Whether the disk of a recovery store has room, and what a full one looks like from inside.

Rules: a full disk is nobody's damage: what was not written is read again, so the flow ends, says so in
one line, and is started again until there is room.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from topics.errors import Broken

MB = 1 << 20
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
STORE_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})  # a limit of size says the latter
ENGINE_FULL = ("code: DiskFull", "code: SystemIoFailure")  # how the engine's panic writes the same
NO_SPACE = os.strerror(errno.ENOSPC)


def free_bytes(folder: Path) -> int | None:
    """Give what we may still write where a folder is, or will be; None where nobody knows."""
    place = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        found = os.statvfs(place)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def check_room(folder: Path, least_bytes: int) -> None:
    """Refuse to begin on a disk that is nearly full.

    Raises:
        Broken: there is less room than `least_bytes`.

    """
    free = free_bytes(folder)
    if free is not None and free < least_bytes:
        raise Broken(
            f"{too_little(free, least_bytes)} at {folder}: make room there, it goes on from its last snapshot"
        )


def too_little(free: int, least_bytes: int) -> str:
    """Say how little room there is.

    >>> too_little(3 << 20, 50 << 20)
    'the disk of the recovery store is full (3 MB free, 50 MB wanted)'

    """
    return f"the disk of the recovery store is full ({free // MB} MB free, {least_bytes // MB} MB wanted)"


def full_disk(causes: Iterable[BaseException]) -> str | None:
    """Give the words of the error that a full disk made, if one did."""
    return next((words for cause in causes if (words := _words(cause))), None)


def _words(cause: BaseException) -> str | None:
    if isinstance(cause, OSError) and cause.errno in FULL:
        return cause.strerror
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return str(cause) if code is not None and code & 0xFF in STORE_FULL else None
    if NO_SPACE in str(cause):  # the engine's panic when it cannot even log
        return NO_SPACE
    panic = str(cause) if "SqliteFailure" in str(cause) else ""
    return panic.rpartition('Some("')[2].partition('"')[0] if any(of in panic for of in ENGINE_FULL) else None
