"""Pytest plugin: `desk`, a folder for files and fresh tables, with no Kafka anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

import settings
from embedded.clickhouse import EmbeddedClickHouse
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from tests.flow_fixture import ROOT, WRITER
from verify.logs import Recorded
from verify.oracle import Limits
from verify.views import Views, expected, shown

AS_OF = "2026-01-01T00:00:00Z"
AS_OF_MS = 1_767_225_600_000


@dataclass
class Desk:
    """Where one test puts files and reads them; `given` are settings by their environment names."""

    clickhouse: EmbeddedClickHouse
    folder: Path
    database: str
    given: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "GAMEWAX_CLICKHOUSE__URL": self.clickhouse.url,
            "GAMEWAX_CLICKHOUSE__DATABASE": self.database,
            "GAMEWAX_CLICKHOUSE__USER": WRITER["user"],
            "GAMEWAX_CLICKHOUSE__PASSWORD": WRITER["password"],
            "GAMEWAX_RECOVERY__DIR": str(self.folder / "recovery"),
            "GAMEWAX_CWD": str(self.folder),
            **self.given,
        }

    @property
    def server(self) -> settings.ClickHouse:
        return settings.ClickHouse.model_validate(
            {"url": self.clickhouse.url, "database": self.database, **WRITER}
        )

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def command(self, pattern: str, *words: str) -> list[str]:
        given = ["--from-files", pattern, "--as-of", AS_OF]
        return [sys.executable, "-m", "cli", "run", "engagement", *given, *words]

    def run(self, pattern: str, *words: str) -> tuple[int, str]:
        """Run the flow over files to its end; gives the exit code and what was said."""
        return self._run(self.command(pattern, *words))

    def run_words(self, *words: str) -> tuple[int, str]:
        """Run a command to its end; gives the exit code and what was said."""
        return self._run([sys.executable, "-m", "cli", *words])

    def _run(self, command: list[str]) -> tuple[int, str]:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    @contextmanager
    def started(self, pattern: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start the same; at the end of the block it is killed with its children."""
        with subprocess.Popen(
            self.command(pattern), cwd=ROOT, env=self.environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def client(self) -> Client:
        return connect(self.server, self.database)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.client() as client:
            return [tuple(row) for row in client.query(query).result_rows]

    def shown(self) -> Views:
        with self.client() as client:
            return shown(client)


def truth_of(files: Sequence[Sequence[bytes]], poison: Mapping[bytes | None, str], limits: Limits) -> Views:
    """What the views must show of files, each a list of lines; a blank line is none."""
    recorded = [
        Recorded(number, line_number, b"", line, AS_OF_MS)
        for number, lines in enumerate(files)
        for line_number, line in enumerate(lines, 1)
        if line.strip()
    ]
    return expected(recorded, limits, poison)


def lines(messages: Iterable[bytes]) -> bytes:
    return b"".join(message + b"\n" for message in messages)


@pytest.fixture
def desk(flow_clickhouse: EmbeddedClickHouse, tmp_path: Path, world_numbers: Iterator[int]) -> Desk:
    """Fresh tables, an empty folder."""
    desk = Desk(flow_clickhouse, tmp_path, f"desk_{next(world_numbers)}")
    migrate(settings.Settings(clickhouse=desk.server))
    return desk
