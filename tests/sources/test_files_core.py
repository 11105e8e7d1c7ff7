"""The source of files without the engine: any format, epoch and crash gives the oracle's tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from threading import Event as Flag
from time import monotonic, sleep

import polars as pl
import pytest
import zstandard

from sources import file_board, file_partition
from sources.file_set import find
from sources.files import FileReading, FileSource
from tests.file_fixture import AS_OF_MS, lines
from tests.windows.compare import shown
from tests.windows.logs import DECODE, plan
from topics.player_events import TOPIC
from verify.core import Core, Snapshot, Tables
from verify.oracle import Limits, Message, Truth, truth
from verify.troubled import Shares, troubled
from windows.lane import Lane

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=100)
FILES = 3
Event = dict[str, object]


class Machine:
    """Plays the engine's part: asks the parts in turn, ends epochs, and may lose what came after one."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.tables, self.most_live = folder, Tables(), 0
        self._saved: tuple[Snapshot | None, dict[str, bytes]] = None, {}
        self.start()

    def start(self) -> None:
        """Start from the last epoch's end."""
        core, places = self._saved
        of = plan(LIMITS)
        self.core = Core(of, DECODE, {}, self.tables, core)
        reading = FileReading(AS_OF_MS, Flag(), monotonic)
        self.source = FileSource(find([f"{self._folder}/*"]), TOPIC, of, partial(Lane, of, DECODE), reading)
        names = self.source.list_parts()
        self.parts = {name: self.source.build_part("read", name, places.get(name)) for name in names}

    def turn(self) -> bool:
        """Ask each part once; tells whether anything came."""
        before = self.source.files_read().read
        for name, part in list(self.parts.items()):
            try:
                takes = part.next_batch()
            except StopIteration:
                del self.parts[name]
                continue
            for take in takes:
                self.core.route(take)
        self.most_live = max(self.most_live, self.core.live_windows())
        sleep(0.0005)  # the background's turn
        return self.source.files_read().read > before

    def end_epoch(self) -> None:
        ended = {name: self._saved[1][name] for name in self._saved[1].keys() - self.parts.keys()}
        self._saved = self.core.snapshot(), ended | {name: of.snapshot() for name, of in self.parts.items()}

    def run(self, then: Callable[[Machine], None]) -> Truth:
        while self.parts:
            if self.turn():
                then(self)
        self.core.end()
        return shown(self.tables)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BATCH": 50, "FEWEST": 20, "MOST_HELD": 100, "MOST_OPEN": 1}.items():
        monkeypatch.setattr(file_partition, name, value)


def traffic(seed: int, messages: int = 1_800) -> list[list[Event]]:
    """Disorder, late events and duplicates, of which every format can hold each."""
    found: list[list[Event]] = [[] for _ in range(FILES)]
    for sent in islice(troubled(seed, FILES, Shares(poison=0)), messages):
        event = json.loads(sent.value or b"")
        found[sent.partition].append({name: value or f"no {name}" for name, value in event.items()})
    return found


def true(files: Sequence[Sequence[Event]]) -> Truth:
    messages = [
        Message(number, row, event | {"event_time": round(_moment(event["timestamp"]).timestamp() * 1000)})
        for number, events in enumerate(files)
        for row, event in enumerate(events, 1)
    ]
    return truth(messages, LIMITS)


def as_ndjson(events: Sequence[Event]) -> bytes:
    return lines(json.dumps(event).encode() for event in events)


def as_csv(events: Sequence[Event]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(dict.fromkeys(name for event in events for name in event)))
    table.writeheader()
    table.writerows(events)
    return text.getvalue().encode()


def as_parquet(events: Sequence[Event]) -> bytes:
    content = io.BytesIO()
    typed = [event | {"timestamp": _moment(event["timestamp"])} for event in events]
    pl.DataFrame(typed, infer_schema_length=None).write_parquet(content, row_group_size=300)
    return content.getvalue()


def _moment(time: object) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (
        epoch + timedelta(milliseconds=time) if isinstance(time, int) else datetime.fromisoformat(str(time))
    )


FORMATS: Mapping[str, Callable[[Sequence[Event]], bytes]] = {
    "ndjson": as_ndjson,
    "ndjson.gz": lambda events: gzip.compress(as_ndjson(events)),
    "jsonl.zst": lambda events: zstandard.compress(as_ndjson(events)),
    "csv": as_csv,
    "csv.gz": lambda events: gzip.compress(as_csv(events)),
    "parquet": as_parquet,
}


def put(folder: Path, ending: str, files: Sequence[Sequence[Event]]) -> None:
    for number, events in enumerate(files):
        (folder / f"{number}.{ending}").write_bytes(FORMATS[ending](events))


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_the_oracles_tables(tmp_path: Path, ending: str) -> None:
    files = traffic(1)
    put(tmp_path, ending, files)
    assert Machine(tmp_path).run(lambda _: None) == true(files)


@pytest.mark.parametrize(("ending", "seed"), [("ndjson", 1), ("csv.gz", 2), ("parquet", 3)])
def test_crashes_at_any_moment_change_nothing(tmp_path: Path, ending: str, seed: int) -> None:
    files, random = traffic(seed), Random(seed)
    put(tmp_path, ending, files)

    def ends_and_crashes(machine: Machine) -> None:
        if random.random() < 0.2:
            machine.end_epoch()
        if random.random() < 0.1:
            for part in machine.parts.values():
                part.close()
            machine.start()

    assert Machine(tmp_path).run(ends_and_crashes) == true(files)


def hours(count: int) -> list[list[Event]]:
    """Files of ten minutes each, one after the other, an event a second."""
    begin = 1_700_000_040_000
    return [
        [
            {"player_id": f"p{at % 7}", "event_type": "battle", "timestamp": begin + at * 1000}
            for at in range(hour * 600, (hour + 1) * 600)
        ]
        for hour in range(count)
    ]


def test_files_of_one_hour_after_another_keep_few_windows_live(tmp_path: Path) -> None:
    files = hours(5)
    put(tmp_path, "ndjson.gz", files)
    machine = Machine(tmp_path)
    found = machine.run(Machine.end_epoch)
    all_windows = len(found.whole_game)
    assert (found, all_windows) == (true(files), 350)
    assert machine.most_live < 60


def test_files_far_ahead_wait_and_those_side_by_side_are_read_together(tmp_path: Path) -> None:
    put(tmp_path, "ndjson", [hours(2)[1], hours(1)[0], hours(1)[0]])
    rows: list[list[int]] = []

    def look(machine: Machine) -> None:
        rows.append([part.figures().read for part in machine.parts.values()])

    Machine(tmp_path).run(look)
    apart = [abs(one - other) for _, one, other in (row for row in rows if len(row) == FILES)]
    later_read = [row[0] for row in rows if len(row) == FILES and min(row[1:]) < 500]
    assert (max(apart) <= file_board.AHEAD_MS // 1000 + file_partition.BATCH, max(later_read)) == (True, 1)
