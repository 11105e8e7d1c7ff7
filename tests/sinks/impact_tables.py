"""Puts what a test knows into the tables behind `server_impact`, and reads the view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from clickhouse_connect.driver.client import Client

from tests.sinks.impact_oracle import Alarm, Bought, Incident, Known, Played, Row

LOG = "0a1b2c3d"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ARRIVES_MS = 400  # after it happened, where a test does not say
TABLES = ("player_events", "purchase_events", "server_metrics", "server_anomalies", "server_incidents")
PLACE = ("log", "partition", "offset", "kafka_time")


def fill(client: Client, known: Known) -> None:
    """Insert all of it."""
    samples = (("s", 1, 1, 1, moment(at), *_place(at, at, None)) for at in known.samples)
    rows: tuple[tuple[Sequence[str], Iterable[Iterable[object]]], ...] = (
        (PLAYED, map(_played, known.played)),
        (BOUGHT, map(_bought, known.bought)),
        (SAMPLED, samples),
        (ALARMED, map(_alarm, known.alarms)),
        (OPENED, map(_incident, known.incidents)),
    )
    for table, (columns, some) in zip(TABLES, rows, strict=True):
        found = [tuple(row) for row in some]
        if found:
            client.insert(f"{table}_upserts", found, column_names=columns)


def shown(client: Client, since: int | None = None) -> set[Row]:
    """Read the view, or its part since a moment (epoch ms)."""
    if since is None:
        rows = client.query("SELECT * FROM server_impact").result_rows
    else:
        asked = "SELECT * FROM server_impact_since(since = {since:String})"
        rows = client.query(asked, parameters={"since": f"{moment(since):%F %T.%f}"[:-3]}).result_rows
    return set(map(_plain, rows))


def moment(ms: int) -> datetime:
    """Give an epoch ms as the driver takes it."""
    return EPOCH + timedelta(milliseconds=ms)


def _plain(row: Sequence[object]) -> Row:
    return tuple(
        (cell.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
        if isinstance(cell, datetime)
        else tuple(cell)
        if isinstance(cell, list)
        else cell
        for cell in row
    )


PLAYED = ("player_id", "session_id", "event_type", "timestamp", "game_id", "region", "server_id", *PLACE)
BOUGHT = ("player_id", "item_id", "price", "currency", "purchase_timestamp", "event_id", "game_id", *PLACE)
SAMPLED = ("server_id", "cpu_load", "memory_usage", "latency", "timestamp", *PLACE)
ALARMED = (
    *("game_id", "server_id", "metric", "time", "since", "severity", "kind", "anomaly_id", "region"),
    *("resolved_at", "version"),
)
OPENED = (
    *("game_id", "incident_id", "opened_at", "last_alarm_at", "resolved_at", "severity", "kinds"),
    *("servers", "version"),
)


def _place(offset: int, at: int, came: int | None) -> tuple[object, ...]:
    return LOG, 0, offset, moment(at + ARRIVES_MS if came is None else came)


def _played(of: Played) -> tuple[object, ...]:
    place = _place(of.offset, of.at, of.came)
    return of.player, of.session, of.kind, moment(of.at), of.game, of.region, of.server, *place


def _bought(of: Bought) -> tuple[object, ...]:
    price = Decimal(of.units).scaleb(-4)
    place = _place(of.offset, of.at, of.came)
    return of.player, "i", price, of.currency, moment(of.at), of.event_id, of.game, *place


def _alarm(of: Alarm) -> tuple[object, ...]:
    name = f"{of.game} {of.server} {of.kind} {of.time}"
    resolved = None if of.resolved is None else moment(of.resolved)
    told = 1 if of.resolved is None else 2
    times = (moment(of.time), moment(of.since))
    return of.game, of.server, "heartbeat", *times, of.severity, of.kind, name, of.region, resolved, told


def _incident(of: Incident) -> Iterable[object]:
    resolved = None if of.resolved is None else moment(of.resolved)
    times = (moment(of.opened), moment(of.last_alarm), resolved)
    told = 1 if of.resolved is None else 2
    return of.game, of.name, *times, of.severity, list(of.kinds), list(of.servers), told
