"""What a person sees of a backfill: how far it is, how fast, when it will be done, and what was done.

Rules: a terminal sees a bar that goes away, everyone else a line each 10 s; the last line is for all. All of
it goes to stderr. Of files nobody knows how many messages they hold before they are read: by bytes, about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from flows.backfill import Backfill
from flows.spans import text_of
from sources.files import FileSource
from sources.paced import PacedSource
from windows.plan import NEVER

LOOK_S, LINE_S = 0.2, 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """How far a backfill is: messages, the share of all, event time in epoch ms."""

    done: int
    share: float
    reached_ms: int

    @property
    def total(self) -> int:
        """Give how many there are, more or less."""
        return round(self.done / self.share) if self.share else 0


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast it went since this process began."""

    per_s: float
    left_s: float | None

    def __str__(self) -> str:
        """Say it with the time that is left."""
        left = "" if self.left_s is None else f", {timedelta(seconds=round(self.left_s))} to go"
        return f"{self.per_s:,.0f} events/s{left}"


def look(notes: Backfill, source: PacedSource) -> Look:
    """Take one look."""
    lanes = list(source.lanes.values())
    done = sum(of.read for of in lanes)
    if source.complete:
        return Look(done, 1.0, max((of.newest_ms for of in lanes), default=NEVER))
    under_way = [of.newest_ms for name, of in list(source.lanes.items()) if name not in source.ended]
    reached_ms = min(under_way, default=NEVER)
    if isinstance(source.source, FileSource):
        read = source.source.files_read()
        return Look(done, read.bytes_read / max(read.bytes_there, 1), reached_ms)
    stretch = notes.stretch
    total = sum(stretch.ends[of] - first for of, first in stretch.begins.items()) if stretch else 0
    return Look(done, min(done / max(total, 1), 1.0), reached_ms)


def speed(first: Look, now: Look, took_s: float) -> Speed:
    """Compare two looks.

    >>> str(speed(Look(0, 0.0, 0), Look(1_000_000, 0.25, 0), 10.0))
    '100,000 events/s, 0:00:30 to go'

    """
    gained = now.share - first.share
    left_s = took_s * (1 - now.share) / gained if gained > 0 else None
    return Speed((now.done - first.done) / max(took_s, 1e-9), left_s)


def line(now: Look, fast: Speed) -> str:
    """Say in one line how far it is.

    >>> line(Look(1_000_000, 0.25, 1_767_225_600_000), Speed(100_000, 30))
    '1,000,000 of about 4,000,000 events (25 %), 100,000 events/s, 0:00:30 to go, at 2026-01-01T00:00:00Z'

    """
    at = f", at {text_of(now.reached_ms)}" if now.reached_ms > NEVER else ""
    total = f" of about {now.total:,}" if now.total else ""
    return f"{now.done:,}{total} events ({100 * now.share:.0f} %), {fast}{at}"


def summary(notes: Backfill, source: PacedSource) -> str:
    """Say in one line what was done."""
    lanes, late = list(source.lanes.values()), Counter[int]()
    for of in lanes:
        late.update(of.late)
    by_size = " ".join(f"{late[size]:,} ({size} s)" for size in sorted(late))
    begin = "their beginning" if notes.from_ms < 0 else text_of(notes.from_ms)
    how_far = f"stopped at {100 * look(notes, source).share:.0f} %, the same command goes on from there"
    return (
        f"{'done' if source.complete else how_far}: windows from {begin} to {text_of(notes.to_ms)}, "
        f"generation {notes.generation}: read {sum(of.read for of in lanes):,} events, of them "
        f"{sum(of.dead for of in lanes):,} dead letters, {sum(of.duplicates for of in lanes):,} duplicates, "
        f"late {by_size or '0'}, {sum(of.outside for of in lanes):,} of another time left out"
    )


@contextmanager
def shown(flow: str, notes: Backfill, source: PacedSource, say: TextIO) -> Iterator[None]:
    """Show how far a backfill is, as long as the `with` block lasts."""
    ended = Event()
    draw = _bar if say.isatty() else _lines
    drawing = Thread(target=draw, args=(f"backfill {flow}", notes, source, say, ended), name="bar")
    drawing.start()
    try:
        yield
    finally:
        ended.set()
        drawing.join()
    say.write(f"gamewax: backfill {flow} {summary(notes, source)}\n")


def _lines(name: str, notes: Backfill, source: PacedSource, say: TextIO, ended: Event) -> None:
    first, begun_s = _first(notes, source, ended), monotonic()
    while not ended.wait(LINE_S):
        now = look(notes, source)
        say.write(f"gamewax: {name}: {line(now, speed(first, now, monotonic() - begun_s))}\n")


def _bar(name: str, notes: Backfill, source: PacedSource, say: TextIO, ended: Event) -> None:
    columns = TextColumn(name), BarColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=Console(file=say), transient=True) as bar:
        task = bar.add_task("reading", total=1.0)
        first, begun_s = _first(notes, source, ended), monotonic()
        while not ended.wait(LOOK_S):
            now = look(notes, source)
            told = line(now, speed(first, now, monotonic() - begun_s))
            bar.update(task, completed=now.share, description=told)


def _first(notes: Backfill, source: PacedSource, ended: Event) -> Look:
    """Wait until the source stands where it goes on, and take the first look."""
    while not (source.lanes or ended.wait(LOOK_S)):
        pass
    return look(notes, source)
