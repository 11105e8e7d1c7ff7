"""Puts a copy in the place of a recovery store; what stood there is moved aside, never deleted.

Rules: the caller holds the store's lock. The copy stays where it is. A crash between the two renames
leaves no store and the note that one was made, so the next start refuses and the command can be repeated.
"""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

from flows.store import DATABASE, PARTITIONS
from flows.store_backups import FOLDER as BACKUPS
from flows.store_backups import PART
from flows.store_made import note_made, sync_folder


def put_back(folder: Path, copy: Path) -> Path | None:
    """Put a copy in place; gives where the old store is now, if there was one."""
    fresh = folder / f"{DATABASE}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    with copy.open("rb") as source, (fresh / PART).open("xb") as target:
        os.fchmod(target.fileno(), 0o600)
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    sync_folder(fresh)
    aside = set_aside(folder / DATABASE)
    fresh.rename(folder / DATABASE)
    note_made(folder, PARTITIONS)
    sync_folder(folder)
    return aside


def set_aside_copies(folder: Path) -> None:
    """Move the copies aside: they are of another count of the flow."""
    set_aside(folder / BACKUPS)


def set_aside(path: Path) -> Path | None:
    """Rename a folder to `NAME.damaged-N`; gives its new path, or None when it is not there."""
    if not path.exists():
        return None
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    path.rename(aside)
    return aside
