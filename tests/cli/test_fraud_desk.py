"""A day at the fraud team's desk, by its commands, on a real Kafka and ClickHouse."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import settings
from cli.app import app
from tests.flow_fixture import World, until
from topics.errors import BadInput
from verify.logs import read_back, write
from verify.troubled import Sent

TOPIC, LABELS = "purchase-events", "fraud-labels"
RULE = {
    "id": "t_dear",
    "version": 1,
    "when": "price > 90",
    "decision": "block",
    "owner": "x",
    "description": "y",
}
START_MS = 1_767_225_600_000
BOUGHT = (("p1", 95, "t0"), ("p1", 96, "t1"), ("p2", 99, "t2"), ("p3", 5, "t3"), ("p\x1b[2J", 97, "t4"))

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Purchases, three of whose players have an alert; commands of this process find the services."""
    kafka = world.kafka.bootstrap_servers
    write(kafka, "fraud-rules", [Sent(0, b"t_dear:1", json.dumps(RULE).encode())])
    live_ms = max(of.arrived_ms for of in read_back(kafka, "fraud-rules")) + 1_000
    until(lambda: time.time() * 1_000 > live_ms)
    events = [
        {"player_id": player, "item_id": "i1", "price": price, "currency": "EUR", "ip_address": "10.0.0.1",
         "game_id": "g", "transaction_id": bought, "purchase_timestamp": START_MS + n * 60_000}
        for n, (player, price, bought) in enumerate(BOUGHT)
    ]  # fmt: skip
    write(kafka, TOPIC, [Sent(1, b"k", json.dumps(of).encode()) for of in events])
    drain(world, "fraud", "archive")
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    settings.load.cache_clear()
    yield world
    settings.load.cache_clear()


def drain(world: World, *flows: str) -> None:
    ended = world.run("-m", "cli", "run", *flows, "--drain")
    assert (ended.returncode, ended.stderr) == (0, "")


def asked(*words: str) -> Result:
    return CliRunner().invoke(app, ["fraud", *words], standalone_mode=False, catch_exceptions=True)


def said(*words: str) -> str:
    """What a command prints that must succeed."""
    result = asked(*words)
    assert (result.exception, result.return_value or 0) == (None, 0), result
    return result.stdout


def cases(*words: str) -> dict[str, dict[str, Any]]:
    """Cases of the test's rule, by player."""
    found = json.loads(said("cases", "--json", "--rule", "t_dear:1", *words))["cases"]
    return {of["player_id"]: of for of in found}


def labels(world: World) -> list[dict[str, Any]]:
    return [json.loads(of.value or b"") for of in read_back(world.kafka.bootstrap_servers, LABELS)]


def test_a_day_at_the_desk(shop: World) -> None:
    what_makes_no_sense_is_refused_in_a_line(shop)
    a_case_is_looked_at_closed_and_counted(shop)
    a_closed_case_opens_when_a_purchase_joins_and_false_evidence_is_seen(shop)


def a_case_is_looked_at_closed_and_counted(shop: World) -> None:
    found = cases()
    assert {of: found[of]["purchases"] for of in found} == {"p1": 2, "p2": 1, "p\x1b[2J": 1}
    told = said("show", found["p1"]["alert_id"][:12])
    assert f"judged again from its evidence: same score {found['p1']['score']:g}\n" in told
    assert "price = 95   against 90" in told
    assert "\x1b" not in said("show", found["p\x1b[2J"]["alert_id"]) + said("cases")

    closed = said("close", found["p1"]["alert_id"], "--fraud", "--by", "mia", "--reason", "card owner")
    assert closed == f"{found['p1']['alert_id']} is closed; 2 purchases labelled fraud\n"
    (log,) = {of["log"] for of in labels(shop)}
    first = {
        "player_id": "p1", "fraud": True, "alert_id": found["p1"]["alert_id"], "log": log, "topic": TOPIC,
        "partition": 1, "offset": 0, "item_id": "i1", "game_id": "g", "currency": "EUR",
        "purchase_timestamp": "2026-01-01T00:00:00.000Z", "labelled_by": "mia", "reason": "card owner",
    }  # fmt: skip
    assert labels(shop) == [first, first | {"offset": 1, "purchase_timestamp": "2026-01-01T00:01:00.000Z"}]

    chargebacks = shop.folder / "chargebacks.csv"
    chargebacks.write_text("transaction_id,fraud,player_id\nt2,no,\nt9,yes,\nt8,yes,p8\n")
    refused = asked("label", "--file", str(chargebacks), "--by", "bank").exception
    assert isinstance(refused, BadInput)
    assert str(refused).startswith("1 of 3 lines name no purchase (line 3: t9 is not in the archive")
    assert str(refused).endswith("2 purchases labelled as told")
    said("label", "--purchase", f"{TOPIC}:1:4", "--fraud")
    drain(shop, "archive")

    known = {
        of: (found["state"], found["label"], found["labelled_by"]) for of, found in cases("--all").items()
    }
    assert known["p1"] == ("closed", "fraud", "mia")
    assert known["p2"] == ("open", "honest", "bank")
    assert known["p\x1b[2J"][:2] == ("open", "fraud")
    assert "p1" not in cases()
    quality = json.loads(said("rules-quality", "--json"))["rules"]
    (mine,) = [of for of in quality if of["rule_id"] == "t_dear"]
    assert (mine["alerts"], mine["hits"], mine["labelled"], mine["fraud"]) == (3, 4, 3, 2)
    assert mine["precision"] == 2 / 3
    assert said("label", found["p1"]["alert_id"], "--fraud") == "2 purchases had that label already\n"
    corrected = said("label", "--purchase", f"{log}:{TOPIC}:1:0", "--honest")
    assert corrected == "1 purchase labelled honest\n"


def a_closed_case_opens_when_a_purchase_joins_and_false_evidence_is_seen(shop: World) -> None:
    alert = cases("--all")["p1"]["alert_id"]
    said("close", alert, "--honest")
    assert cases("--all")["p1"]["state"] == "closed"
    said("reopen", alert)
    assert said("assign", alert, "zoe") == f"{alert} is given to zoe\n"
    assert (cases()["p1"]["state"], cases()["p1"]["assigned_to"]) == ("open", "zoe")
    said("close", alert, "--fraud")
    change(shop, alert, "purchases", "3")
    assert cases()["p1"]["state"] == "open"

    change(shop, alert, "evidence", """replaceOne(evidence, '"price":95.0', '"price":9.5')""")
    result = asked("show", alert)
    assert result.return_value == 1
    different = "judged again from its evidence: DIFFERENT: 1 of 2 purchases: rule t_dear:1 does not hold"
    assert different in result.stdout
    change(shop, alert, "evidence", """replaceAll(evidence, 't_dear:1', 't_gone:7')""")
    assert "rule t_gone:7 is known no more" in asked("show", alert).stdout


def what_makes_no_sense_is_refused_in_a_line(shop: World) -> None:
    for words, told in (
        (("label", "--fraud"), "say what to label"),
        (("label", "abcdef"), "--fraud or --honest"),
        (("show", "abcdef"), "there is no alert abcdef"),
        (("show", "x"), "'x' is no alert"),
        (("label", "--purchase", "player-events:0:1", "--fraud"), "is no place of a purchase"),
        (("label", "--purchase", f"{TOPIC}:3:9", "--fraud"), "the archive has no purchase at"),
        (("snooze", "p1", "t_dear:1", "--for", "1d"), "all versions of a rule: say t_dear"),
        (("snooze", "p1", "t_dear", "--for", "ever"), "--for must be a span"),
    ):
        refused = asked(*words).exception
        assert isinstance(refused, BadInput), words
        assert told in str(refused)
    assert labels(shop) == []


def change(world: World, alert_id: str, column: str, to: str) -> None:
    """Write an alert's row anew with one column changed."""
    with world.client() as client:
        client.command(
            f"INSERT INTO fraud_alerts_upserts SELECT * REPLACE ({to} AS {column}, version + 1 AS version) "
            "FROM fraud_alerts_upserts FINAL WHERE alert_id = {id:String}",
            parameters={"id": alert_id},
        )
