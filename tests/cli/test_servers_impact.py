"""What incidents cost, as `./gamewax servers impact` prints it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

import settings
from cli.app import app
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from tests.clickhouse_fixture import WRITER, RunningClickHouse
from tests.sinks.impact_oracle import Alarm, Bought, Incident, Known, Played
from tests.sinks.impact_tables import fill

ONSET = 1_767_225_600_000


@pytest.fixture
def filled(clickhouse: RunningClickHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two incidents: one over, with players and money, one open a day later, of which nothing is known."""
    given = {"URL": clickhouse.url, "DATABASE": clickhouse.database}
    for name, value in {**given, "USER": WRITER[0], "PASSWORD": WRITER[1]}.items():
        monkeypatch.setenv(f"GAMEWAX_CLICKHOUSE__{name}", value)
    settings.load.cache_clear()
    migrate(settings.load())
    solved, later = ONSET + 90_000, ONSET + 86_400_000
    incidents = [
        Incident("a1b2c3d4e5", ("s\x1b1",), ONSET + 3_000, ONSET + 3_000, solved),
        Incident("ffff0000ff", ("x", "y", "z", "w"), later, later),
    ]
    alarms = [Alarm("s\x1b1", ONSET + 3_000, ONSET, solved), Alarm("x", later, later, None, "eu", "shift")]
    played = [Played(f"p{n}", ONSET - 5, n, server="s\x1b1") for n in range(1_234)]
    played.append(Played("p0", ONSET + 60_000, 1_234, "session_end", "s\x1b1"))
    bought = [
        Bought("p1", ONSET - 9, 0, 24_000_000, "EUR"),
        Bought("p1", ONSET - 9, 1, 50_000, "JPY"),
        Bought("p2", ONSET + 9, 2, 300_000, "EUR"),
    ]
    with connect(settings.load().clickhouse, clickhouse.database) as client:
        fill(client, Known(incidents, alarms, played, bought))
    yield
    settings.load.cache_clear()


def said(*words: str) -> str:
    result = CliRunner().invoke(app, ["servers", "impact", *words], standalone_mode=False)
    assert (result.exception, result.return_value or 0) == (None, 0), result
    return result.stdout


@pytest.mark.usefixtures("filled")
def test_what_incidents_cost_is_printed_for_people_and_programs() -> None:
    lines = said("--since", "2026-01-01T00:00:00Z").splitlines()
    table = [re.split(r" {2,}", line.strip()) for line in lines]
    assert table[1:] == [
        ["2026-01-02 00:00:00", "ffff0000", "w, y, z", "missed heartbeat", "0 s, open", "?", "?", "-", "-"],
        ["2026-01-02 00:00:00", "ffff0000", "x (region eu)", "shift", "0 s, open", "0", "0", "-", "-"],
        [
            *("2026-01-01 00:00:00", "a1b2c3d4", r"s\x1b1", "missed heartbeat", "1 min 30 s", "1,234"),
            *("1,234 (1,233 silent)", "90.00 of 120.00 EUR", "4,800.00 EUR"),
        ],
        ["0.25 of 0.25 JPY", "10.00 JPY"],
        ["linked by nothing: players unknown: no player event tells a server, no server its region"],
        ["linked by region: players of the whole region: no player event tells a server"],
    ]
    told = json.loads(said("--since", "2026-01-01T00:00:00Z", "--json", "--limit", "9"))
    assert told["all"] == len(told["impact"]) == 3
    hurt = next(of for of in told["impact"] if of["server_id"] == "s\x1b1")
    assert (hurt["onset"], hurt["resolved_at"]) == ("2026-01-01T00:00:00.000Z", "2026-01-01T00:01:30.000Z")
    assert (hurt["players"], hurt["players_quit"], hurt["players_silent"]) == (1_234, 1_234, 1_233)
    assert hurt["money"][0] == {
        "currency": "EUR",
        "expected_revenue": "120.0000",
        "actual_revenue": "30.0000",
        "missing_revenue": "90.0000",
        "revenue_at_risk": "4800.0000",
    }
    assert "and 2 older ones (--limit)" in said("--since", "2026-01-01T00:00:00Z", "--limit", "1")
    assert "no incident was opened since 6h" in said()
