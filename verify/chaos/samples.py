"""What the processes take, sampled every few seconds: memory, file descriptors, bytes of recovery stores.

Rules: a process that was killed has another life: its figures begin anew and are judged apart.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import psutil

from verify.chaos.flat import Point
from verify.chaos.parts import Parts

EVERY_S = 3.0
MEGA = 2**20
MEMORY, DESCRIPTORS, STORE = "memory_mb", "descriptors", "store_mb"
Life = tuple[str, str, int]  # what is measured, of whom, process id (0 for a folder)


class Samples:
    """Takes figures when they are due."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._began, self._due = parts, time.monotonic(), 0.0
        self.lives: defaultdict[Life, list[Point]] = defaultdict(list)

    def take(self) -> None:
        """Take figures, unless the last ones are young."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY_S
        at_s = round(now - self._began, 1)
        for name, process in self._parts.processes().items():
            with suppress(psutil.Error):
                self.lives[MEMORY, name, process.pid].append(
                    Point(at_s, round(process.memory_info().rss / MEGA, 1))
                )
                self.lives[DESCRIPTORS, name, process.pid].append(Point(at_s, process.num_fds()))
        for name in self._parts.flows:
            size = folder_bytes(self._parts.recovery / name / "store")  # its copies stand beside it
            self.lives[STORE, name, 0].append(Point(at_s, round(size / MEGA, 2)))


def folder_bytes(folder: Path) -> int:
    """Add up the files below a folder, as far as they stay while we look."""
    total = 0
    for file in folder.rglob("*"):
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return total
