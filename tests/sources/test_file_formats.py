"""Each format gives the same messages with their places, and says where it is broken."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from sources.file_chunk import Chunk
from sources.file_formats import reader_of
from sources.file_set import find
from topics.errors import BadInput
from topics.fields import fields_of
from topics.player_events import PlayerEvent

FIELDS = fields_of(PlayerEvent)
GOOD = {"player_id": "p1", "event_type": "battle", "timestamp": 1_700_000_000_000}
LINES = [json.dumps(GOOD | {"event_id": f"e{number}"}).encode() for number in range(9_000)]
HEAD = b"player_id,event_type,timestamp,health,weapon_type,colour\n"

Place = tuple[int, int]  # offset, line or row


def read(path: Path, begin: int = 1, most: int = 3_000) -> list[tuple[Place, bytes]]:
    (file,) = find([str(path)])
    reader = reader_of(file, FIELDS)
    reader.skip_to(begin)
    found: list[tuple[Place, bytes]] = []
    while chunk := reader.read(most):
        found += zip(
            zip(chunk.offsets.tolist(), chunk.places.tolist(), strict=True), chunk.values, strict=True
        )
    reader.close()
    return found


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def objects(read: list[tuple[Place, bytes]]) -> list[dict[str, object]]:
    return [json.loads(value) for _, value in read]


PACK: dict[str, Callable[[bytes], bytes]] = {
    "a.ndjson": bytes,
    "a.jsonl.gz": gzip.compress,
    "a.json.zst": zstandard.compress,
    "a.JSON.GZ": lambda content: gzip.compress(content[:1000]) + gzip.compress(content[1000:]),
}


@pytest.mark.parametrize("name", PACK)
@pytest.mark.parametrize("begin", [1, 2, 4_321, 9_001])
def test_lines_are_messages_from_any_line_on(tmp_path: Path, name: str, begin: int) -> None:
    path = put(tmp_path, name, PACK[name](b"\n".join(LINES)))
    assert read(path, begin) == [((at, at), LINES[at - 1]) for at in range(begin, 9_001)]


def test_a_reader_goes_on_where_another_one_stood(tmp_path: Path) -> None:
    path = put(tmp_path, "a.ndjson", b"\r\n".join(LINES) + b"\r\n")
    (file,) = find([str(path)])
    first, second = reader_of(file, FIELDS), reader_of(file, FIELDS)
    given: Chunk | None = first.read(777)
    assert given is not None
    second.go_to(first.place)  # type: ignore[attr-defined]
    assert [*given.values, *second.read(50_000).values] == LINES  # type: ignore[union-attr]


def test_blank_lines_count_and_are_no_messages_and_a_mark_is_dropped(tmp_path: Path) -> None:
    path = put(tmp_path, "a.ndjson", b"\xef\xbb\xbf{}\r\n\n \t\r\n{ }\n\r\n[]")
    assert read(path) == [((1, 1), b"{}"), ((4, 4), b"{ }"), ((6, 6), b"[]")]


def test_a_line_above_the_limit_is_cut_and_says_how_long_it_was(tmp_path: Path) -> None:
    path = put(tmp_path, "a.ndjson", b"{}\n" + b"x" * (5 << 20) + b"\n{}\n" + b"y" * (2 << 20))
    (file,) = find([str(path)])
    chunk = reader_of(file, FIELDS).read(100)
    assert chunk is not None
    sizes = [len(value) for value in chunk.values]
    limit = 1 << 20
    assert (sizes, chunk.notes) == (
        [2, limit + 1, 2, limit + 1],
        {2: f"{5 << 20} bytes, the limit is {limit}", 4: f"{2 << 20} bytes, the limit is {limit}"},
    )


def cut_archives() -> dict[str, bytes]:
    text = b"\n".join(LINES)
    unsized = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    packed, frame = gzip.compress(text), unsized.compress(text) + unsized.flush()
    return {
        "last-byte.ndjson.gz": packed[:-1],
        "no-trailer.ndjson.gz": packed[:-8],
        "half.ndjson.gz": packed[: len(packed) // 2],
        "second-part.ndjson.gz": packed + packed[:30],
        "empty.ndjson.gz": b"",
        "wrong-sum.ndjson.gz": packed[:-8] + b"\1\2\3\4" + packed[-4:],
        "no-archive.ndjson.gz": text,
        "more-behind.ndjson.gz": packed + b"hello",
        "last-byte.ndjson.zst": frame[:-1],
        "half.csv.zst": zstandard.compress(HEAD + b"p,move,1,,,\n" * 20_000)[:-9],
        "second-part.ndjson.zst": frame + frame[:10],
        "empty.csv.zst": b"",
        "no-archive.ndjson.zst": text,
    }


@pytest.mark.parametrize(("name", "content"), cut_archives().items(), ids=cut_archives().keys())
def test_a_cut_or_damaged_archive_never_passes_as_complete(tmp_path: Path, name: str, content: bytes) -> None:
    path = put(tmp_path, name, content)
    with pytest.raises(BadInput, match=f"{name} is (cut|damaged)"):
        read(path)


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    pq.write_table(pa.table({name: [value] * 100 for name, value in GOOD.items()}), whole)
    path = put(tmp_path, "a.parquet", whole.getvalue()[:-20])
    with pytest.raises(BadInput, match=r"a.parquet is no whole Parquet file"):
        read(path)


def test_csv_cells_become_json_by_the_kind_of_their_field(tmp_path: Path) -> None:
    rows = (
        b'p1,move,1700000000000,1.5,,007\n42,7,2026-01-01T00:00:00Z,+3,"""\n",\n\np3,move,01,-2e3,,true\r\n'
    )
    found = read(put(tmp_path, "a.csv", b"\xef\xbb\xbf" + HEAD + rows))
    assert [place for place, _ in found] == [(1, 2), (2, 3), (3, 6)]
    assert [value for _, value in found] == [
        b'{"player_id":"p1","event_type":"move","timestamp":1700000000000,"health":1.5,"colour":"007"}',
        b'{"player_id":"42","event_type":"7","timestamp":"2026-01-01T00:00:00Z","health":"+3","weapon_type":"\\"\\n"}',
        b'{"player_id":"p3","event_type":"move","timestamp":"01","health":-2e3,"colour":"true"}',
    ]


def test_csv_rows_that_fit_no_column_or_are_no_text_stand_as_they_are(tmp_path: Path) -> None:
    path = put(tmp_path, "a.csv", HEAD + b"p1,move\np1,move,1,2,\xff,\np2,move,1,,,\n")
    (file,) = find([str(path)])
    chunk = reader_of(file, FIELDS).read(10)
    assert chunk is not None
    assert (chunk.values[:2], chunk.notes) == (
        [b"p1,move", b"p1,move,1,2,\xff,"],
        {1: "the row has 2 cells, the first line names 6"},
    )


@pytest.mark.parametrize("begin", [1, 2, 4_321])
def test_csv_is_read_from_any_row_on(tmp_path: Path, begin: int) -> None:
    rows = b"".join(b'p%d,move,%d,,"two\nlines",\n' % (at, at) for at in range(5_999))
    found = read(put(tmp_path, "a.csv.gz", gzip.compress(HEAD + rows)), begin)
    assert [place for place, _ in found] == [(at, 2 * at) for at in range(begin, 6_000)]
    assert objects(found)[0] == {
        "player_id": f"p{begin - 1}",
        "event_type": "move",
        "timestamp": begin - 1,
        "weapon_type": "two\nlines",
    }


BAD_CSV = {
    b"a,b\n1,2\n": "has no column 'player_id'",
    b"player_id;event_type;timestamp\n": "separated by commas",
    b"player_id,player_id,event_type,timestamp\n": "has column 'player_id' twice",
    HEAD + b'p1,move,1,,"open,\np2,move,1,,,\n': "a quote that opens in line 2 is never closed",
    HEAD + b'p1,move,1,,"' + b"x" * (2 << 20): "is no CSV at line 2",
    b"": "has no column",
}


@pytest.mark.parametrize(("content", "said"), BAD_CSV.items(), ids=BAD_CSV.values())
def test_a_csv_that_is_none_is_refused_with_its_place(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(put(tmp_path, "a.csv", content))


@pytest.mark.parametrize("content", [b"[\n{}\n]", b"{\n}", b'[{"a":1},\n{"a":2}]'])
def test_a_document_spread_over_lines_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadInput, match="one JSON document"):
        read(put(tmp_path, "a.json", content))


TYPED: dict[str, tuple[Any, list[object]]] = {
    "player_id": (pa.array([1.0, None], pa.float64()), [1, None]),
    "event_type": (pa.array(['mo"ve', "é"]).dictionary_encode(), ['mo"ve', "é"]),
    "timestamp": (
        pa.array([datetime(2026, 1, 1, tzinfo=UTC), None], pa.timestamp("ns", "Europe/Berlin")),
        [1_767_225_600_000, None],
    ),
    "sent_at": (pa.array([date(2026, 1, 1), None]), [1_767_225_600_000, None]),
    "health": (pa.array([Decimal("1.50"), Decimal("-2.00")]), [1.5, -2.0]),
    "duration_ms": (pa.array([0.1, 1e300], pa.float64()), [0.1, 1e300]),
    "quantity": (pa.array([3.0, 3.5], pa.float32()), [3, 3.5]),
    "event_index": (pa.array([2**63 - 1, -1], pa.int64()), [2**63 - 1, -1]),
    "device_id": (pa.array([b"bytes", None], pa.binary()), ["bytes", None]),
    "cost": (pa.array([Decimal("1.50"), None]), ["1.50", None]),
    "tags": (pa.array([["a", "b"], []]), [["a", "b"], []]),
    "pet": (pa.array([{"name": "Rex", "age": None}, None]), [{"name": "Rex", "age": None}, None]),
    "tame": (pa.array([True, False]), [True, False]),
    "nothing": (pa.nulls(2), [None, None]),
}


def test_parquet_values_become_json_by_their_types(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({name: column for name, (column, _) in TYPED.items()}), path)
    wanted = [
        {name: values[row] for name, (_, values) in TYPED.items() if values[row] is not None}
        for row in (0, 1)
    ]
    assert objects(read(path)) == wanted


@pytest.mark.parametrize("begin", [1, 701, 4_321, 8_999])
def test_parquet_is_read_from_any_row_on(tmp_path: Path, begin: int) -> None:
    path = tmp_path / "a.parquet"
    table = pa.Table.from_pylist([json.loads(line) for line in LINES])
    pq.write_table(table, path, row_group_size=700)
    found = read(path, begin)
    assert [place for place, _ in found] == [(at, at) for at in range(begin, 9_001)]
    assert objects(found)[0] == json.loads(LINES[begin - 1])


def test_what_a_pattern_finds_is_read_or_refused(tmp_path: Path) -> None:
    put(tmp_path, "b.ndjson", b"")
    put(tmp_path, "a.csv.zst", b"x")
    (tmp_path / "c").mkdir()
    put(tmp_path / "c", "d.parquet", b"x")
    found = find([f"{tmp_path}/**", f"{tmp_path}/*.ndjson"])
    assert [(of.number, of.path.name, of.kind, of.packing) for of in found] == [
        (0, "a.csv.zst", ".csv", "zstd"),
        (1, "b.ndjson", ".ndjson", None),
        (2, "d.parquet", ".parquet", None),
    ]
    assert len({of.log for of in found}) == 3
    put(tmp_path, "notes.txt", b"")
    for pattern, said in {
        "*": "notes.txt: this ending is not known",
        "*.gz": "finds no file",
        "c": "folders",
    }.items():
        with pytest.raises(BadInput, match=said):
            find([f"{tmp_path}/{pattern}"])
