"""An outage that the simulator plants is named with server, players and revenue, within a minute already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

import settings
from simulator.plan import DUPLICATE, GOOD, LATE, PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, Plan
from simulator.servers import Outage
from simulator.trouble import trouble
from sinks.clickhouse_client import connect
from sinks.clickhouse_insert import blocks, insert
from sinks.migrations import migrate
from tests.clickhouse_fixture import WRITER, RunningClickHouse
from tests.flows.planted_outage import PlantedOutage
from tests.simulator.reading import Event, ms, read
from tests.sinks.impact_oracle import Alarm, Bought, Incident, Known, Played, Row, impact
from tests.sinks.impact_tables import EPOCH, shown

START_MS = 1_767_225_600_000
RATE, SECONDS = 400, 170
SERVER, KINDS, ONSET, UNTIL, RESOLVED, LINK, PLAYERS, QUIT, SILENT, CURRENCY = 2, 5, *range(7, 15)
MONEY = slice(14, 19)
ALARMS = "server_id, time, since, resolved_at, region, kind, severity, game_id"
INCIDENTS = "incident_id, servers, opened_at, last_alarm_at, resolved_at, kinds, severity, game_id"

pytestmark = pytest.mark.slow


@pytest.fixture
def client(clickhouse: RunningClickHouse) -> Iterator[Client]:
    user, password = WRITER
    server = settings.ClickHouse.model_validate(
        {"url": clickhouse.url, "database": clickhouse.database, "user": user, "password": password}
    )
    migrate(settings.Settings(clickhouse=server))
    with connect(server, server.database) as client:
        yield client


def test_a_planted_outage_is_named_with_server_players_and_revenue(client: Client) -> None:
    asked = Plan(3, START_MS, RATE, trouble=trouble("late,duplicate,malformed,outage"))
    run = PlantedOutage(asked, RATE * SECONDS)
    (outage,) = run.truth.world.servers.outages(START_MS + SECONDS * 1000)
    server = run.truth.world.servers.ids[outage.server]

    minute = read_on(run, client, outage.from_ms + 60_000)
    assert {(row[SERVER], row[LINK], row[RESOLVED]) for row in minute} == {(server, "server", None)}
    assert {row[PLAYERS] for row in minute} <= set(range(30, 60))
    assert all(row[-1] > Decimal(0) for row in minute if isinstance(row[-1], Decimal))

    rows = read_on(run, client, START_MS + 2 * SECONDS * 1000)
    onset, until = (int(str(rows[0][column])) for column in (ONSET, UNTIL))
    assert outage.from_ms - 1_100 < onset < outage.from_ms
    assert outage.to_ms <= until < outage.to_ms + 1_100
    assert run.truth.outages is not None
    harm = run.truth.outages.harm(Outage(outage.server, onset, until), until)
    counts = (len(harm.players), len(harm.left) + len(harm.silent), len(harm.silent))
    assert {(row[SERVER], row[RESOLVED], *row[PLAYERS : SILENT + 1]) for row in rows} == {
        (server, until, *counts)
    }
    assert {row[MONEY] for row in rows} == {
        money(currency, before, during, until - onset) for currency, (before, during) in harm.money.items()
    }
    assert min(counts) > 5
    assert len(rows) == 5


def money(currency: str, before: int, during: int, lasts_ms: int) -> Row:
    expected, actual = (Decimal(of).scaleb(-4) for of in (before * lasts_ms // 1_800_000, during))
    return currency, expected, actual, max(expected - actual, Decimal(0)), Decimal(2 * before).scaleb(-4)


def read_on(run: PlantedOutage, client: Client, before_ms: int) -> list[Row]:
    """Let the flows read what came before then; gives what the silence cost, as plain Python counts it."""
    for block in blocks(list(run.rows(before_ms))):
        insert(client, block)
    found = shown(client)
    assert found == impact(known(run, client, before_ms))
    return [row for row in found if "missed_heartbeat" in str(row[KINDS])]


def known(run: PlantedOutage, client: Client, before_ms: int) -> Known:
    """All that was sent by then, as its bytes say it, and the alarms and incidents that were told."""
    played = [
        Played(
            str(event["player_id"]), ms(event["timestamp"]), place, str(event["event_type"]),
            text(event, "server_id"), text(event, "session_id"), text(event, "region"),
            str(event.get("game_id", "")), came,
        )
        for place, (event, came) in enumerate(sent(run, PLAYER_EVENTS, before_ms))
    ]  # fmt: skip
    bought = [
        Bought(
            str(event["player_id"]), ms(event["purchase_timestamp"]), place,
            int(Decimal(str(event["price"])) * 10_000), str(event["currency"]), text(event, "event_id"),
            str(event.get("game_id", "")), came,
        )
        for place, (event, came) in enumerate(sent(run, PURCHASE_EVENTS, before_ms))
    ]  # fmt: skip
    samples = [ms(event["timestamp"]) for event, _ in sent(run, SERVER_METRICS, before_ms)]
    incidents = [msgspec.convert(row, Incident) for row in told(client, INCIDENTS, "server_incidents")]
    alarms = [msgspec.convert(row, Alarm) for row in told(client, ALARMS, "server_anomalies")]
    return Known(incidents, alarms, played, bought, samples)


def sent(run: PlantedOutage, topic: str, before_ms: int) -> Iterator[tuple[Event, int]]:
    """Give the events that came before then, and when each did."""
    for batch in run.sent[topic]:
        kinds, due_ms = batch.facts["kind"].to_list(), (batch.due_us // 1000).tolist()
        for value, kind, came in zip(batch.values, kinds, due_ms, strict=True):
            if kind in {GOOD, LATE, DUPLICATE} and came < before_ms:
                yield read(value), came


def text(event: Event, name: str) -> str | None:
    return str(event[name]) if name in event else None


def told(client: Client, columns: str, view: str) -> Iterator[list[object]]:
    for row in client.query(f"SELECT {columns} FROM {view}").result_rows:
        yield [plain(cell) for cell in row]


def plain(cell: object) -> object:
    if isinstance(cell, datetime):
        return (cell.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
    return tuple(cell) if isinstance(cell, list) else cell
