"""`./gamewax recover`: what can be done about a flow's recovery store, and doing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.registry import FLOWS
from topics.errors import BadInput, GamewaxError, NeedsOperator

if TYPE_CHECKING:
    from flows.store_report import Kept
    from sources.kafka_client import Bounds, Log

BACKFILL = "-backfill-"  # in the name of a backfill's folder (`flows/backfill_begin.py`)
FILES = "-files-"  # in the name of a set of files' folder (`flows/from_files.py`)
Name = Annotated[str, typer.Argument(metavar="FLOW", help=f"which: {', '.join(FLOWS)}")]
Copy = Annotated[
    str,
    typer.Argument(metavar="NAME", help="the copy for --from-backup [default: the newest whole one]"),
]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="count anew from Kafka, windows from this time on")
]


def recover(
    flow: Name,
    copy: Copy = "",
    from_: From = "",
    *,
    from_backup: Annotated[
        bool, typer.Option("--from-backup", help="put a copy of the store in its place")
    ] = False,
) -> int:
    """Tell what stands in a flow's recovery store and what can be done; with an option, do it.

    Without options it changes nothing, also while the flow runs: the store's state, where each partition
    goes on and whether Kafka still holds it, the copies, and the command to type next.

      ./gamewax recover engagement
      ./gamewax recover engagement --from-backup
      ./gamewax recover engagement --from-backup 2026-11-22T120500Z
      ./gamewax recover engagement --from 2026-11-22T12:00:00Z

    A copy is older than what was lost: the flow reads again what came since, and no number changes by it.
    With --from the windows that start at TIME or later are counted anew from the log, and replace those
    that stand there. The old store is moved aside, never deleted. The flow must not run meanwhile.
    """
    from cli.rebuild import epoch_ms
    from settings import from_caller, load

    if from_backup and from_:
        raise BadInput("--from-backup and --from exclude each other")
    if copy and not from_backup:
        raise BadInput(f"what shall be done with {copy!r}? --from-backup puts a copy in the store's place")
    at_ms = epoch_ms("--from", from_) if from_ else 0
    folder, name = from_caller(load().recovery.dir) / flow, flow.partition(FILES)[0]
    if BACKFILL in flow:
        raise BadInput(
            f"{flow} is a backfill: its command goes on with it; move {folder} away to begin it anew"
        )
    if name not in FLOWS or not (folder.is_dir() or from_):
        there = "it never ran" if name in FLOWS else f"there are: {', '.join(FLOWS)}"
        raise BadInput(f"there is no recovery store {folder}: {there}; is GAMEWAX_RECOVERY__DIR right?")
    if from_backup:
        return _locked(folder, lambda: _put_back(folder, name, copy))
    if from_:
        if folder.name != name:
            raise BadInput("files are read from their beginning: move the folder of the set away and run it")
        return _locked(folder, lambda: _from_time(folder, name, at_ms))
    return _tell(folder, name)


def _locked(folder: Path, act: Callable[[], int]) -> int:
    from flows.store import Store

    store = Store(folder)
    store.lock()
    try:
        return act()
    finally:
        store.release()


def _put_back(folder: Path, flow: str, wanted: str) -> int:
    from flows.store_backups import backups
    from flows.store_put_back import put_back
    from flows.store_report import ENDED, copies_kept

    copies = [of for of in copies_kept(folder, flow) if wanted in {"", of.name}]
    good = next((of for of in copies if not of.wrong), None)
    if good is None:
        why = "; ".join(f"{of.name} {of.wrong}" for of in copies) or f"there is no copy {wanted}".rstrip()
        raise NeedsOperator(f"{why}; what can be done: ./gamewax recover {folder.name}")
    (path,) = [path for path in backups(folder) if path.name == f"{good.name}{ENDED}"]
    aside = put_back(folder, path)
    if aside is not None:
        typer.echo(f"the store that was there is now {aside}")
    typer.echo(f"{folder.name} goes on from the copy {good.name}:")
    for line in _places(good, _held(folder, good)):
        typer.echo(f"  {line}")
    typer.echo("what came since is read again; no number changes by it")
    typer.echo(f"next: {_run(folder)}")
    return 0


def _from_time(folder: Path, flow: str, at_ms: int) -> int:
    from flows.recover_from import prepare
    from flows.store_made import forget_made
    from flows.store_put_back import set_aside_copies

    done = prepare(flow, at_ms)
    set_aside_copies(folder)
    forget_made(folder)
    typer.echo(done)
    typer.echo(f"next: {_run(folder)}")
    return 0


def _tell(folder: Path, flow: str) -> int:
    from flows.store_report import copies_kept, gaps_of, store_kept

    store, copies = store_kept(folder, flow), copies_kept(folder, flow)
    held = _held(folder, store, *copies)
    typer.echo(f"recovery store {folder / 'store'}")
    for kept in (store, *copies):
        what = "store" if kept is store else f"copy {kept.name}"
        typer.echo(f"{what}: {kept.wrong or _well(kept)}")
        for line in _places(kept, held):
            typer.echo(f"  {line}")
    if not copies:
        typer.echo("copies: none yet (GAMEWAX_RECOVERY__BACKUP_EVERY_S says how often one is made)")
    gap = "" if isinstance(held, str) else gaps_of(store.lanes, held)
    good = next((of for of in copies if not of.wrong), None)
    for line in _next(folder, store, good, gap):
        typer.echo(line)
    return NeedsOperator.exit_code if store.wrong or gap else 0


def _well(kept: Kept) -> str:
    return f"whole, goes on at epoch {kept.epoch}" if kept.epoch else "whole, nothing in it yet"


Held = Mapping[str, "tuple[Log, Mapping[int, Bounds]]"]


def _held(folder: Path, *all_kept: Kept) -> Held | str:
    """Ask Kafka what it holds of the topics; gives why nobody knows when it does not answer."""
    from settings import load
    from sources.kafka_client import describe, log_bounds

    if FILES in folder.name:
        return "a file"
    kafka, held = load().kafka, {}
    lanes = [of for kept in all_kept for of in kept.lanes]
    try:
        for topic in sorted({of.topic for of in lanes}):
            log = describe(kafka, topic, within_s=5.0)
            held[topic] = log, log_bounds(kafka, log, within_s=5.0)
    except GamewaxError:
        return "Kafka does not say what it holds"
    return held


def _places(kept: Kept, held: Held | str) -> Iterator[str]:
    """Say where each partition goes on, and what the log holds of it."""
    for of in kept.lanes:
        line = f"{of.topic}/{of.partition} goes on at {of.next_offset}"
        if isinstance(held, str):
            yield f"{line} ({held})"
            continue
        log, bounds = held[of.topic]
        if log.id != of.log:
            yield f"{line} of another log: the topic was created anew, or this is another Kafka cluster"
        elif of.partition in bounds:
            low, high = bounds[of.partition]
            lost = f", {low - of.next_offset} messages are gone" if of.next_offset < low else ""
            yield f"{line}, the log holds {low} to {high}{lost}"


def _next(folder: Path, store: Kept, good: Kept | None, gap: str) -> Iterator[str]:
    """Say which command to type."""
    name = folder.name
    anew = f"./gamewax recover {name} --from TIME counts anew from Kafka, windows from TIME on"
    if gap:
        yield f"gap: {gap}"
        yield f"next: ./gamewax run {name} --on-gap=earliest goes on behind it (or --on-gap=latest)"
    elif not store.wrong:
        yield f"next: nothing to do; {_run(folder)} goes on here"
    elif good is not None:
        yield f"next: ./gamewax recover {name} --from-backup goes on from the copy {good.name}"
    else:
        yield f"next: {anew}"
    if store.wrong and good is not None:
        yield f"or:   {anew}"


def _run(folder: Path) -> str:
    flow, _, files = folder.name.partition(FILES)
    return f"./gamewax run {flow}" + (" --from-files with the same files" if files else "")
