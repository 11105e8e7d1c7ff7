"""Who owns a recovery store: one process at a time, by a lock that the kernel lets go with its last breath.

Rules: the file `owner` holds the lock and names its holder, for people and for the other processes of its
cluster; what it says counts only as long as the lock is held. A holder that is just being killed is waited
for, a living one is not.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from topics.errors import BadInput

FILE = "owner"
WAIT_S, LOOK_S = 0.6, 0.05  # a killed process of 1 GB is gone in 0.2 s


class Owner(msgspec.Struct, frozen=True):
    """One process that owns a store; `cluster` is how the processes of its flow find each other."""

    pid: int
    host: str
    since_ms: int
    command: str
    cluster: str = ""
    ready: bool = False

    def __str__(self) -> str:
        """Say who it is, in one line."""
        since = datetime.fromtimestamp(self.since_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"process {self.pid} on {self.host} since {since} ({self.command})"


def this_process(cluster: str = "") -> Owner:
    """Name this process."""
    command = " ".join(sys.orig_argv[1:])
    return Owner(os.getpid(), os.uname().nodename, time.time_ns() // 1_000_000, command, cluster)


class OwnerLock:
    """The lock of one flow's folder, which must be there.

    Raises:
        OSError: the file cannot be opened.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, owner: Owner) -> None:
        """Take the lock until `release` or our end.

        Raises:
            BadInput: another process holds it, or the file system has no locks.

        """
        give_up_at = time.monotonic() + WAIT_S
        while not lock(self._file, self._folder):
            if time.monotonic() >= give_up_at:
                held_by = self.read()
                raise BadInput(
                    f"recovery store {self._folder} is in use by {held_by or 'another process'}: "
                    f"one flow, one owner; end that one first{f' (kill {held_by.pid})' if held_by else ''}"
                )
            time.sleep(LOOK_S)
        self.write(owner)

    def write(self, owner: Owner) -> None:
        """Say who holds the lock."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, msgspec.json.encode(owner) + b"\n", 0)

    def read(self) -> Owner | None:
        """Give the last holder, or None when the file names none."""
        try:
            return msgspec.json.decode(os.pread(self._file, 65_536, 0), type=Owner)
        except (msgspec.DecodeError, OSError):
            return None

    def is_held(self) -> bool:
        """Tell whether another process holds the lock; who wants it meanwhile tries again (`take`)."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self._file, fcntl.LOCK_UN)
        return False

    def release(self) -> None:
        """Let go of the lock."""
        os.close(self._file)


def lock(file: int, folder: Path) -> bool:
    """Try to lock an open file; tells whether we hold it.

    Raises:
        BadInput: the file system has no locks.

    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise BadInput(
            f"recovery store {folder} lies on a file system without locks ({error.strerror}): "
            "let GAMEWAX_RECOVERY__DIR name a folder on a local disk"
        ) from error
    return True
