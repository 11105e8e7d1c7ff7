"""Remembers beside a recovery store that it was made, so that a lost one is missed.

Rules: without this note a flow whose store is gone would begin anew in silence and count the log's rest as
if it were all. The note is written after the store, so a crash between leaves a store without a note,
which gets one at the next start (as do stores of 0.1.0).
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from topics.errors import NeedsOperator

FILE = "store.made"


class Made(msgspec.Struct, frozen=True):
    """When a flow's store was first made, and of how many files it is."""

    flow: str
    at_ms: int
    parts: int

    @property
    def at(self) -> str:
        """Give the time as people read it."""
        return datetime.fromtimestamp(self.at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def note_made(folder: Path, parts: int) -> None:
    """Write the note, unless there is one."""
    path = folder / FILE
    if path.exists():
        return
    new = folder / f"{FILE}.new"
    with new.open("wb") as file:
        made = Made(folder.name, time.time_ns() // 1_000_000, parts)
        file.write(msgspec.json.encode(made) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    sync_folder(folder)


def read_made(folder: Path) -> Made | None:
    """Read the note; None when no store was made here yet.

    Raises:
        NeedsOperator: it cannot be read.

    """
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Made)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NeedsOperator(f"{path} cannot be read ({why}); what can be done: {helps(folder)}") from error


def forget_made(folder: Path) -> None:
    """Take the note away: the next start makes a new store."""
    (folder / FILE).unlink(missing_ok=True)


def helps(folder: Path) -> str:
    """Give the command that tells what can be done about the store of a folder."""
    return f"./gamewax recover {folder.name}"


def sync_folder(folder: Path) -> None:
    """Bring a folder's new names to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
