"""Tables to import are read cell by cell, whatever they hold, and come back in order of time."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources import spool
from sources.event_messages import keys_and_values
from sources.file_set import InputFile, find
from sources.import_table import cells_of, name_of
from sources.spool import Spool
from topics.errors import BadInput
from topics.imported import EVENTS

WHO = {"player": "who", "level": "on"}
Whole = tuple[int, int, str, str]


def put(folder: Path, content: bytes, name: str = "a.csv") -> InputFile:
    (folder / name).write_bytes(content)
    return find([str(folder / name)])[0]


def read(file: InputFile, columns: Mapping[str, str] = WHO) -> tuple[list[tuple[object, ...]], list[object]]:
    found = list(cells_of(file, columns))
    cells = [row for some in found for row in some.cells.rows()]
    return cells, [row for some in found for row in some.bad.rows()]


def test_quotes_marks_blank_lines_and_other_columns_do_not_matter(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfon, who ,name\r\n1,p1,caf\xe9\r\n\r\n"2\n3","a ""b"", c",\r\n4,,x'
    assert read(put(tmp_path, text)) == ([(1, 2, "p1", "1"), (2, 4, 'a "b", c', "2\n3"), (3, 6, "", "4")], [])


def test_rows_that_are_no_rows_are_told_and_keep_their_numbers(tmp_path: Path) -> None:
    assert read(put(tmp_path, b"who,on\np1\np2,1\np3,1,2\np\xff,4\np5,5")) == (
        [(2, 3, "p2", "1"), (5, 6, "p5", "5")],
        [
            (1, 2, "", "p1", "the row has 1 cells, the first line names 2"),
            (3, 4, "", "p3,1,2", "the row has 3 cells, the first line names 2"),
            (4, 5, "player", "p�", "is no UTF-8 text"),
        ],
    )


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "has no column 'who'; it has nothing"),
        (b"who;on\np;1\n", "has no column 'who'; it has 'who;on'"),
        (b"who,on,who\n", "has column 'who' twice"),
        (b'who,on\n"p,1\n', "a quote that opens in line 2 is never closed"),
        (b"who,on\n" + b"x" * (17 << 20), "is no line of a table"),
        (b"\0\1\2PNG\r\n\x1a", "has no column 'who'"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(BadInput, match=what):
        read(put(tmp_path, content))


def test_an_import_has_one_name_packed_or_not_and_another_when_read_otherwise(tmp_path: Path) -> None:
    text = b"who,on\np,1\n"
    plain, packed = put(tmp_path, text), put(tmp_path, gzip.compress(text), "b.csv.gz")
    assert name_of(plain, "x") == name_of(packed, "x") != name_of(plain, "y")
    assert read(plain) == read(packed)
    with pytest.raises(BadInput, match="is no CSV"):
        name_of(put(tmp_path, b"{}", "a.ndjson"), "x")


def test_a_packed_file_that_is_cut_is_no_whole_one(tmp_path: Path) -> None:
    text = b"who,on\n" + b"".join(b"p%d,1\n" % number for number in range(10_000))
    with pytest.raises(BadInput, match="is cut"):
        read(put(tmp_path, gzip.compress(text)[:-9], "a.csv.gz"))


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=12), max_size=8))
def test_what_was_laid_down_comes_back_by_slot_and_row(
    tmp_path_factory: pytest.TempPathFactory, laid: list[list[tuple[int, int]]]
) -> None:
    kept, number, rows = Spool(tmp_path_factory.mktemp("spool")), 0, []
    before, spool.CHUNK = spool.CHUNK, 7
    try:
        for frame in laid:
            some = [(number + at, slot, events) for at, (slot, events) in enumerate(frame)]
            number += len(some)
            rows += some
            schema = {"row": pl.Int64, "slot": pl.Int64, "events": pl.Int64}
            kept.add(pl.DataFrame(some, schema=schema, orient="row"))
        back = [row for frame in kept.frames(("slot", "row")) for row in frame.rows()]
    finally:
        spool.CHUNK = before
    assert back == sorted((row for row in rows if row[2]), key=lambda row: (row[1], row[0]))


def test_an_event_is_written_as_the_topic_wants_it() -> None:
    event = ('p "1"', None, "level_start", "é", "", 1_388_836_800_005, "X-1-start-1")
    keys, values = keys_and_values(pl.DataFrame([event], schema=EVENTS, orient="row"), "g")
    assert keys == [b'p "1"']
    assert b"".join(values) == (
        b'{"player_id":"p \\"1\\"","event_type":"level_start","level_id":"\xc3\xa9","map_id":"",'
        b'"timestamp":"2014-01-04T12:00:00.005Z","event_id":"X-1-start-1","game_id":"g"}'
    )
