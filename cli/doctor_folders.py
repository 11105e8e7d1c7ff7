"""`gamewax doctor`, folders: the local services of the data folder, and the flows' recovery stores.

Rules: it looks and takes no lock: a flow that starts meanwhile must not find its store in use.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import settings
from cli.doctor_lines import Line, bad, ok, warn
from cli.doctor_machine import disk, size

OTHERS_WRITE, OTHERS_SEE = 0o022, 0o055
LOCK = re.compile(r"FLOCK\s+ADVISORY\s+WRITE\s+(\d+)\s+\S+:(\d+)\s")
LOCKS = Path("/proc/locks")


def look_at_services(data: Path, at: settings.Settings) -> Iterator[Line]:
    """Tell whether Kafka and ClickHouse run on this data folder, and whether the settings lead there."""
    from embedded.services import look

    services = look(data)
    if services is None:
        yield ok("local services", f"none run on {data}")
        return
    for name, answers, part in (
        ("local kafka", services.kafka_answers(), services.state.kafka),
        ("local clickhouse", services.clickhouse_answers(), services.state.clickhouse),
    ):
        if answers:
            yield ok(name, f"answers on port {part.port}, pid {part.pid}")
        else:
            yield bad(name, part.trouble or "does not answer", f"see the logs in {data}")
    led = (at.kafka.bootstrap_servers, at.clickhouse.url)
    if led != (services.bootstrap_servers, services.clickhouse_url):
        yield warn("settings", "lead elsewhere than to these services", 'eval "$(./gamewax services env)"')


def look_at_recovery(at: settings.Settings) -> Iterator[Line]:
    """Tell of the recovery folder and of each flow's store in it."""
    folder = settings.from_caller(at.recovery.dir)
    yield disk("recovery disk", folder)
    if not folder.exists():
        yield ok("recovery", f"{folder} is made by the first flow")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield bad("recovery", f"{folder} cannot be used", "give it to the user that runs the flows")
        return
    if stat.S_IMODE(folder.stat().st_mode) & OTHERS_WRITE:
        yield bad("recovery", f"others may write to {folder}", f"look inside, then chmod 700 {folder}")
    stores = sorted(path for path in folder.iterdir() if path.is_dir())
    yield ok("recovery", f"{folder}: stores of {len(stores)} flows")
    for store in stores:
        yield look_at_store(store)


def look_at_store(store: Path) -> Line:
    """Tell of one flow's store: how large it is, who owns it, who else may see it."""
    name = f"store {store.name}"
    mode = stat.S_IMODE(store.stat().st_mode)
    files = [path for path in store.rglob("*") if path.is_file()]
    owner = owner_of(store)
    held = f"owned by process {owner}" if owner else "no process runs it"
    text = f"{size(sum(file.stat().st_size for file in files))}, {held}, mode {mode:o}"
    if mode & OTHERS_WRITE:
        return bad(name, text, f"others may write: flows refuse it; look inside, then chmod 700 {store}")
    if mode & OTHERS_SEE:
        return warn(name, text, f"others may look inside: chmod 700 {store}")
    return ok(name, text)


def owner_of(store: Path) -> int | None:
    """Give the process that holds the store's lock, as the kernel lists it."""
    try:
        inode = (store / "owner").stat().st_ino
        locks = LOCKS.read_text(encoding="ascii")
    except OSError:
        return None
    held = {int(number): int(process) for process, number in LOCK.findall(locks)}
    return held.get(inode)
