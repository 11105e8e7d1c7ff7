"""`gamewax slos` as people use it, on a real ClickHouse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import settings
from cli.app import app
from tests.clickhouse_fixture import READER, WRITER, RunningClickHouse
from tests.grafana.conftest import Planted
from topics.errors import BadInput


@pytest.fixture
def store(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Planted]:
    """The planted days; commands of this process find them."""
    for name, value in {
        "URL": planted.server.url,
        "DATABASE": planted.server.database,
        "USER": WRITER[0],
        "PASSWORD": "another",  # it is the reader who asks
        "READER_USER": READER[0],
        "READER_PASSWORD": READER[1],
    }.items():
        monkeypatch.setenv(f"GAMEWAX_CLICKHOUSE__{name}", value)
    settings.load.cache_clear()
    yield planted
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


def test_show_tells_what_burns_in_which_game_and_which_alerts_fire(store: Planted) -> None:
    minute = 40_000  # where no other game has samples
    store.latency("arena\x1b[2J", range(minute - 60, minute), 80, 20)
    until = store.complete_until(minute)
    told = now()
    assert datetime.fromisoformat(told["complete_until"]) == until
    (found,) = [
        of for of in told["objectives"] if (of["slo"], of["game_id"]) == ("server_latency", "arena\x1b[2J")
    ]
    assert round(found["budget_left"], 6) == round(1 - 20 / (30 * 24), 6)  # an hour at 20x
    rates = [(of["alert"], round(of["long_rate"], 6), of["fires"]) for of in found["burns"]]
    assert rates == [(f"server_latency_burns_{pace}", 20, True) for pace in ("14x", "6x", "1x")]
    alerts = {(of["alert"], of["severity"]) for of in told["firing"]}
    assert {("server_stalls_burns_1x", "ticket"), ("slos_blind", "page")} < alerts
    shown = said("slos", "show")
    assert "97.2% of 30d" in shown
    assert (
        "page: server_latency_burns_14x in arena\\x1b[2J: docs/runbooks/server_latency_burns_14x.md" in shown
    )
    assert "\x1b[2J" not in shown


def test_show_says_so_when_no_minute_is_complete(store: Planted) -> None:
    store.writer.command("TRUNCATE TABLE complete_windows_upserts")
    told = now()
    assert (told["complete_until"], told["objectives"]) == (None, [])
    assert "No minute of server_health is complete yet" in said("slos", "show")


def test_show_tells_to_migrate_where_there_are_no_tables(
    clickhouse: RunningClickHouse, store: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAMEWAX_CLICKHOUSE__DATABASE", clickhouse.database)
    settings.load.cache_clear()
    result = asked("slos", "show")
    assert isinstance(result.exception, BadInput)
    assert "migrate" in str(result.exception)


def test_check_says_what_is_promised_and_what_is_wrong(tmp_path: Path) -> None:
    assert "server_latency: 99 % of samples have a latency of at most 150, in any 30 days" in said(
        "slos", "check"
    )
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("id: wrong\nobjective: 101\n")
    result = asked("slos", "check", str(wrong))
    assert isinstance(result.exception, BadInput)
    assert f"{wrong}: line 2: `objective`: Expected `float` < 100.0" in result.stderr
