"""`gamewax doctor`, this machine: Python, the packages against the lock, cores, memory, disk.

In: `requirements.lock` and the kernel. Rules: a package of another version than the lock's is bad,
since nothing was tested with it; one that is missing is only told (an image leaves some out).
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from cli.doctor_lines import Line, bad, ok, warn

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(?:\d+!)?([^\s;\\]+)([^\\\n]*)", re.MULTILINE)
PYTHONS = {(3, 11), (3, 12)}
FEW_CORES, LITTLE_MEMORY, LITTLE_DISK, NO_DISK = 2, 2 << 30, 2 << 30, 256 << 20
TOLD = 4  # names in one line
REINSTALL = "delete .venv and run ./gamewax again"


def look_at_machine(lock: Path, folder: Path) -> Iterator[Line]:
    """Look at Python, packages, cores, memory and the disk that holds `folder`."""
    yield python()
    yield from packages(lock)
    yield cores()
    yield memory()
    yield disk("disk", folder)


def python() -> Line:
    """Tell Python's version and the platform."""
    text = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info[:2] in PYTHONS and (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        return ok("python", text)
    return bad("python", text, "Gamewax needs Python 3.11 or 3.12 on Linux x86-64")


def packages(lock: Path) -> Iterator[Line]:
    """Compare what is installed with what the lock pins (for each Python and platform its own, at times)."""
    pins: dict[str, set[str]] = {}
    everywhere: set[str] = set()
    for name, wanted, marker in PINNED.findall(lock.read_text(encoding="utf-8")):
        pins.setdefault(name, set()).add(wanted)
        everywhere |= set() if marker.strip(" ;") else {name}
    installed = {name: found for name in pins if (found := installed_version(name))}
    other = [
        f"{name} {found} instead of {' or '.join(sorted(pins[name]))}"
        for name, found in installed.items()
        if found not in pins[name]
    ]
    missing = sorted(everywhere - installed.keys())
    if other:
        yield bad("packages", listed(other), REINSTALL)
    if missing:
        lacks = f"{listed(missing)}: not installed"
        yield warn("packages", lacks, f"right in the image, which leaves them out; else {REINSTALL}")
    if not other and not missing:
        yield ok("packages", f"{len(installed)}, as requirements.lock says")


def installed_version(name: str) -> str | None:
    """Give a package's version here."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def listed(names: list[str]) -> str:
    """Join the first few names."""
    rest = len(names) - TOLD
    return ", ".join(names[:TOLD]) + (f" and {rest} more" if rest > 0 else "")


def cores() -> Line:
    """Tell how many cores this process may use."""
    usable = len(os.sched_getaffinity(0))
    if usable >= FEW_CORES:
        return ok("cores", str(usable))
    return warn("cores", str(usable), "Kafka, ClickHouse and a flow share it: expect less speed")


def memory() -> Line:
    """Tell the memory that is left."""
    left = psutil.virtual_memory()
    text = f"{size(left.available)} of {size(left.total)} free"
    if left.available >= LITTLE_MEMORY:
        return ok("memory", text)
    return warn("memory", text, "a flow takes up to 0.5 GB, local services another 0.8 GB")


def disk(subject: str, folder: Path) -> Line:
    """Tell how much room the disk has that holds (or will hold) a folder."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{size(free)} free for {folder}"
    if free < NO_DISK:
        return bad(subject, text, "free some; a full disk stops snapshots and services")
    if free < LITTLE_DISK:
        return warn(subject, text, "free some before it is full")
    return ok(subject, text)


def size(count: float) -> str:
    """Write a number of bytes as people do."""
    units = ("B", "kB", "MB", "GB")
    for unit in units:
        if count < 1000 or unit == units[-1]:  # noqa: PLR2004  a unit has three digits
            return f"{count:.1f} {unit}" if unit == "GB" else f"{count:.0f} {unit}"
        count /= 1000
    raise AssertionError
