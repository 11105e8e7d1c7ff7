"""Files instead of Kafka: which files a run reads, where it keeps its place, and what it must not forget.

Rules: each set of files has a recovery store of its own beside the flow's live one, so neither disturbs
the other; the same set read again is done already. The time as of which a set is judged is fixed when it
is first read, so that a resume gives the same verdicts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Event
from time import monotonic, time_ns

import msgspec

from settings import from_caller, load
from sources.file_set import InputFile, find, set_id
from sources.files import FileReading, FileSource
from topics.errors import BadInput, NeedsOperator
from topics.topic import Topic
from windows.plan import Plan
from windows.take import MakeLane

NOTES = "files.json"


class FileNote(msgspec.Struct, frozen=True):
    """One file of a set: `log` and `partition` are how tables name it."""

    log: str
    partition: int
    path: str


class SetNotes(msgspec.Struct, frozen=True):
    """What is remembered of a set of files."""

    as_of_ms: int
    files: list[FileNote]


@cache
def found() -> tuple[InputFile, ...]:
    """Find the files that the settings name, once a process.

    Raises:
        BadInput: a pattern finds nothing, or something that cannot be read.

    """
    return find([str(from_caller(pattern)) for pattern in load().files.globs])


def store_name(flow: str) -> str:
    """Name the folder of a flow's recovery store.

    Raises:
        BadInput: as `found`.

    """
    files, backfill = load().files, load().backfill
    if backfill.name:
        return backfill.name
    return f"{flow}-files-{set_id(found(), files.topic)}" if files.globs else flow


def topics_of(flow: str) -> tuple[Topic, ...]:
    """Give the topics that a flow reads."""
    module = import_module(f"flows.{flow}")
    topics: tuple[Topic, ...] = getattr(module, "TOPICS", None) or (module.TOPIC,)
    return topics


def check_topic(flow: str, name: str) -> None:
    """Make sure that it is clear what the files hold.

    Raises:
        BadInput: the flow reads several topics and none is named, or one is that it does not read.

    """
    names = [topic.name for topic in topics_of(flow)]
    if not name and len(names) > 1:
        raise BadInput(f"flow {flow} reads {', '.join(names)}: say with --topic which of them the files hold")
    if name and name not in names:
        raise BadInput(f"flow {flow} does not read topic {name!r}; it reads {', '.join(names)}")


def open_files(plan: Plan, topic: Topic, make_lane: MakeLane, stop: Event) -> FileSource:
    """Open the files as one topic of a flow; setting `stop` ends it. A topic that they do not hold is empty.

    Raises:
        BadInput: as `found` and `check_topic`, or they were begun as of another time.

    """
    settings = load()
    check_topic(plan.flow, settings.files.topic)
    files = found()
    folder = from_caller(settings.recovery.dir) / store_name(plan.flow)
    as_of = settings.files.as_of
    as_of_ms = remembered(folder, files, None if as_of is None else _ms(as_of))
    reading = FileReading(as_of_ms, stop, monotonic, settings.dead_letters.pause)
    held = files if settings.files.topic in {"", topic.name} else ()
    return FileSource(held, topic, plan, make_lane, reading)


def remembered(folder: Path, files: Sequence[InputFile], as_of_ms: int | None) -> int:
    """Give the time as of which a set is judged: what was remembered, else the one asked for, else now.

    Raises:
        BadInput: another one is asked for than the set was begun with.
        NeedsOperator: what was remembered cannot be read.

    """
    notes = folder / NOTES
    if not notes.exists():
        new = time_ns() // 1_000_000 if as_of_ms is None else as_of_ms
        _write(notes, SetNotes(new, [FileNote(of.log, of.number, str(of.path)) for of in files]))
        return new
    try:
        known = msgspec.json.decode(notes.read_bytes(), type=SetNotes).as_of_ms
    except (msgspec.DecodeError, OSError) as error:
        raise NeedsOperator(
            f"{notes} cannot be read ({error}): move {folder} away to read all anew"
        ) from error
    if as_of_ms not in {None, known}:
        was = datetime.fromtimestamp(known / 1000, UTC).isoformat(timespec="milliseconds")
        raise BadInput(
            f"these files were begun as of {was}: leave --as-of away to go on with it, or move {folder} away "
            "to read all anew"
        )
    return known


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _write(path: Path, notes: SetNotes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(notes)))
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
