"""What `./gamewax import` does: reads all of a table, and only then sends its events in order of time.

Rules: nothing is sent before every cell was looked at. What was read lies in a folder for a while, so memory
does not grow with the file. The last line says what became of every row.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from cli.harmless import harmless, now_ms
from cli.imports_bad import BadCells
from settings import from_caller, load
from simulator.batch import Batch
from simulator.to_kafka import Sender
from sources.event_messages import keys_and_values
from sources.file_set import InputFile, find
from sources.import_table import cells_of, name_of
from sources.kafka_client import describe
from sources.spool import Spool
from topics.attempt_rows import PIECE, attempt_events, in_days, read_attempts
from topics.errors import BadInput, Broken
from topics.imported import Judged, days_since_1970
from topics.player_events import TOPIC
from topics.session_rows import read_sessions, session_events
from topics.times import DAY_MS

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One import as it was asked for; `columns` names the column of each role."""

    path: Path
    columns: Mapping[str, str]
    game: str
    skip_bad: Path | None
    dry_run: bool

    @property
    def how(self) -> str:
        """Tell one way to read a file from another."""
        return repr((sorted(self.columns.items()), self.game))

    def file(self) -> InputFile:
        """Find the file.

        Raises:
            BadInput: there is none, or several.

        """
        found = find([str(from_caller(self.path))])
        if len(found) != 1:
            raise BadInput(f"{self.path} names {len(found)} files: import them one by one")
        return found[0]


@dataclass(slots=True)
class Tally:
    """What became of rows and events."""

    rows: int = 0
    bad: int = 0
    silent: int = 0  # rows without events
    kinds: Counter[str] = field(default_factory=Counter)


def send_attempts(asked: Asked, first_day: int) -> int:
    """Import attempts; `first_day`, days since 1970, is day number 1.

    Raises:
        BadInput: the file cannot be imported as it is; nothing was sent.

    """
    file, today = asked.file(), now_ms() // DAY_MS
    with Import(asked, file) as run:
        run.read(lambda cells: read_attempts(cells, today), lambda judged: judged.rows)
        shift = days_since_1970(run.spool.slots, first_day, today)
        name = name_of(file, f"{asked.how}{first_day if shift else ''}")
        rows = in_days(run.spool.frames(("slot", "row")), run.spool.slots, shift)
        return run.send(attempt_events(some, name) for some in rows)


def send_sessions(asked: Asked) -> int:
    """Import sessions.

    Raises:
        BadInput: the file cannot be imported as it is; nothing was sent.

    """
    file, now = asked.file(), now_ms()
    name = name_of(file, asked.how)
    with Import(asked, file) as run:
        run.read(lambda cells: read_sessions(cells, now), lambda judged: session_events(judged.rows, name))
        frames = run.spool.frames(("at_ms", "row"))
        return run.send(some for frame in frames for some in frame.iter_slices(PIECE))


class Import:
    """One import while it runs."""

    def __init__(self, asked: Asked, file: InputFile) -> None:
        self._asked, self._file = asked, file
        self._open = ExitStack()
        self._tally = Tally()

    def __enter__(self) -> Self:
        self._sender, self._remembered = None, 0
        if not self._asked.dry_run:
            at = load()
            self._sender = Sender(at.kafka, [TOPIC.name])
            self._remembered = at.windows.dedup_offsets * describe(at.kafka, TOPIC.name).partitions
        folder = self._open.enter_context(TemporaryDirectory(prefix="gamewax-import-"))
        self.spool = Spool(Path(folder))
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._bar = self._open.enter_context(bar)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, judge: Callable[[pl.DataFrame], Judged], lay: Callable[[Judged], pl.DataFrame]) -> None:
        """Read the whole file, and lay down what can be sent.

        Raises:
            BadInput: it has no such columns, or a cell cannot be read and may not be left out.

        """
        task = self._bar.add_task("reading", total=self._file.size)
        with BadCells(self._file.path, self._asked.columns, self._asked.skip_bad) as bad:
            for some in cells_of(self._file, self._asked.columns):
                judged = judge(some.cells)
                bad.add(pl.concat([some.bad, judged.bad]))
                laid = lay(judged)
                self.spool.add(laid)
                self._tally.rows += some.rows
                self._tally.silent += int((laid["events"] == 0).sum())
                self._bar.update(task, completed=some.on_disk)
            self._tally.bad = bad.rows
            bad.check()
        self._bar.remove_task(task)

    def send(self, events: Iterable[pl.DataFrame]) -> int:
        """Send events, wait until Kafka has them, and say what was sent; or only show the first ones.

        Raises:
            Broken: Kafka refused one, or was given up on.

        """
        shown = [] if self._sender else [self._shown(some) for some in self._counted(events)]
        if self._sender:
            self._to_kafka(self._sender, events)
        self._open.close()
        if self._sender:
            self._warn()
        for line in [line for some in shown for line in some][:EXAMPLES]:
            print(harmless(line))
        print(said(self._tally, self._asked))
        return 0

    def _to_kafka(self, sender: Sender, events: Iterable[pl.DataFrame]) -> None:
        nothing = pl.DataFrame()
        try:
            for some in self._counted(events):
                keys, values = keys_and_values(some, self._asked.game)
                sender.send(Batch(TOPIC.name, nothing, keys, [*values]))
            sender.drain()
        except KeyboardInterrupt:
            raise Broken(
                f"stopped when Kafka had {sender.delivered:,} of {self.spool.slots.total():,} events; the "
                "same command sends all again, under the same ids"
            ) from None

    def _warn(self) -> None:
        """Say that flows would not know these events again, if there are so many."""
        if (events := self._tally.kinds.total()) > self._remembered:
            sys.stderr.write(
                f"gamewax: import this file only once: flows remember {self._remembered:,} ids, so running "
                f"totals would count some of its {events:,} events again (docs/import.md)\n"
            )

    def _counted(self, events: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        task = self._bar.add_task(
            "sending" if self._sender else "making events", total=self.spool.slots.total()
        )
        for some in events:
            yield some
            self._tally.kinds.update(dict(some["event_type"].value_counts().iter_rows()))
            self._bar.advance(task, some.height)

    def _shown(self, events: pl.DataFrame) -> list[bytes]:
        return keys_and_values(events.head(EXAMPLES), self._asked.game)[1]


def said(tally: Tally, asked: Asked) -> str:
    """Say in one line what became of every row."""
    left = [f"{tally.bad:,} of them bad (listed in {asked.skip_bad})"] if tally.bad else []
    left += [f"{tally.silent:,} without events"] if tally.silent else []
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.kinds.items()))
    sent = f"{'would send' if asked.dry_run else 'sent'} {tally.kinds.total():,} events to {TOPIC.name}"
    return f"{', '.join([f'{tally.rows:,} rows', *left])}; {sent}{': ' if kinds else ''}{kinds}"
