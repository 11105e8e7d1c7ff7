"""Where a flow's processes answer: one small file each in the flow's recovery folder.

Rules: the file is its owner's alone (0600) and appears whole (by rename). It names the process by its id
and its start, so a file that a killed process left, or an id that another program has now, is known as
stale; a process that ends by itself takes its file away.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

PREFIX = "health-"
OWNER_ONLY = 0o600


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One process of a flow, and the address where it answers."""

    flow: str
    process: int  # its number in the flow's cluster
    pid: int
    started: float  # seconds since 1970, as the kernel tells it
    url: str

    @property
    def lives(self) -> bool:
        """Tell whether that very process runs."""
        try:
            return psutil.Process(self.pid).create_time() == self.started
        except (psutil.Error, ValueError, OverflowError):
            return False


def own_endpoint(flow: str, process: int, url: str) -> Endpoint:
    """Name this process."""
    pid = os.getpid()
    return Endpoint(flow, process, pid, psutil.Process(pid).create_time(), url)


def write_endpoint(folder: Path, endpoint: Endpoint) -> Path:
    """Put the endpoint's file in the place of an older one."""
    path = folder / f"{PREFIX}{endpoint.process}.json"
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(endpoint) + b"\n")
    unfinished.replace(path)
    return path


def forget_dead(folder: Path) -> None:
    """Take away the files that killed processes left in one flow's folder."""
    for endpoint in _read(folder.glob(f"{PREFIX}*.json")):
        if not endpoint.lives:
            remove_endpoint(folder, endpoint)


def remove_endpoint(folder: Path, endpoint: Endpoint) -> None:
    """Take the file away if it is still this process's."""
    path = folder / f"{PREFIX}{endpoint.process}.json"
    with suppress(OSError, msgspec.MsgspecError):
        if msgspec.json.decode(path.read_bytes(), type=Endpoint) == endpoint:
            path.unlink()


def endpoints(recovery: Path) -> Iterator[Endpoint]:
    """Give what the files under a folder of recovery stores say, stale ones too."""
    return _read(recovery.glob(f"*/{PREFIX}*.json"))


def endpoints_in(folder: Path) -> Iterator[Endpoint]:
    """Give what the files in one folder say, stale ones too."""
    return _read(folder.glob(f"{PREFIX}*.json"))


def _read(paths: Iterable[Path]) -> Iterator[Endpoint]:
    for path in sorted(paths):
        with suppress(OSError, msgspec.MsgspecError):
            yield msgspec.json.decode(path.read_bytes(), type=Endpoint)
