"""IMPACT: how long a SELECT on `server_impact` takes, by the incidents asked for.

`python -m bench.server_impact [--events N] [--purchases N]` starts a ClickHouse of its own, fills an hour
with player events of 20,000 players on 40 servers and with purchases, and plants ten incidents of two
servers each, two minutes apart, the last one open. Told are the quickest and the slowest of five SELECTs by
HTTP, and the engine's CPU for one, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from clickhouse_connect.driver.client import Client

from embedded.clickhouse import EmbeddedClickHouse
from settings import ClickHouse, Settings
from sinks.clickhouse_client import connect
from sinks.migrations import migrate

BEGIN, SERVERS, PLAYERS, INCIDENTS, ROUNDS = "2026-01-01 12:00:00", 40, 20_000, 10, 5
ASKED = {
    "the newest incident": "SELECT * FROM server_impact_since(since = '2026-01-01 12:47:00')",
    "all ten": "SELECT * FROM server_impact",
    "none": "SELECT * FROM server_impact_since(since = '2026-01-02 00:00:00')",
}
_AT = "toDateTime64({begin:String}, 3, 'UTC')"
_HOUR = f"""
    SELECT number, cityHash64(number) % {{players:UInt32}} AS who,
        {_AT} + toIntervalMillisecond(intDiv(number * 3600000, {{count:UInt64}})) AS at
    FROM numbers({{count:UInt64}})
"""
_EVENTS = f"""
INSERT INTO player_events_upserts (player_id, session_id, event_type, level_id, map_id, timestamp, event_id,
    region, server_id, log, topic, partition, offset, kafka_time)
SELECT concat('player_', toString(who)), concat('session_', toString(who)),
    if(number % 50 = 0, 'session_end', 'move'), 'level_01', 'map_01', at, concat('e', toString(number)), 'eu',
    concat('server_', toString(who % {{servers:UInt32}})), '0a1b2c3d', 'player-events', who % 4, number, at
FROM ({_HOUR})
"""
_PURCHASES = f"""
INSERT INTO purchase_events_upserts (player_id, item_id, price, currency, purchase_timestamp, ip_address,
    event_id, log, topic, partition, offset, kafka_time)
SELECT concat('player_', toString(who)), 'crate', 1.25, if(number % 2 = 0, 'EUR', 'USD'), at, '198.18.0.1',
    concat('p', toString(number)), '0a1b2c3d', 'purchase-events', who % 4, number, at
FROM ({_HOUR})
"""
_HURT = f"""
    SELECT number AS incident, {_AT} + toIntervalMinute(30 + 2 * number) AS at,
        if(number = {{incidents:UInt32}} - 1, NULL, at + toIntervalSecond(90)) AS solved,
        [concat('server_', toString(number)), concat('server_', toString(number + 10))] AS hurt
    FROM numbers({{incidents:UInt32}})
"""
_INCIDENTS = f"""
INSERT INTO server_incidents_upserts
    (incident_id, opened_at, last_alarm_at, resolved_at, severity, kinds, servers, version)
SELECT toString(incident), at + 3, at + 3, solved, 'critical', ['missed_heartbeat'], hurt, 1 FROM ({_HURT})
"""
_ALARMS = f"""
INSERT INTO server_anomalies_upserts
    (server_id, metric, time, since, severity, kind, anomaly_id, region, resolved_at, version)
SELECT arrayJoin(hurt) AS server, 'heartbeat', at + 3, at, 'critical', 'missed_heartbeat',
    concat(toString(incident), server), 'eu', solved, 1
FROM ({_HURT})
"""


def fill(client: Client, events: int, purchases: int) -> None:
    """Fill the tables."""
    given = {"begin": BEGIN, "servers": SERVERS, "players": PLAYERS, "incidents": INCIDENTS}
    for query, count in ((_EVENTS, events), (_PURCHASES, purchases), (_INCIDENTS, 0), (_ALARMS, 0)):
        client.command(query, parameters={**given, "count": count})


class Took(NamedTuple):
    """How long SELECTs took in seconds: the quickest, the slowest, and the engine's CPU for one."""

    quickest: float
    slowest: float
    cpu: float


def took(client: Client, query: str, engine: psutil.Process) -> Took:
    """Measure a few rounds."""
    found, before = [], sum(engine.cpu_times()[:2])
    for _ in range(ROUNDS):
        began = time.monotonic()
        client.query(query)
        found.append(time.monotonic() - began)
    return Took(min(found), max(found), (sum(engine.cpu_times()[:2]) - before) / ROUNDS)


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(prog="python -m bench.server_impact", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--purchases", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedClickHouse(Path(folder)) as engine:
        server = ClickHouse.model_validate({"url": engine.url, "user": engine.user, "password": ""})
        migrate(Settings(clickhouse=server))
        client = connect(server, server.database)
        fill(client, options.events, options.purchases)
        process = psutil.Process(engine.process.pid if engine.process else None)
        for name, query in ASKED.items():
            rows, found = client.query(query).row_count, took(client, query, process)
            print(
                f"{name}: {found.quickest:.2f} to {found.slowest:.2f} s, CPU {found.cpu:.2f} s, {rows} rows"
            )
        client.close()


if __name__ == "__main__":
    main()
