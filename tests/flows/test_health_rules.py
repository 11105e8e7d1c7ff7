"""The rules of health without a flow: who may ask, when a process is alive or ready, how fresh rows are."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from threading import Barrier

import httpx
import pytest

from flows.freshness import Freshness
from flows.health import MOST, Answer, HealthServer
from flows.health_file import Endpoint, endpoints, forget_dead, own_endpoint, write_endpoint
from flows.health_verdict import Limits, Look, not_alive, not_ready
from sinks.clickhouse_figures import SinkFigures
from sources.figures import PartitionFigures, SourceFigures
from topics.errors import BadInput

PAGE = Answer(HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n")


@pytest.fixture
def server() -> Iterator[HealthServer]:
    running = HealthServer(0, {"/healthz": lambda: PAGE})
    yield running
    running.close()


def address(server: HealthServer) -> tuple[str, int]:
    return "127.0.0.1", int(server.url.rsplit(":", 1)[1])


def test_only_callers_that_name_this_machine_are_answered(server: HealthServer) -> None:
    _, port = address(server)
    good = ["127.0.0.1", f"127.0.0.1:{port}", "localhost", f"LOCALHOST:{port}"]
    bad = ["evil.example", f"evil.example:{port}", "127.0.0.1:1", "127.0.0.1.evil.example", "", "[::1]"]
    codes = [httpx.get(f"{server.url}/healthz", headers={"Host": host}).status_code for host in good + bad]
    assert codes == [200] * len(good) + [403] * len(bad)


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        ("GET /healthz HTTP/1.1", 200, b"ok\n"),
        ("GET /healthz?now HTTP/1.1", 200, b"ok\n"),
        ("HEAD /healthz HTTP/1.1", 200, b""),
        ("GET /etc/passwd HTTP/1.1", 404, b"/healthz\n"),
        ("POST /healthz HTTP/1.1", 405, b"Method Not Allowed\n"),
        ("OPTIONS /healthz HTTP/1.1", 405, b"Method Not Allowed\n"),
        ("nonsense", 400, b"Bad Request\n"),
    ],
)
def test_only_the_pages_are_read(server: HealthServer, request_line: str, status: int, body: bytes) -> None:
    answer = said(server, f"{request_line}\r\nHost: localhost\r\n\r\n".encode())
    head, _, content = answer.partition(b"\r\n\r\n")
    assert (int(head.split()[1]), content) == (status, body)
    assert b"access-control" not in head.lower()


def said(server: HealthServer, request: bytes) -> bytes:
    with socket.create_connection(address(server), timeout=10) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_caller_who_says_nothing_holds_nobody_up_and_is_hung_up_on(server: HealthServer) -> None:
    silent = [socket.create_connection(address(server), timeout=10) for _ in range(MOST - 1)]
    assert httpx.get(f"{server.url}/healthz").status_code == 200
    assert [connection.recv(1) for connection in silent] == [b""] * len(silent)
    for connection in silent:
        connection.close()


def test_more_callers_than_there_is_room_for_are_sent_away() -> None:
    inside = Barrier(MOST + 1)

    def page() -> Answer:
        inside.wait(10)
        return PAGE

    server = HealthServer(0, {"/healthz": page})
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    waiting = [socket.create_connection(address(server), timeout=10) for _ in range(MOST)]
    for connection in waiting:
        connection.sendall(ask)
    with socket.create_connection(address(server), timeout=10) as one_more:
        assert one_more.recv(1) == b""
    inside.wait(10)
    answers = [connection.recv(4096).split(b" ", 2)[1] for connection in waiting]
    for connection in waiting:
        connection.close()
    server.close()
    assert answers == [b"200"] * MOST


def test_the_next_free_port_is_taken_when_the_one_set_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = HealthServer(port, {})
        found = address(server)[1]
        server.close()
    assert port < found <= port + 63


def test_no_free_port_is_one_line() -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 65_535))
        except OSError:
            pytest.skip("someone else has the last port")
        taken.listen()
        with pytest.raises(BadInput, match="GAMEWAX_HEALTH__PORT"):
            HealthServer(65_535, {})


NOW = 1_000.0
LEAST = 50 << 20
LIMITS = Limits(away_after_s=10, stuck_after_s=60, least_free_bytes=LEAST)
READ = PartitionFigures("player-events", 0, 5, 0, 0, {}, 5, turned_s=NOW - 0.1)
SOURCE = SourceFigures("player-events", (READ,), answered_s=NOW - 5)
WELL = Look(NOW, NOW - 500, (SOURCE,), SinkFigures(), NOW - 499)
STILL = replace(WELL, sources=(replace(SOURCE, partitions=(replace(READ, turned_s=NOW - 61),)),))
WAITING = SinkFigures(unacknowledged_since_s=NOW - 61, away_since_s=NOW - 61)
SILENT = replace(SOURCE, answered_s=NOW - 21)
EMPTY = replace(WELL, sources=(replace(SOURCE, partitions=()),))
UNASKED = replace(WELL, sources=(replace(SOURCE, partitions=(replace(READ, turned_s=None),)),))
CASES = {
    "all well": (WELL, [], []),
    "not opened yet": (replace(WELL, sources=(), opened_s=None, begun_s=NOW - 3), [], ["starting"]),
    "opening hangs": (replace(WELL, sources=(), opened_s=None, begun_s=NOW - 61), ["hangs"], ["starting"]),
    "not asked yet": (replace(UNASKED, opened_s=NOW - 1), [], ["starting"]),
    "no partition of a cluster's": (EMPTY, [], []),
    "no partition yet": (replace(EMPTY, opened_s=NOW - 1), [], ["starting"]),
    "asked to end": (replace(STILL, stopping=True), [], ["stopping"]),
    "hangs": (STILL, ["hangs"], ["hangs"]),
    "waits for ClickHouse": (replace(STILL, sink=WAITING), [], ["clickhouse_away"]),
    "waits for ClickHouse a moment": (
        replace(WELL, sink=SinkFigures(unacknowledged_since_s=NOW - 9)), [], []
    ),
    "ClickHouse away at rest": (replace(WELL, table_away_since_s=NOW - 11), [], ["clickhouse_away"]),
    "Kafka away": (replace(WELL, sources=(SILENT,)), [], ["kafka_away"]),
    "Kafka asked a while ago": (replace(WELL, sources=(replace(SOURCE, answered_s=NOW - 13),)), [], []),
    "Kafka away and still": (
        replace(STILL, sources=(replace(SILENT, partitions=STILL.sources[0].partitions),)),
        [],
        ["kafka_away"],
    ),
    "disk nearly full": (replace(WELL, free_bytes=LEAST - 1), [], ["disk_full"]),
    "disk with room": (replace(WELL, free_bytes=LEAST), [], []),
    "paused": (
        replace(WELL, sources=(replace(SOURCE, partitions=(replace(READ, paused=True),)),)), [], ["paused"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_process_is_judged_by_what_it_waits_for(case: str) -> None:
    look, alive, ready = CASES[case]
    assert [of.reason for of in not_alive(look, LIMITS)] == alive
    assert [of.reason for of in not_ready(look, LIMITS)] == ready


def test_rows_are_as_fresh_as_what_was_known_before_the_oldest_waiting_one() -> None:
    fresh = Freshness()
    for at, newest_ms in ((1.0, 100), (2.0, 200), (3.0, 200), (4.0, 400)):
        fresh.note(at, [replace(READ, newest_ms=newest_ms)])
    assert [fresh.shown_ms(READ, before) for before in (0.5, 1.5, 2.0, 3.9, 4.0, 9.0)] == [
        None, 100, 200, 200, 400, 400,
    ]  # fmt: skip


def test_files_of_processes_that_are_gone_are_forgotten_and_strange_ones_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "engagement"
    folder.mkdir()
    mine = own_endpoint("engagement", 0, "http://127.0.0.1:1")
    another = Endpoint("engagement", 1, mine.pid, mine.started - 1, "http://127.0.0.1:2")
    for endpoint in (mine, another):
        write_endpoint(folder, endpoint)
    (folder / "health-2.json").write_text("{}")
    (folder / "health-3.json").write_text("\0")
    assert [(of, of.lives) for of in endpoints(tmp_path)] == [(mine, True), (another, False)]
    forget_dead(folder)
    assert list(endpoints(tmp_path)) == [mine]
