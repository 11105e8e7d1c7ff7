"""What a data folder tells about its services: who runs them, where they listen, who may log in.

Rules: the supervisor holds `services.lock` as long as it lives, and alone writes `services.json`
(by rename, so readers see a whole file). `credentials.json` is made once, for its owner's eyes only.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import msgspec

from topics.errors import BadInput, Broken

LOCK = "services.lock"
STATE = "services.json"
LOG = "services.log"
CREDENTIALS = "credentials.json"
PASSWORD_BYTES = 24
OWNER_ONLY = 0o600
BETWEEN_TRIES_S = 0.05


Phase = Literal["starting", "ready", "stopped"]


class Part(msgspec.Struct, frozen=True):
    """One service: its port, its process, and why it is not well if it is not (else empty)."""

    port: int
    pid: int | None = None
    trouble: str = ""


class State(msgspec.Struct, frozen=True):
    """The services of one folder as their supervisor last wrote them down."""

    phase: Phase
    supervisor: int
    kafka: Part
    clickhouse: Part


class User(msgspec.Struct, frozen=True):
    """A name and password of ClickHouse."""

    user: str
    password: str


class Credentials(msgspec.Struct, frozen=True):
    """Who writes to ClickHouse and who may only read."""

    writer: User
    reader: User


def read_state(data: Path) -> State | None:
    """Read what the last supervisor wrote; `None` when there was none."""
    try:
        return msgspec.json.decode((data / STATE).read_bytes(), type=State)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_state(data: Path, state: State) -> None:
    """Put a new state in the place of the old one."""
    unfinished = data / f"{STATE}.new"
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(state)))
    unfinished.replace(data / STATE)


def credentials(data: Path) -> Credentials:
    """Read the folder's credentials, making them at the first call.

    Raises:
        Broken: the file exists and cannot be read.

    """
    path = data / CREDENTIALS
    if not path.exists():
        _write_credentials(path)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(f"cannot read {path}: {error}; delete it to get new passwords") from error


def _write_credentials(path: Path) -> None:
    made = Credentials(
        writer=User("gamewax", secrets.token_urlsafe(PASSWORD_BYTES)),
        reader=User("gamewax_reader", secrets.token_urlsafe(PASSWORD_BYTES)),
    )
    unfinished = path.with_suffix(f".{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(made)))
    unfinished.replace(path)


def make_folder(data: Path) -> None:
    """Make the data folder, readable by its owner only.

    Raises:
        BadInput: it cannot be made.

    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot make the data folder {data}: {error.strerror}; give another --data"
        ) from error


@contextmanager
def lock(data: Path, within_s: float) -> Iterator[bool]:
    """Try for a while to become the folder's supervisor; gives whether that worked."""
    give_up_at = time.monotonic() + within_s
    with (data / LOCK).open("a") as file:
        while not (got_it := _try_lock(file, fcntl.LOCK_EX)) and time.monotonic() < give_up_at:
            time.sleep(BETWEEN_TRIES_S)
        yield got_it


def is_supervised(data: Path) -> bool:
    """Tell whether a supervisor holds the folder now."""
    try:
        with (data / LOCK).open() as file:
            return not _try_lock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _try_lock(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
