"""ClickHouse's HTTP protocol, asked by plain requests."""

from __future__ import annotations

import gzip
import io
import json
import socket
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import lz4.frame
import pyarrow as pa
import pytest
import zstandard

from tests.clickhouse_fixture import WRITER

if TYPE_CHECKING:
    from tests.clickhouse_fixture import RunningClickHouse

FRAMES = 300


@pytest.fixture
def http(clickhouse: RunningClickHouse) -> Iterator[httpx.Client]:
    params = {"database": clickhouse.database}
    with httpx.Client(base_url=clickhouse.url, params=params, auth=WRITER, timeout=60) as client:
        client.post("/", content="CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
        yield client


def rows(http: httpx.Client) -> str:
    return http.post("/", content="SELECT * FROM t ORDER BY a").text


def summary(answer: httpx.Response) -> tuple[int, ...]:
    told = json.loads(answer.headers["X-ClickHouse-Summary"])
    return tuple(int(told[name]) for name in ("read_rows", "written_rows", "result_rows"))


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


@pytest.mark.parametrize(
    ("params", "content", "code", "status"),
    [
        ({}, b"", "62", 400),
        ({}, b"  \n", "62", 400),
        ({}, b"SELECT * FROM absent", "60", 404),
        ({"nosuch_setting": "1"}, b"SELECT 1", "115", 404),
        ({"database": "absent"}, b"SELECT 1", "81", 404),
        ({}, b"SELECT '\xff'", "62", 400),
        ({"decompress": "1"}, b"SELECT 1", "48", 501),
        ({"max_execution_time": "0.1"}, b"SELECT count() FROM numbers(100000000000)", "159", 408),
        ({}, b"INSERT INTO t FORMAT CSV\n1,a\nx,b\n", "27", 400),
        ({}, b"INSERT INTO absent FORMAT CSV\n1,a\n", "60", 404),
        ({}, b"SELECT " + b"1," * 500_000 + b"1", "62", 400),
        ({}, b"SELECT {p:UInt8}", "456", 500),
    ],
)
def test_a_bad_request_is_answered_as_clickhouse_does(
    http: httpx.Client, params: dict[str, str], content: bytes, code: str, status: int
) -> None:
    answer = http.post("/", params=params, content=content)
    told = (answer.headers["X-ClickHouse-Exception-Code"], answer.status_code, answer.text.split(". ")[0])
    assert told == (code, status, f"Code: {code}")


def test_a_refused_large_insert_leaves_the_connection_usable(http: httpx.Client) -> None:
    answer = http.post(
        "/", params={"query": "INSERT INTO absent FORMAT CSV"}, content=b"1,aaaaaaaa\n" * 3_000_000
    )
    assert (answer.status_code, http.post("/", content="SELECT 1").text) == (404, "1\n")


def test_a_large_query_is_allowed_when_asked_for(http: httpx.Client) -> None:
    content = "SELECT length('" + "x" * 3_000_000 + "')"
    assert http.post("/", params={"max_query_size": "4000000"}, content=content).text == "3000000\n"


def test_the_summary_is_true(http: httpx.Client) -> None:
    insert = http.post("/", content="INSERT INTO t SELECT number, 'x' FROM numbers(1000)")
    read = http.post("/", content="SELECT * FROM t WHERE a < 10")
    inline = http.post("/", content="INSERT INTO t VALUES (1, 'a;b'), (2, ')')")
    assert (summary(insert)[1], summary(read), summary(inline)[1]) == (1000, (1000, 0, 10), 2)


def test_an_insert_whose_client_goes_away_writes_nothing(
    clickhouse: RunningClickHouse, http: httpx.Client
) -> None:
    query = f"INSERT INTO {clickhouse.database}.t FORMAT CSV".replace(" ", "%20")
    head = f"POST /?query={query} HTTP/1.1\r\nHost: localhost\r\nX-ClickHouse-User: {WRITER[0]}\r\n"
    head += f"X-ClickHouse-Key: {WRITER[1]}\r\nContent-Length: 1000\r\n\r\n1,a\n2,b\n"
    with socket.create_connection(("127.0.0.1", clickhouse.port)) as gone:
        gone.sendall(head.encode())
        gone.shutdown(socket.SHUT_WR)
        told = gone.makefile("rb").read().decode()
    assert ("X-ClickHouse-Exception-Code: 210" in told, rows(http)) == (True, "")


@pytest.mark.parametrize("name", ["CSV", "Native", "RowBinary"])
def test_a_retried_insert_of_many_blocks_writes_once(http: httpx.Client, name: str) -> None:
    http.post("/", content="ALTER TABLE t MODIFY SETTING non_replicated_deduplication_window = 1000")
    params = {"default_format": name}
    content = http.post(
        "/", params=params, content="SELECT number AS a, 'x' AS b FROM numbers(2500000)"
    ).content
    params = {"query": f"INSERT INTO t FORMAT {name}", "insert_deduplication_token": "one"}
    for step in (len(content), 1_000_003, 77_777):
        pieces = (content[at : at + step] for at in range(0, len(content), step))
        assert summary(http.post("/", params=params, content=pieces))[1] == 2_500_000
    assert http.post("/", content="SELECT count(), sum(a) FROM t").text == "2500000\t3124998750000\n"


@pytest.mark.parametrize(
    ("clause", "code"),
    [
        (", CONSTRAINT small CHECK a < 5) ENGINE = MergeTree ORDER BY a", "469"),
        (
            ") ENGINE = MergeTree ORDER BY a SETTINGS min_free_disk_bytes_to_perform_insert = 1000000000000",
            "243",
        ),
    ],
)
def test_rows_that_could_not_be_written_are_never_acknowledged(
    http: httpx.Client, clause: str, code: str
) -> None:
    http.post("/", content=f"CREATE TABLE full (a UInt64 {clause}").raise_for_status()
    answer = http.post("/", content="INSERT INTO full FORMAT CSV\n7\n")
    assert (answer.headers.get("X-ClickHouse-Exception-Code"), answer.is_error) == (code, True)


def test_an_insert_past_the_memory_bound_goes_through_the_disk(http: httpx.Client) -> None:
    lines = ("7," + "x" * 1000 + "\n") * 1000
    answer = http.post(
        "/", params={"query": "INSERT INTO t FORMAT CSV"}, content=(lines.encode() for _ in range(150))
    )
    assert (summary(answer)[1], http.post("/", content="SELECT count(), sum(length(b)) FROM t").text) == (
        150_000,
        "150000\t150000000\n",
    )


def test_only_loopback_names_are_answered(http: httpx.Client) -> None:
    answers = [
        http.post("/", content="SELECT 1", headers={"Host": name}) for name in ("evil.example", "localhost:1")
    ]
    assert [answer.status_code for answer in answers] == [403, 200]


def test_no_page_of_another_origin_may_read(http: httpx.Client) -> None:
    answer = http.post(
        "/", params={"add_http_cors_header": "1"}, content="SELECT 1", headers={"Origin": "http://x"}
    )
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_eight_threads_insert_at_once(http: httpx.Client) -> None:
    def insert(thread: int) -> int:
        written = 0
        for batch in range(25):
            lines = "".join(f"{thread * 1_000_000 + batch * 1000 + n},x\n" for n in range(100))
            written += summary(http.post("/", content="INSERT INTO t FORMAT CSV\n" + lines))[1]
        return written

    with ThreadPoolExecutor(8) as pool:
        written = sum(pool.map(insert, range(8)))
    assert (written, http.post("/", content="SELECT count(), uniqExact(a) FROM t").text) == (
        20_000,
        "20000\t20000\n",
    )


FAILS_LATE = "SELECT throwIf(number = 900000, 'half-way') FROM numbers(1000000)"


def test_a_late_failure_has_its_status_when_the_end_is_waited_for(http: httpx.Client) -> None:
    answer = http.post("/", params={"wait_end_of_query": "1"}, content=FAILS_LATE)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


def test_a_late_failure_breaks_a_stream_off(http: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/", content=FAILS_LATE)


def test_more_queries_than_the_engine_takes_wait_for_their_turn(http: httpx.Client) -> None:
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: http.post("/", content="SELECT sleep(0.2)").text, range(64)))
    assert answers == ["0\n"] * 64
