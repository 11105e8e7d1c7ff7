"""A backtest of rules that were live finds what the flow logged, alert by alert, kills and all."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from flows.fraud_stored import Stored
from sources.stored_purchases import StoredPurchases
from tests.flow_fixture import World, until
from tests.flows.test_fraud import DRAIN, FLOW, PURCHASES, RULES, START_MS, TOPIC, traffic
from verify.logs import read_back, write
from verify.troubled import Sent
from windows.plan import NO_WINDOW_S, Plan

BACKTEST = ("-m", "cli", "rules", "backtest")
ARCHIVE = ("-m", "cli", "run", "archive", "--drain")
SPANS = {
    "id": "t_shared",
    "version": 1,
    "when": "ip_players_10m >= 4",
    "decision": "review",
    "suppress_s": 60,
}
SPENT = {
    "id": "t_spent",
    "version": 1,
    "when": "player_spend_24h > 900",
    "decision": "block",
    "suppress_s": 300,
}
OTHER = {"id": "t_dear", "version": 2, "when": "price > 95", "decision": "block", "suppress_s": 600}
PARDON = {"id": "t_pardon", "version": 1, "when": "price < 90 and item_id == 'i1'", "decision": "allow"}
ALL = (*RULES, SPANS, SPENT)
OF_PLAYERS = ("t_burst:1", "t_dear:1", "t_shadow:2", "t_spent:1")
LIVE = """
SELECT alert_id, toUnixTimestamp64Milli(first_event_time), purchases, score, evidence FROM fraud_alerts
WHERE startsWith(rule_id, 't_') AND rule_id != 't_shared' ORDER BY alert_id
"""
LOST = """
ALTER TABLE fraud_alerts_upserts DELETE WHERE rule_id = 't_burst' AND purchases > 3
SETTINGS mutations_sync = 1
"""
FRAUDS = ("p1", "p2")
IDLE = """
INSERT INTO late_events_upserts
SELECT 'fraud', 0, `log`, topic, `partition`, max(`offset`), now(), now(), 'idle', '', 1 FROM purchase_events
WHERE event_id NOT IN (SELECT event_id FROM purchase_events GROUP BY event_id HAVING count() > 1)
    AND purchase_timestamp >= '2026-01-01 01:30:00' AND `partition` = 3
GROUP BY `log`, topic, `partition`
"""
LABELS = """
INSERT INTO fraud_labels_upserts (player_id, fraud, `log`, `partition`, `offset`, extra,
    record_log, record_topic, record_partition, record_offset, kafka_time)
SELECT player_id, player_id IN ('p1', 'p2'), `log`, `partition`, `offset`, '',
    '', '', `partition`, `offset`, now()
FROM purchase_events WHERE price > 95
"""

pytestmark = pytest.mark.slow


def moment(ms: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def live_for_a_while(world: World) -> float:
    """Let the flow judge, be killed, and go on; gives from when on the rules were live."""
    kafka = world.kafka.bootstrap_servers
    write(kafka, TOPIC, traffic(1, START_MS))  # history: nothing of it is judged by these rules
    rules = [(f"{rule['id']}:{rule['version']}".encode(), json.dumps(rule).encode()) for rule in ALL]
    write(kafka, "fraud-rules", [Sent(0, key, value) for key, value in rules])
    live_from_ms = max(of.arrived_ms for of in read_back(kafka, "fraud-rules")) + 1_000
    until(lambda: time.time() * 1_000 > live_from_ms)
    write(kafka, TOPIC, traffic(2, START_MS + PURCHASES * 2_000))
    with world.started(*FLOW, GAMEWAX_RECOVERY__EPOCH_S="0.5") as flow:
        until(lambda: int(str(world.ask("SELECT sum(read) FROM accounting")[0][0])) > PURCHASES)
        flow.kill()
    write(kafka, TOPIC, traffic(3, START_MS + 2 * PURCHASES * 2_000))
    for words in (DRAIN, ARCHIVE):
        ended = world.run(*words)
        assert (ended.returncode, ended.stderr) == (0, "")
    return live_from_ms


def test_what_was_live_is_found_alert_by_alert(world: World) -> None:
    live_from_ms = live_for_a_while(world)
    rules, out = world.folder / "rules.yaml", world.folder / "alerts.ndjson"
    rules.write_text(json.dumps(ALL))
    times = ("--from", moment(live_from_ms), "--to", moment(time.time() * 1_000 + 60_000))

    ended = world.run(*BACKTEST, str(rules), *times, "--out", str(out), "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    found: dict[str, Any] = json.loads(ended.stdout)
    assert {
        of["rule"]: of["verdict"] for of in found["compared"] if of["rule"] in OF_PLAYERS
    } == dict.fromkeys(OF_PLAYERS, "equal")
    made = [json.loads(line) for line in out.read_text().splitlines()]
    mine = {of["alert_id"]: of for of in made if of["rule_id"] != "t_shared"}
    live = {str(row[0]): row for row in world.ask(LIVE)}
    assert live.keys() == mine.keys()
    for name, (_, first_ms, purchases, _, evidence) in live.items():
        places = [(of["partition"], of["offset"]) for of in json.loads(str(evidence))]
        assert [(of["partition"], of["offset"]) for of in mine[name]["evidence"]] == places
        assert (moment_of(mine[name]["first_event_time"]), mine[name]["purchases"]) == (first_ms, purchases)
    assert min(found["duplicates"], found["late"]) > 0
    books = world.ask("SELECT sum(duplicates), sum(late) FROM accounting WHERE flow = 'fraud'")
    assert books == [(found["duplicates"], found["late"])]

    good = goods(world, live_from_ms, 10**12)
    assert goods(world, live_from_ms, 0) == good

    with world.client() as client:
        client.command(IDLE)
        left = goods(world, live_from_ms, 0)
        assert sorted(set(good) - set(left)) == [max(good)]
        client.command(LABELS)
        tried = json.loads(world.run("-m", "cli", "rules", "shadow", "t_shadow", "--json").stdout)["versions"]
        shadow = [of for of in made if of["rule_id"] == "t_shadow"]
        assert (tried[0]["version"], tried[0]["alerts"]) == ("t_shadow:2", len(shadow))
        assert tried[0]["purchases"] == sum(of["purchases"] for of in shadow)
        assert tried[0]["covered"] == sum(is_covered(of, made) for of in shadow)
        client.command(LOST)
    rules.write_text(json.dumps([OTHER, ALL[0], PARDON]))
    ended = world.run(*BACKTEST, str(rules), *times, "--json")
    tried = json.loads(ended.stdout)
    burst, other, pardon, replaced = tried["rules"]
    assert (pardon["rule"], pardon["alerts"]) == ("t_pardon", 0)
    assert tried["other_alerts_beside"] < tried["other_alerts"]
    assert (other["rule"], other["version"], replaced["version"], replaced["live"]) == ("t_dear", 2, 1, True)
    assert other["alerts"] == other["also_live"] == other["labelled"] < replaced["alerts"]
    frauds = [of for of in made if of["rule_id"] == "t_dear" and of["player_id"] in FRAUDS]
    frauds = [of for of in frauds if any(it["features"]["price"] > 95 for it in of["evidence"])]
    assert (other["fraud"], other["recall"]) == (len(frauds), 1)
    assert 0 < burst["recall"] < 1
    assert (ended.returncode, tried["compared"][0]["verdict"]) == (1, "FALLS SHORT")


def goods(world: World, from_ms: float, back_ms: int) -> list[tuple[int, ...]]:
    """Name the good purchases since a time, as they are judged with so much history."""
    with world.client() as client:
        table = StoredPurchases(client, piece_rows=500)
        stretches = table.stretches(int(from_ms), time.time_ns() // 1_000_000 + 60_000, back_ms)
        assert all((of.begin > of.low) == (back_ms == 0) for of in stretches)
        stored = Stored(table, Plan("fraud", (), (NO_WINDOW_S,)), stretches)
        frames = [stored.good(piece) for piece in table.pieces(stretches)]
    assert len(frames) > 2
    return list(pl.concat(frames).filter("judged").select("partition", "offset", "place").iter_rows())


def is_covered(alert: dict[str, Any], made: list[dict[str, Any]]) -> bool:
    """Tell whether a live rule hit the player within the hour of an alert of `t_shadow`."""
    begin_ms = moment_of(alert["window_start"])
    return any(
        begin_ms <= hit["time_ms"] < begin_ms + 3_600_000
        for of in made
        if of["player_id"] == alert["player_id"] and not of["shadow"]
        for hit in of["evidence"]
    )


def moment_of(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)
