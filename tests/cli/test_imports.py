"""`./gamewax import`: all of a file or nothing, the same messages each time, and exact sums in the tables."""

from __future__ import annotations

import csv
import gzip
import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from cli.imports import attempts, sessions
from tests.flow_fixture import TOPIC, World
from topics.errors import BadInput
from verify.logs import read_back

HEAD = ("player", "day", "level", "attempts", "wins")
COLUMNS = {name: name for name in HEAD}
OPTIONS = [word for name in HEAD for word in (f"--{name}", name)]
Row = tuple[str, str, str, int, int]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GAMEWAX_CWD", str(tmp_path))
    return tmp_path


def put(path: Path, rows: list[Row]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEAD, *rows])


def test_one_bad_cell_ends_the_import_and_is_told_where_it_stands(folder: Path) -> None:
    put(
        folder / "a.csv",
        [("p", "2014-01-01", "1", 2, 1), ("p\x1b[31m", "x\x1b", "1", -2, 1), ("", "", "", 0, 0)],
    )
    with pytest.raises(BadInput) as told:
        attempts(Path("a.csv"), **COLUMNS, dry_run=True)  # type: ignore[arg-type]
    assert str(told.value) == (
        f"{folder}/a.csv: row 2 (line 3), column 'day': 'x\\x1b' is no day like 2026-01-31, no time, "
        "and no day number (and 1 other bad rows); nothing was sent. Mend the file, or leave such rows out "
        "and have them listed: --skip-bad BAD.csv"
    )


def test_bad_rows_may_be_left_out_and_are_then_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Row] = [("p", "1", "1", 2, 3), ("", "1", "1", 2, -1), ("q", "2", "1", 0, 0)]
    put(folder / "a.csv", rows)
    attempts(Path("a.csv"), **COLUMNS, skip_bad=Path("bad.csv"), dry_run=True)
    assert (folder / "bad.csv").read_text() == (
        "row,line,column,cell,problem\n2,3,player,,is empty\n2,3,wins,-1,is negative\n"
    )
    *shown, last = capsys.readouterr().out.splitlines()
    assert [line.split('"')[7] for line in shown] == ["level_start", "level_complete", "level_start"]
    assert last == (
        "3 rows, 1 of them bad (listed in bad.csv), 1 without events; would send 5 events to player-events: "
        "3 level_complete, 2 level_start"
    )


def test_sessions_are_shown_in_order_of_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "s.csv").write_text("who,from,to\na,2014-01-02,\nb,2014-01-01T10:00:00+01:00,1388570400\n")
    sessions(Path("s.csv"), player="who", start="from", end="to", dry_run=True)
    *shown, last = capsys.readouterr().out.splitlines()
    assert [(line.split('"')[3], line.split('"')[15]) for line in shown] == [
        ("b", "2014-01-01T09:00:00.000Z"),
        ("b", "2014-01-01T10:00:00.000Z"),
        ("a", "2014-01-02T00:00:00.000Z"),
    ]
    assert last == "2 rows; would send 3 events to player-events: 1 session_end, 2 session_start"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"first_day": "soon"}, "--first-day must be a date from 1970 on, like 2020-01-01, not 'soon'"),
        ({"first_day": "1969-12-31"}, "--first-day must be a date from 1970 on"),
        ({"first_day": "2999-01-01"}, "day 3 would not be over yet: set --first-day at least"),
        ({"player": "who"}, "has no column 'who'; it has 'player', 'day'"),
        ({"skip_bad": Path("a.csv")}, "is the file to read"),
        ({"skip_bad": Path("none/bad.csv")}, "cannot write none/bad.csv"),
        ({"file": Path("*.csv")}, r"names 2 files: import them one by one"),
        ({"file": Path("c.csv")}, "finds no file"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, options: dict[str, object], what: str) -> None:
    put(folder / "a.csv", [("p", "3", "1", 2, 1)])
    put(folder / "b.csv", [])
    with pytest.raises(BadInput, match=what):
        attempts(**({"file": Path("a.csv"), **COLUMNS, "dry_run": True} | options))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_table_is_counted_exactly_and_a_second_import_changes_nothing(world: World) -> None:
    seeded, first = random.Random(7), date(2014, 1, 1)
    rows = [
        (
            f"p{seeded.randrange(40)}",
            str(first + timedelta(seeded.randrange(7))),
            str(seeded.randrange(1, 16)),
            seeded.randrange(6),
            seeded.randrange(3),  # sometimes more than attempts
        )
        for _ in range(500)
    ]
    put(world.folder / "a.csv", rows)
    packed = world.folder / "a.csv.gz"
    packed.write_bytes(gzip.compress((world.folder / "a.csv").read_bytes()))
    sums: Counter[tuple[str, str]] = Counter()
    for _, _, level, tried, won in rows:
        sums.update({(level, "start"): tried, (level, "complete"): won, (level, "fail"): max(tried - won, 0)})
    events = sum(sums.values())
    kinds = {
        kind: sum(of for (_, one), of in sums.items() if one == kind)
        for kind in ("complete", "fail", "start")
    }
    told = ", ".join(f"{count:,} level_{kind}" for kind, count in kinds.items())
    silent = sum(1 for *_, tried, won in rows if not tried + won)
    ask = (
        "SELECT level_id, sum(level_starts), sum(level_completes), sum(level_fails) FROM engagement_by_level "
        "WHERE window_seconds = {} AND map_id = '' GROUP BY level_id ORDER BY level_id"
    )
    levels = sorted({level for level, _ in sums})
    counted = [(level, *(sums[level, kind] for kind in ("start", "complete", "fail"))) for level in levels]
    warned = (
        "gamewax: import this file only once: flows remember 400 ids, so running totals would count some "
        f"of its {events:,} events again (docs/import.md)\n"
    )
    for path, remembered, said in ((world.folder / "a.csv", "100000", ""), (packed, "100", warned)):
        words = ("-m", "cli", "import", "attempts", str(path), *OPTIONS)
        done = world.run(*words, GAMEWAX_WINDOWS__DEDUP_OFFSETS=remembered)
        assert (done.returncode, done.stderr) == (0, said)
        assert done.stdout == (
            f"500 rows, {silent:,} without events; sent {events:,} events to player-events: {told}\n"
        )
        world.drain()
        assert [world.ask(ask.format(seconds)) for seconds in (10, 60)] == [counted, counted]
    sent = Counter(
        (message.key, message.value) for message in read_back(world.kafka.bootstrap_servers, TOPIC)
    )
    assert (len(sent), set(sent.values())) == (events, {2})
