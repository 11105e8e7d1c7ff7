"""Times: the scalar definition against Python's own reader, and the columnar way against the definition."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics import times

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.datetimes(min_value=dt.datetime(1, 1, 3), max_value=dt.datetime(9999, 12, 29))
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)


def offset_text(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


@settings(max_examples=2000, deadline=None)
@given(MOMENTS, OFFSETS, st.integers(0, 6), st.sampled_from("Tt "))
def test_a_time_is_read_as_python_reads_it(
    moment: dt.datetime, offset: int, digits: int, between: str
) -> None:
    fraction = f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    text = f"{moment:%Y-%m-%d}".zfill(10) + between + f"{moment:%H:%M:%S}{fraction}{offset_text(offset)}"
    expected = dt.datetime.fromisoformat(text.upper()) - EPOCH
    assert times.from_text(text) == expected // dt.timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.001999999999999999999z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1970-01-01T00:00:60.9Z", 60_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2105-12-31T23:59:59.999Z", times.LATEST_MS),
        ("2000-02-29T00:00:00-00:00", 951_782_400_000),
        ("0000-02-29T00:00:00Z", -62_162_121_600_000),
        ("1900-02-29T00:00:00Z", None),
        ("2026-00-01T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-04-31T00:00:00Z", None),
        ("2026-01-00T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:60:00Z", None),
        ("2026-01-01T00:00:61Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01T00:00:00.Z", None),
        ("2026-01-01T00:00:00,1Z", None),
        ("2026-01-01T00:00:00+24:00", None),
        ("2026-01-01T00:00:00+00:60", None),
        ("2026-01-01T00:00:00+0100", None),
        ("2026-01-01  00:00:00Z", None),
        ("2026-01-01", None),
        ("+2026-01-01T00:00:00Z", None),
        ("2026-01-01T00:00:00Z\n", None),
        ("\N{ARABIC-INDIC DIGIT TWO}026-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_edges_of_the_calendar_and_of_the_grammar(text: str, ms: int | None) -> None:
    assert times.from_text(text) == ms


PIECES = st.tuples(
    st.sampled_from(["2026", "0000", "1970", "2000", "1900", "9999", "20a6"]),
    st.sampled_from(["-01-", "-02-", "-13-", "-00-", "/02-", "-12-"]),
    st.sampled_from(["01", "29", "31", "00", "32"]),
    st.sampled_from(["T", "t", " ", "x", "4"]),
    st.sampled_from(["00:00:00", "23:59:59", "12:30:60", "24:00:00", "12;30:00", "12:60:00"]),
    st.sampled_from(["", ".1", ".123", ".123456789", ".", ".1x", ",5", ".123456789012"]),
    st.sampled_from(["Z", "z", "+01:00", "-23:59", "+24:00", "+01:60", "+0100", "", "é", "*01:00"]),
)
ODD = st.one_of(
    PIECES.map("".join), st.text(max_size=40), st.text("0123456789-:TZ.+ ", min_size=18, max_size=36)
)


@settings(max_examples=800, deadline=None)
@given(st.lists(ODD, max_size=30))
def test_what_the_columnar_way_is_sure_of_is_what_the_definition_says(texts: list[str]) -> None:
    ms, sure = times.from_texts(pl.Series("t", texts, pl.String))
    assert [m for m, s in zip(ms.tolist(), sure, strict=True) if s] == [
        times.from_text(text) for text, s in zip(texts, sure, strict=True) if s
    ]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(MOMENTS, min_size=1, max_size=30), st.sampled_from([0, 3, 6]), st.sampled_from(["Z", "+05:30"])
)
def test_the_columnar_way_is_sure_of_every_usual_time(
    moments: list[dt.datetime], digits: int, zone: str
) -> None:
    texts = [m.isoformat(timespec="microseconds")[: 19 + digits + (digits > 0)] + zone for m in moments]
    ms, sure = times.from_texts(pl.Series("t", texts, pl.String))
    assert sure.all()
    assert ms.tolist() == [times.from_text(text) for text in texts]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["2026-02-28T23:59:", "2026-02-29T23:59:", "2024-02-29 00:00:", "20a6-01-01T00:00:"]),
    st.lists(
        st.sampled_from(["00.000Z", "59.999Z", "60.000Z", "61.000Z", "0a.000Z", "00.00aZ", "00,000Z"]),
        min_size=1,
        max_size=20,
    ),
)
def test_times_of_one_minute_are_read_by_the_definition(minute: str, rests: list[str]) -> None:
    texts = [minute + rest for rest in rests]
    ms, sure = times.from_texts(pl.Series("t", texts, pl.String))
    expected = [times.from_text(text) for text in texts]
    assert [m for m, s in zip(ms.tolist(), sure, strict=True) if s] == [
        ms for ms, s in zip(expected, sure, strict=True) if s
    ]
    plain = [ms is not None and ":60." not in text for ms, text in zip(expected, texts, strict=True)]
    assert sure.tolist() == plain
