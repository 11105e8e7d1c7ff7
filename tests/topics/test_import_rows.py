"""Rows of imported tables become the events that a plain loop over the rows says they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topics.attempt_rows import attempt_events, in_days, read_attempts
from topics.errors import BadInput
from topics.import_cells import NUMBERED, count_of, day_of, moment_of
from topics.imported import days_since_1970
from topics.session_rows import read_sessions, session_events

TODAY = (datetime(2026, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
ROLES = ("player", "day", "level", "attempts", "wins")
Event = tuple[str, str, str, str, int, str]


class Row(NamedTuple):
    player: str
    day: int
    level: str
    attempts: int
    wins: int


ROWS = st.lists(
    st.builds(
        Row,
        st.sampled_from(["p1", "p2", 'a "b",\n', "é"]),
        st.integers(16_000, 16_002),
        st.sampled_from(["1", "2", "boss"]),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=30,
)


def table(rows: list[Row]) -> pl.DataFrame:
    day = datetime(1970, 1, 1, tzinfo=UTC)
    cells = {
        role: [f" {row[at]}" if role != "day" else str((day + timedelta(row.day)).date()) for row in rows]
        for at, role in enumerate(ROLES)
    }
    numbers = list(range(1, len(rows) + 1))
    schema = {"row": pl.Int64, "line": pl.Int64, **dict.fromkeys(ROLES, pl.String)}
    return pl.DataFrame({"row": numbers, "line": numbers, **cells}, schema=schema)


def told(rows: list[Row]) -> list[Event]:
    """Tell the events in words: one after the other, day by day."""
    events: list[Event] = []
    for day in sorted({row.day for row in rows}):
        of_day: list[tuple[Row, int, str, int]] = []
        for number, row in enumerate(rows, 1):
            if row.day != day:
                continue
            ends = ["fail"] * max(row.attempts - row.wins, 0) + ["complete"] * row.wins
            seen = {"start": 0, "fail": 0, "complete": 0}
            for attempt in range(max(row.attempts, len(ends))):
                for kind in (["start"] if attempt < row.attempts else []) + [ends[attempt]]:
                    seen[kind] += 1
                    of_day.append((row, number, kind, seen[kind]))
        for place, (row, number, kind, count) in enumerate(of_day):
            at_ms = day * 86_400_000 + place * 30_000
            name = f"X-{number}-{kind}-{count}"
            events.append((row.player.strip(), f"level_{kind}", row.level, "", at_ms, name))
    return events


@given(ROWS, st.integers(1, 40))
def test_a_row_is_its_attempts_wins_and_what_was_not_won(rows: list[Row], together: int) -> None:
    judged = read_attempts(table(rows), TODAY)
    laid = judged.rows.filter(pl.col("events") > 0).sort("slot", maintain_order=True)
    sums = dict(laid.group_by("slot").agg(pl.col("events").sum()).iter_rows())
    pieces = in_days(laid.iter_slices(together), sums, 0)
    events = [
        event for piece in pieces for event in attempt_events(piece, "X").drop("session_id").iter_rows()
    ]
    assert (events, judged.bad.height) == (told(rows), 0)


def test_events_of_a_full_day_each_have_a_millisecond_and_none_leaves_the_day() -> None:
    rows = pl.DataFrame(
        {
            "row": [1, 2],
            "player": ["p", "q"],
            "slot": [1, 1],
            "level": ["1", "1"],
            "attempts": [2000, 100_000],
            "wins": [0, 100_000],
        }
    )
    laid = rows.with_columns(events=pl.Series([4000, 200_000]))
    (first, second) = in_days([laid], {1: 204_000}, 0)
    times = pl.concat([attempt_events(first, "X"), attempt_events(second, "X")])["at_ms"]
    assert times.diff().drop_nulls().min() == 423
    assert (times[0], times[-1]) == (86_400_000, 2 * 86_400_000 - 424)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("0", 0),
        ("007", 7),
        ("3.0", 3),
        ("100000", 100_000),
        ("100001", "is more than 100,000"),
        ("9" * 5000, "is more than 100,000"),
        ("-0.5", "is negative"),
        ("", "is empty"),
        ("NaN", "is no whole number"),
        ("1e3", "is no whole number"),
        ("٣", "is no whole number"),
        ("1_000", "is no whole number"),
    ],
)
def test_a_count_is_a_whole_number_or_says_why_not(text: str, meaning: int | str) -> None:
    assert count_of(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("2014-01-04", 16_074),
        ("20140104", 16_074),
        ("1388836800", 16_074),
        ("1388836800000", 16_074),
        ("2014-01-04 23:59:59 UTC", 16_074),
        ("2014-01-04T23:59", 16_074),
        ("2014-01-05T00:30:00+01:00", 16_074),
        ("1", NUMBERED + 1),
        ("12.0", NUMBERED + 12),
        ("2014-02-30", "is no day like 2026-01-31, no time, and no day number"),
        ("04/01/2014", "is no day like 2026-01-31, no time, and no day number"),
        ("-1", "is no day like 2026-01-31, no time, and no day number"),
        ("1969-12-31", "is before 1970 or after 2105"),
        ("", "is empty"),
    ],
)
def test_a_day_is_that_of_a_time_or_a_number(text: str, meaning: int | str) -> None:
    assert day_of(text) == meaning


def test_every_bad_cell_is_told_and_its_row_is_left_out() -> None:
    cells = table([Row("p", 16_000, "1", 1, 1)] * 4).with_columns(
        player=pl.Series(["p", " ", "p", "x" * 1001]),
        day=pl.Series(["2014-01-01", "2014-01-01", "2026-01-01", "2026-01-02"]),
        wins=pl.Series(["1", "-1", "1", "1"]),
    )
    rows, bad = read_attempts(cells, TODAY)
    assert rows["row"].to_list() == [1]
    assert bad.select("row", "column", "problem").rows() == [
        (2, "player", "is empty"),
        (2, "wins", "is negative"),
        (3, "day", "is a day that is not over yet (UTC): import it tomorrow"),
        (4, "player", "is longer than 1,000 characters"),
        (4, "day", "is a day in the future"),
    ]


def test_day_numbers_begin_with_the_first_day_and_must_be_over() -> None:
    numbers = [NUMBERED + 3, NUMBERED + 1]
    assert [day + days_since_1970(numbers, 100, 103) for day in numbers] == [102, 100]
    assert NUMBERED + days_since_1970([NUMBERED, *numbers], 100, 104) == 100
    assert days_since_1970([5, 6], 100, 104) == 0
    with pytest.raises(
        BadInput, match="day 3 would not be over yet: set --first-day at least 1 days earlier"
    ):
        days_since_1970(numbers, 100, 102)
    with pytest.raises(BadInput, match="both dates and plain numbers"):
        days_since_1970([5, NUMBERED], 100, 102)


MOMENTS = st.integers(1_000_000_000_000, 1_400_000_000_000)


@given(st.lists(st.tuples(MOMENTS, st.none() | MOMENTS), max_size=20))
def test_a_session_row_is_a_start_and_an_end_if_it_has_one(rows: list[tuple[int, int | None]]) -> None:
    numbers = list(range(1, len(rows) + 1))
    columns = {
        "player": [f"p{number}" for number in numbers],
        "start": [f" {start}" for start, _ in rows],
        "end": ["" if end is None else str(end) for _, end in rows],
    }
    schema = {"row": pl.Int64, "line": pl.Int64, **dict.fromkeys(columns, pl.String)}
    judged = read_sessions(
        pl.DataFrame({"row": numbers, "line": numbers, **columns}, schema=schema), 1_400_000_000_000
    )
    events = session_events(judged.rows, "X").select(
        "player_id", "session_id", "event_type", "at_ms", "event_id"
    )
    expected: list[tuple[object, ...]] = []
    backward = []
    for number, (start, end) in enumerate(rows, 1):
        if end is not None and end < start:
            backward.append((number, "end", "is before its start"))
            continue
        who = (f"p{number}", f"X-{number}")
        expected.append((*who, "session_start", start, f"X-{number}-start"))
        if end is not None:
            expected.append((*who, "session_end", end, f"X-{number}-end"))
    assert sorted(events.rows()) == sorted(expected)
    assert judged.bad.select("row", "column", "problem").rows() == backward


def test_a_moment_in_the_future_is_none_and_own_session_ids_stay() -> None:
    cells = pl.DataFrame(
        {
            "row": [1, 2],
            "line": [2, 3],
            "player": ["p", "q"],
            "start": ["1970-01-01", "1970-01-03"],
            "end": ["", ""],
            "session": ["s-9", "s"],
        }
    )
    judged = read_sessions(cells, 86_400_000)
    assert session_events(judged.rows, "X")["session_id"].to_list() == ["s-9"]
    assert judged.bad.rows() == [(2, 3, "start", "1970-01-03", "is in the future")]
    assert moment_of("1388836800.0") == 1_388_836_800_000
