"""What a person sees of a run over files: a bar while it reads, one line when it ends.

Rules: the bar is for terminals only and goes away; the line is for everyone. Both go to stderr.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from flows.backfill import running
from flows.backfill_progress import shown
from sources.files import FileSource, FilesRead
from sources.paced import PacedSource

EVERY_S = 0.2


@contextmanager
def progress(flow: str, sources: Sequence[object], say: TextIO) -> Iterator[None]:
    """Show how far the files among the sources are read, as long as the `with` block lasts."""
    if (backfill := running()) is not None:
        with ExitStack() as shows:
            for of in sources:
                if isinstance(of, PacedSource):
                    shows.enter_context(shown(flow, backfill, of, say))
            yield
        return
    files = [source for source in sources if isinstance(source, FileSource) and source.list_parts()]
    ended = Event()
    bars = [Thread(target=_draw, args=(source, say, ended), name="bar") for source in files if say.isatty()]
    for bar in bars:
        bar.start()
    try:
        yield
    finally:
        ended.set()
        for bar in bars:
            bar.join()
    say.writelines(f"gamewax: flow {flow}: {summary(source.files_read())}\n" for source in files)


def summary(of: FilesRead) -> str:
    """Say in one line what was read and what became of it.

    >>> summary(FilesRead(2, 10, 10, True, 1500, 3, 1, {10: 2, 60: 0}))
    'read all of 2 files: 1,500 messages, of them 3 dead letters, 1 duplicates, late 2 (10 s) 0 (60 s)'

    """
    share = 100 * of.bytes_read // max(of.bytes_there, 1)
    how_far = "read all" if of.complete else f"stopped at {share} %, the same command goes on from there,"
    late = " ".join(f"{count:,} ({size} s)" for size, count in of.late.items() if size)
    return (
        f"{how_far} of {of.files} files: {of.read:,} messages, of them {of.dead:,} dead letters, "
        f"{of.duplicates:,} duplicates{', late ' if late else ''}{late}"
    )


def _draw(source: FileSource, say: TextIO, ended: Event) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=say), transient=True) as bar:
        task = bar.add_task("reading", total=source.files_read().bytes_there)
        while not ended.wait(EVERY_S):
            of = source.files_read()
            bar.update(task, completed=of.bytes_read, description=f"{of.read:,} messages")
