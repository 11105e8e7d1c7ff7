"""ClickHouse's HTTP protocol, asked by plain requests."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import lz4.frame
import pyarrow as pa
import pytest
import zstandard

from tests.clickhouse_http_fixture import rows, summary

if TYPE_CHECKING:
    from tests.clickhouse_fixture import RunningClickHouse

FRAMES = 300


def test_ping_needs_no_password(clickhouse: RunningClickHouse) -> None:
    assert [httpx.get(f"{clickhouse.url}{path}").text for path in ("/ping", "/")] == ["Ok.\n", "Ok.\n"]


def test_an_answer_says_what_it_is(http: httpx.Client) -> None:
    answer = http.post("/", params={"query_id": "mine"}, content="SELECT 1 AS a FORMAT JSONEachRow")
    names = ("X-ClickHouse-Query-Id", "X-ClickHouse-Format", "X-ClickHouse-Timezone")
    assert (answer.text, [answer.headers[name] for name in names]) == (
        '{"a":1}\n',
        ["mine", "JSONEachRow", "UTC"],
    )


def test_the_query_may_be_in_the_address_in_the_body_or_both(http: httpx.Client) -> None:
    answers = [
        http.get("/", params={"query": "SELECT 1"}),
        http.post("/", params={"query": "SELECT 1"}),
        http.post("/", content="SELECT 1"),
        http.post("/", params={"query": "SELECT"}, content="1"),
        http.post("/query", content="SELECT 1;"),
    ]
    assert [answer.text for answer in answers] == ["1\n"] * 5


def test_get_and_head_change_nothing(http: httpx.Client) -> None:
    inserts = [
        http.get("/", params={"query": "INSERT INTO t VALUES (1, 'a')"}),
        http.get("/", params={"query": "DROP TABLE t"}),
    ]
    head = http.head("/", params={"query": "SELECT 1"})
    codes = [answer.headers["X-ClickHouse-Exception-Code"] for answer in inserts]
    assert (codes, head.status_code, head.text, rows(http)) == (["164", "164"], 200, "", "")


def arrow(new_writer: Callable[..., pa.RecordBatchFileWriter | pa.RecordBatchStreamWriter]) -> bytes:
    table = pa.table({"a": pa.array([1, 2], pa.uint64()), "b": ["x", "y"]})
    sink = io.BytesIO()
    writer = new_writer(sink, table.schema)
    writer.write_table(table)
    writer.close()
    return sink.getvalue()


BODIES: dict[str, bytes] = {
    "CSV": b'1,"x"\n2,"y"\n',
    "TSV": b"1\tx\n2\ty\n",
    "TabSeparatedWithNames": b"a\tb\n1\tx\n2\ty\n",
    "JSONEachRow": b'{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n',
    "RowBinary": b"\1" + b"\0" * 7 + b"\1x\2" + b"\0" * 7 + b"\1y",
    "Native": b"\2\2\1a\6UInt64" + b"\1" + b"\0" * 7 + b"\2" + b"\0" * 7 + b"\1b\6String\1x\1y",
    "Arrow": arrow(pa.ipc.new_file),
    "ArrowStream": arrow(pa.ipc.new_stream),
    "Values": b"(1, 'x'), (2, 'y')",
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("where", ["address", "body"])
def test_every_format_goes_in(http: httpx.Client, name: str, where: str) -> None:
    head = f"INSERT INTO t (a, b) FORMAT {name}"
    if where == "address":
        answer = http.post("/", params={"query": head}, content=BODIES[name])
    else:
        answer = http.post("/", content=head.encode() + b"\n" + BODIES[name])
    assert (answer.text, summary(answer)[1], rows(http)) == ("", 2, "1\tx\n2\ty\n")


@pytest.mark.parametrize("name", ["Native", "ArrowStream", "JSONEachRow", "RowBinary", "Parquet"])
def test_what_comes_out_goes_in_again(http: httpx.Client, name: str) -> None:
    http.post("/", content="INSERT INTO t SELECT number, toString(number) FROM numbers(200000)")
    content = http.post("/", params={"default_format": name}, content="SELECT * FROM t").content
    http.post("/", content="TRUNCATE TABLE t")
    answer = http.post("/", params={"query": f"INSERT INTO t FORMAT {name}"}, content=content)
    checked = http.post("/", content="SELECT count(), sum(a), sum(toUInt64(b)) FROM t").text
    assert (summary(answer)[1], checked) == (200_000, "200000\t19999900000\t19999900000\n")


def test_a_chunked_body_arrives_whole(http: httpx.Client) -> None:
    chunks = ["INSERT IN", "TO t FORM", "AT CSV", "\n"] + [f"{n},x\n" for n in range(5000)]
    answer = http.post("/", content=(chunk.encode() for chunk in chunks))
    assert (summary(answer)[1], http.post("/", content="SELECT count(), sum(a) FROM t").text) == (
        5000,
        "5000\t12497500\n",
    )


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.compress,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("encoding", PACKERS)
def test_every_frame_of_a_body_is_read(http: httpx.Client, encoding: str) -> None:
    frames = [PACKERS[encoding](b"%d,frame\n" % n) for n in range(FRAMES)]
    whole = b"".join(frames)
    pieces = (whole[at : at + 7] for at in range(0, len(whole), 7))
    params = {"query": "INSERT INTO t FORMAT CSV"}
    at_once = http.post("/", params=params, content=whole, headers={"Content-Encoding": encoding})
    in_pieces = http.post("/", params=params, content=pieces, headers={"Content-Encoding": encoding})
    assert (summary(at_once)[1], summary(in_pieces)[1]) == (FRAMES, FRAMES)


@pytest.mark.parametrize(
    ("encoding", "code"),
    [("gzip", "354"), ("deflate", "354"), ("lz4", "546"), ("zstd", "432"), ("snappy", "89")],
)
@pytest.mark.parametrize("broken", ["garbage", "cut"])
def test_a_broken_body_is_refused_and_writes_nothing(
    http: httpx.Client, encoding: str, code: str, broken: str
) -> None:
    pack = PACKERS.get(encoding, zlib.compress)
    content = pack(b"1,a\n" * 1000)[:-3] if broken == "cut" else b"no such thing as this"
    answer = http.post(
        "/",
        params={"query": "INSERT INTO t FORMAT CSV"},
        content=content,
        headers={"Content-Encoding": encoding},
    )
    assert (answer.headers["X-ClickHouse-Exception-Code"], rows(http)) == (code, "")


UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": lz4.frame.decompress,
    "gzip": gzip.decompress,
    "zstd": lambda packed: zstandard.ZstdDecompressor().decompressobj().decompress(packed),
}


@pytest.mark.parametrize("encoding", UNPACKERS)
@pytest.mark.parametrize("count", [1, 1_000_000])
def test_an_answer_is_compressed_when_asked(http: httpx.Client, encoding: str, count: int) -> None:
    with http.stream(
        "POST",
        "/",
        params={"enable_http_compression": "1"},
        content=f"SELECT number FROM numbers({count})",
        headers={"Accept-Encoding": f"{encoding}, identity;q=0.5"},
    ) as answer:
        packed = b"".join(answer.iter_raw())
    assert (answer.headers["Content-Encoding"], UNPACKERS[encoding](packed).count(b"\n")) == (encoding, count)


def test_without_the_setting_nothing_is_compressed(http: httpx.Client) -> None:
    assert (
        "Content-Encoding"
        not in http.post("/", content="SELECT 1", headers={"Accept-Encoding": "gzip"}).headers
    )
