"""`gamewax slos` as people use it, on a real ClickHouse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import settings
from cli.app import app
from tests.clickhouse_fixture import READER, WRITER, RunningClickHouse
from topics.errors import BadInput

MINUTE = 1_767_225_600
INTO = (
    "INSERT INTO server_health_upserts (game_id, server_id, window_seconds, window_start, latency_buckets,"
    " latency_counts, version)"
)


@pytest.fixture
def store(clickhouse: RunningClickHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningClickHouse]:
    """An empty database; commands of this process find it."""
    for name, value in {
        "URL": clickhouse.url,
        "DATABASE": clickhouse.database,
        "USER": WRITER[0],
        "PASSWORD": WRITER[1],
        "READER_USER": READER[0],
        "READER_PASSWORD": READER[1],
    }.items():
        monkeypatch.setenv(f"GAMEWAX_CLICKHOUSE__{name}", value)
    settings.load.cache_clear()
    yield clickhouse
    settings.load.cache_clear()


def asked(*words: str) -> Result:
    return CliRunner().invoke(app, [*words], standalone_mode=False, catch_exceptions=True)


def said(*words: str) -> str:
    result = asked(*words)
    assert (result.exception, result.return_value or 0) == (None, 0), result
    return result.stdout


def now() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said("slos", "show", "--json"))
    return found


def test_show_tells_what_burns_in_which_game_and_which_alerts_fire(store: RunningClickHouse) -> None:
    with pytest.raises(BadInput, match="migrate"):
        raise asked("slos", "show").exception or AssertionError
    said("migrate")
    assert now() == {"complete_until": None, "objectives": [], "firing": []}
    assert "No minute of server_health is complete yet" in said("slos", "show")
    with store.writer() as writer:
        rows = f"'s', 60, {MINUTE}, [5000, 5107], [80, 20], 1 FROM numbers(1)"
        writer.command(f"{INTO} SELECT 'arena\x1b[2J', {rows}")
        writer.command(
            "INSERT INTO complete_windows_upserts VALUES"
            f" ('server_health', 'server_health', 60, {MINUTE}, 0, 1, 1)"
        )
    told = now()
    assert datetime.fromisoformat(told["complete_until"]) == datetime.fromtimestamp(MINUTE + 60, UTC)
    found = {of["slo"]: of for of in told["objectives"]}
    assert {slo: round(of["budget_left"], 6) for slo, of in found.items()} == {
        "server_availability": 1,
        "server_latency": -19,
        "server_stalls": -199,
    }
    rates = [(of["alert"], round(of["long_rate"], 6), of["fires"]) for of in found["server_latency"]["burns"]]
    assert rates == [(f"server_latency_burns_{pace}", 20, True) for pace in ("14x", "6x", "1x")]
    alerts = {(of["alert"], of["severity"]) for of in told["firing"]}
    assert {("server_stalls_burns_1x", "ticket"), ("slos_blind", "page")} < alerts
    shown = said("slos", "show")
    assert "-1900.0% of 30d" in shown
    assert (
        "page: server_latency_burns_14x in arena\\x1b[2J: docs/runbooks/server_latency_burns_14x.md" in shown
    )
    assert "\x1b[2J" not in shown


def test_check_says_what_is_promised_and_what_is_wrong(tmp_path: Path) -> None:
    assert "server_latency: 99 % of samples have a latency of at most 150, in any 30 days" in said(
        "slos", "check"
    )
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("id: wrong\nobjective: 101\n")
    result = asked("slos", "check", str(wrong))
    assert isinstance(result.exception, BadInput)
    assert f"{wrong}: line 2: `objective`: Expected `float` < 100.0" in result.stderr
