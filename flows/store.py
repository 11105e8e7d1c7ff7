"""The recovery store of one flow: made on first use, owned by one process at a time.

Rules:
- The folder is ours alone (0700); a second owner is refused at once: two instances on one store would
  both count everything.
- A store is made once. One that was made and is not there, or is damaged, is never made anew in silence.
- Python's SQLite never touches the store of a running engine from inside its process: two copies of SQLite
  in one process undo each other's locks (see sqlite.org/howtocorrupt.html).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from bytewax.recovery import RecoveryConfig, init_db_dir

from flows.store_check import check_store
from flows.store_made import helps, note_made
from flows.store_owner import OwnerLock, this_process
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
        cluster: the addresses of the flow's processes; empty when there is one.

    Raises:
        BadInput: the folder cannot be made or written.
        NeedsOperator: others may write to it, so its content cannot be trusted.

    """

    def __init__(self, folder: Path, cluster: str = "") -> None:
        self.folder = folder
        self._database = folder / DATABASE
        self._owner = this_process(cluster)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = OwnerLock(folder)
        except OSError as error:
            raise BadInput(
                f"recovery store {folder} cannot be used: {error.strerror} (GAMEWAX_RECOVERY__DIR says where)"
            ) from error
        if folder.stat().st_mode & 0o022:
            raise NeedsOperator(
                f"recovery store {folder} is writable by others: look inside, then chmod 700 it; "
                f"what can be done if somebody was there: {helps(folder)}"
            )

    def lock(self) -> None:
        """Keep all others away, and leave the store as it is.

        Raises:
            BadInput: another process owns it.

        """
        self._lock.take(self._owner)

    def own(self) -> RecoveryConfig:
        """Take the store for this process, and give it to Bytewax; a new one is made when there was none.

        Raises:
            BadInput: another process owns it.
            NeedsOperator: it is damaged, or gone.

        """
        self.lock()
        check_store(self._database)
        if self._database.exists():
            forget_unfinished(self._database)
        else:
            self._make()
        note_made(self.folder, PARTITIONS)
        self._lock.write(msgspec.structs.replace(self._owner, ready=True))
        return RecoveryConfig(self._database)

    def join(self, pause: Callable[[], None]) -> RecoveryConfig:
        """Use the store that the first process of our cluster owns, once it has looked at it."""
        while not self._is_ready():
            pause()
        return RecoveryConfig(self._database)

    @property
    def start(self) -> str:
        """Name this start of the flow, once owned or joined: all processes of its cluster give the same."""
        owner = self._lock.read()
        return f"{owner.pid} since {owner.since_ms}" if owner else ""

    def release(self) -> None:
        """Let others own the store."""
        self._lock.release()

    def _is_ready(self) -> bool:
        if not self._lock.is_held():  # what the file says, an earlier start left
            return False
        owner = self._lock.read()
        return owner is not None and owner.ready and owner.cluster == self._owner.cluster

    def _make(self) -> None:
        fresh = self.folder / f"{DATABASE}.new"
        fresh.mkdir(mode=0o700, exist_ok=True)
        for left in fresh.iterdir():  # an earlier start died here
            left.unlink()
        init_db_dir(fresh, PARTITIONS)
        fresh.rename(self._database)
