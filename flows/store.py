"""The recovery store of one flow: made on first use, owned by one process at a time.

Rules: the folder is ours alone (0700), a lock file names its owner, and a second owner is refused at
once: two instances on one store would both count everything.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from bytewax.recovery import RecoveryConfig, init_db_dir

from flows.store_check import check_store
from flows.store_unfinished import forget_unfinished
from settings import from_caller
from topics.errors import BadInput, NeedsOperator

DATABASE = "store"
PARTITIONS = 1  # SQLite files; each worker of a cluster writes to it through its owner


def store_of(folder: Path, name: str) -> Path:
    """Give the folder of a flow's SQLite files."""
    return from_caller(folder) / name / DATABASE


class Store:
    """A flow's recovery store; its owner holds a lock as long as it lives.

    Args:
        folder: made when absent.

    Raises:
        BadInput: the folder cannot be made or written.
        NeedsOperator: others may write to it, so its content cannot be trusted.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = folder / DATABASE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "owner", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadInput(f"recovery store {folder} cannot be used: {error.strerror}") from error
        if folder.stat().st_mode & 0o022:
            raise NeedsOperator(
                f"recovery store {folder} is writable by others: look inside, then chmod 700 it"
            )

    def own(self) -> RecoveryConfig:
        """Take the store for this process, and give it to Bytewax; a new one is made when there is none.

        Raises:
            BadInput: another process owns it.
            NeedsOperator: it is damaged.

        """
        self._take_lock()
        check_store(self._database)
        forget_unfinished(self._database)
        if not self._made():
            fresh = self.folder / "store.new"
            fresh.mkdir(mode=0o700, exist_ok=True)
            for left in fresh.iterdir():  # an earlier start died here
                left.unlink()
            init_db_dir(fresh, PARTITIONS)
            fresh.rename(self._database)
        return RecoveryConfig(self._database)

    def join(self, pause: Callable[[], None]) -> RecoveryConfig:
        """Use the store that the first process of our cluster owns, once it is there."""
        while not self._made():
            pause()
        return RecoveryConfig(self._database)

    def _made(self) -> bool:
        return any(self._database.glob("part-*.sqlite3"))

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            raise BadInput(
                f"recovery store {self.folder} is in use by process {owner}: one flow, one owner"
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
