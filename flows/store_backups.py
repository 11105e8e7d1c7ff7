"""Copies of a recovery store, made while the flow runs: the last two are kept beside it.

Rules:
- A copy is made by a process of its own (`flows/store_copy.py`); the engine never waits for it.
- What goes wrong with a copy is logged and ends nothing; no copy is begun when the disk is nearly full.
- Copies are named by their time (UTC), so their names sort.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from flows.disk import free_bytes
from flows.store import DATABASE
from flows.store_copy import UNFINISHED
from flows.store_made import FILE as MADE

FOLDER, ENDING = "backups", ".sqlite3"
KEPT = 2
TIME = "%Y-%m-%dT%H%M%SZ"
PART = "part-0.sqlite3"  # a store is one file
ENDS_WITHIN_S, LOOK_S = 2.0, 0.05
ROOT = Path(__file__).parents[1]


def backups(folder: Path) -> list[Path]:
    """Give the copies of a flow's store, newest first."""
    return sorted((folder / FOLDER).glob(f"*{ENDING}"), reverse=True)


@dataclass(frozen=True, slots=True)
class Often:
    """How often a store is copied (0 = never), and how many bytes must stay free on its disk."""

    every_s: float
    least_free: int


class Backups:
    """Copies the store of a flow's folder while the `with` block lasts; `now` gives the present."""

    def __init__(self, folder: Path, often: Often, now: Callable[[], datetime]) -> None:
        self._folder, self._often, self._now = folder, often, now
        self._ended = Event()
        self._thread = Thread(target=self._run, name="backups", daemon=True)

    def __enter__(self) -> Self:
        if self._often.every_s:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; a copy under way is given up."""
        self._ended.set()
        if self._often.every_s:
            self._thread.join(ENDS_WITHIN_S)

    def _run(self) -> None:
        while not self._ended.wait(self._due_in_s()):
            try:
                trouble = self._copy()
            except OSError as error:
                trouble = str(error)
            if trouble:
                structlog.get_logger().warning("no copy of the store", flow=self._folder.name, why=trouble)
                self._ended.wait(self._often.every_s)

    def _due_in_s(self) -> float:
        """Give the time until the newest copy, or the store if there is none, is old enough."""
        known = [*backups(self._folder)[:1], self._folder / MADE]
        made_s = next((path.stat().st_mtime for path in known if path.exists()), 0.0)
        age_s = self._now().timestamp() - made_s
        return min(max(self._often.every_s - age_s, 0.0), self._often.every_s)

    def _copy(self) -> str:
        """Make one copy and forget the oldest; gives what went wrong."""
        folder = self._folder / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        for left in folder.glob(f"*{UNFINISHED}"):  # an earlier flow died here
            left.unlink()
        if why := self._no_room():
            return why
        why = self._run_copy(folder / f"{self._now().strftime(TIME)}{ENDING}")
        for old in backups(self._folder)[KEPT:]:
            old.unlink(missing_ok=True)
        return why

    def _no_room(self) -> str:
        wanted = sum(path.stat().st_size for path in (self._folder / DATABASE).glob(f"{PART}*"))
        free = free_bytes(self._folder)
        if free is None or free >= wanted + self._often.least_free:
            return ""
        return f"the disk has {free >> 20} MB free, it would take {wanted >> 20}"

    def _run_copy(self, to: Path) -> str:
        """Wait for the process that copies, or for our end."""
        command = [sys.executable, "-m", "flows.store_copy", str(self._folder / DATABASE / PART), str(to)]
        with subprocess.Popen(  # noqa: S603  our own program
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as copying:
            while copying.poll() is None:
                if self._ended.wait(LOOK_S):
                    copying.kill()
                    return ""
            said = copying.stderr.read().decode(errors="replace").strip() if copying.stderr else ""
        return said.splitlines()[-1] if said and copying.returncode else ""
