"""The embedded ClickHouse as a process: who may own a folder, what a kill costs, how it ends."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from embedded.clickhouse import EmbeddedClickHouse
from topics.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]


def ask(server: EmbeddedClickHouse, sql: str) -> str:
    return httpx.post(server.url, content=sql, timeout=60).text


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "embedded.clickhouse", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_acknowledged_rows_survive_kills(tmp_path: Path) -> None:
    server = EmbeddedClickHouse(tmp_path / "data")
    server.start()
    ask(server, "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    acknowledged = 0
    for _ in range(3):
        killer = threading.Timer(0.5, server.process.kill)  # type: ignore[union-attr]
        killer.start()
        try:
            while True:
                rows = "".join(f"{acknowledged + n}\n" for n in range(100))
                httpx.post(server.url, content=f"INSERT INTO t FORMAT CSV\n{rows}").raise_for_status()
                acknowledged += 100
        except httpx.TransportError:
            server.kill()
            server.start()
        missing = ask(server, f"SELECT {acknowledged} - uniqExact(a) FROM t WHERE a < {acknowledged}")
        assert missing == "0\n"
        acknowledged = int(ask(server, "SELECT count() FROM t"))
    assert (server.stop(), acknowledged > 0) == (0, True)


def test_a_second_process_on_a_folder_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with EmbeddedClickHouse(tmp_path / "data") as server:
        second = run("--data", str(tmp_path / "data"))
        assert (second.returncode, second.stdout, second.stderr.count("\n")) == (2, "", 1)
        assert "in use by another ClickHouse process" in second.stderr
        with pytest.raises(BadInput, match="in use by another"):
            EmbeddedClickHouse(tmp_path / "data").start()
        assert ask(server, "SELECT 1") == "1\n"


def test_a_port_in_use_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = run("--data", str(tmp_path), "--port", str(port))
    assert (refused.returncode, refused.stderr.count("\n"), f"port {port}" in refused.stderr) == (2, 1, True)


@pytest.mark.parametrize("content", ["", "[]", '{"writer": {"user": "a"}}'])
def test_unusable_credentials_are_one_line_and_exit_2(tmp_path: Path, content: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content)
    refused = run("--data", str(tmp_path), "--credentials", str(path))
    assert (refused.returncode, refused.stderr.count("\n"), str(path) in refused.stderr) == (2, 1, True)


def test_a_folder_that_cannot_be_made_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run("--data", str(tmp_path / "file"))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_a_stop_lets_a_running_query_finish(tmp_path: Path) -> None:
    server = EmbeddedClickHouse(tmp_path / "data")
    server.start()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(ask(server, "SELECT sleep(1.5)")))
    asking.start()
    while ask(server, "SELECT count() FROM system.processes WHERE query LIKE '%sleep(1.5)%'") != "2\n":
        pass
    code = server.stop()
    asking.join()
    assert (code, answers) == (0, ["0\n"])


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import os, sys; from embedded.clickhouse import EmbeddedClickHouse\n"
        "server = EmbeddedClickHouse(Path(sys.argv[1])); server.start()\n"
        "print(server.port, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data")]
    parent = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    port = int(parent.stdout)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            break
        except ConnectionResetError:
            continue
    with EmbeddedClickHouse(tmp_path / "data") as again:
        assert ask(again, "SELECT 1") == "1\n"
