"""Where a demo keeps its data: a folder that it has for itself, empty at the start.

Rules: a folder that an earlier demo made is emptied by the next one; what anybody else put somewhere
is never touched, so services that already hold traffic are refused. One demo at a time per folder;
the lock ends with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from embedded.services_state import is_supervised, make_folder
from topics.errors import BadInput

LOCK, MADE_BY_US = "demo.lock", "demo.made"
FLOW_LOGS = "flows"
ENDPOINTS, OUTBOX = "webhooks.yaml", "webhooks"  # who is told, and the dispatcher's store
HOLD_TRAFFIC = ("kafka", "clickhouse", "recovery", FLOW_LOGS, ENDPOINTS, OUTBOX)
KAFKA_LOGS = Path("kafka/logs")
FORMATTED = ("meta.properties", "bootstrap.checkpoint")  # all that formatting made; it costs seconds
LEAST_FREE_MB = 500
EARLIER_ENDS_WITHIN_S = 20.0  # the services of a demo that was killed end by themselves
LOOK_EVERY_S = 0.1


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Have the folder for ourselves, and empty if a demo made it.

    Raises:
        BadInput: another demo runs there, somebody's services do, or the disk is full.

    """
    make_folder(folder)
    check_room(folder)
    try:
        file = (folder / LOCK).open("a+")
    except OSError as error:
        raise BadInput(f"cannot write to {folder}: {error.strerror}; give another --data") from error
    with file:
        lock(file, folder)
        prepare(folder)
        yield


def check_room(folder: Path) -> None:
    """Refuse to start on a disk that would soon be full.

    Raises:
        BadInput: too little is free.

    """
    free_mb = shutil.disk_usage(folder).free >> 20
    if free_mb < LEAST_FREE_MB:
        raise BadInput(
            f"only {free_mb:,} MB are free at {folder}, the demo wants {LEAST_FREE_MB}: "
            "free some, or give another --data"
        )


def lock(file: IO[str], folder: Path) -> None:
    """Become the one demo of this folder for as long as the file is open.

    Raises:
        BadInput: there is one.

    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        raise BadInput(
            f"a demo already runs on {folder} (process {owner}): end it first, or give another --data"
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()


def prepare(folder: Path) -> None:
    """Empty a folder that a demo made; mark a new one as made by a demo.

    Raises:
        BadInput: services run on an earlier demo's data.

    """
    if (folder / MADE_BY_US).exists():
        wait_unused(folder)
        empty(folder)
    elif {path.name for path in folder.iterdir()} == {LOCK}:
        (folder / MADE_BY_US).touch()


def wait_unused(folder: Path) -> None:
    """Wait for the services of a demo that was killed a moment ago.

    Raises:
        BadInput: services stay.

    """
    give_up_at = time.monotonic() + EARLIER_ENDS_WITHIN_S
    while is_supervised(folder):
        if time.monotonic() > give_up_at:
            raise BadInput(
                f"services run on an earlier demo's data: ./gamewax services stop --data '{folder}', "
                "or give another --data"
            )
        time.sleep(LOOK_EVERY_S)


def empty(folder: Path) -> None:
    """Delete an earlier demo's traffic; ports, passwords and Kafka's formatting stay as they were."""
    formatting = {name: read(folder / KAFKA_LOGS / name) for name in FORMATTED}
    for name in HOLD_TRAFFIC:
        old, doomed = folder / name, folder / f"{name}.old"
        shutil.rmtree(doomed, ignore_errors=True)
        if old.is_dir():
            old.rename(doomed)  # at once, whatever a dying service still does in it
            shutil.rmtree(doomed, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)
    if all(formatting.values()):
        (folder / KAFKA_LOGS).mkdir(parents=True)
        for name, content in formatting.items():
            (folder / KAFKA_LOGS / name).write_bytes(content)


def read(path: Path) -> bytes:
    """Read a file; one that is not there is empty."""
    return path.read_bytes() if path.exists() else b""
