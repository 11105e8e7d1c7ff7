"""Precision by rule is what a hand would count: 50 labels over 40 alerts of 3 rule versions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

import settings
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from tests.clickhouse_fixture import WRITER, RunningClickHouse

LOG, BEGIN = "0a1b2c3d", datetime(2026, 1, 1, tzinfo=UTC)
RULES = (("fast", 1, False), ("fast", 2, False), ("dear", 1, True))
ALERTS, PURCHASES, LABELS = 40, 150, 50
ALERT = (
    "alert_id",
    "player_id",
    "rule_id",
    "rule_version",
    "shadow",
    "detected_at",
    "purchases",
    "evidence",
    "version",
)
BOUGHT = ("player_id", "purchase_timestamp", "transaction_id", "log", "partition", "offset", "kafka_time")
LABEL = (
    "player_id",
    "fraud",
    "log",
    "partition",
    "offset",
    "transaction_id",
    "alert_id",
    "record_offset",
    "kafka_time",
)


@pytest.fixture
def client(clickhouse: RunningClickHouse) -> Iterator[Client]:
    user, password = WRITER
    server = settings.ClickHouse.model_validate(
        {"url": clickhouse.url, "database": clickhouse.database, "user": user, "password": password}
    )
    migrate(settings.Settings(clickhouse=server))
    with connect(server, server.database) as client:
        yield client


@dataclass
class Truth:
    """Alerts by id: rule, day and purchases (by offset); and what the latest label of a purchase says."""

    alerts: dict[str, tuple[tuple[str, int, bool], datetime, list[int]]] = field(default_factory=dict)
    said: dict[int, bool] = field(default_factory=dict)

    def counted(self) -> dict[tuple[str, int, bool], Counter[str]]:
        """Count by hand."""
        found: dict[tuple[str, int, bool], Counter[str]] = {rule: Counter() for rule in RULES}
        for rule, _, bought in self.alerts.values():
            known = [self.said[offset] for offset in bought if offset in self.said]
            label = "none" if not known else "fraud" if any(known) else "honest"
            found[rule] += Counter({"alerts": 1, "hits": len(bought), label: 1})
        return found


def player(offset: int) -> str:
    return f"p{offset % 6}"


def place(offset: int) -> dict[str, Any]:
    return {"log": LOG, "partition": offset % 2, "offset": offset}


def filled(client: Client) -> Truth:
    """Make alerts and labels that name their purchases by place, by transaction or by alert."""
    random, truth = Random(7), Truth()
    rows = [(player(n), BEGIN, f"t{n}", *place(n).values(), BEGIN) for n in range(PURCHASES)]
    client.insert("purchase_events_upserts", rows, column_names=BOUGHT)
    alerts = []
    for n in range(ALERTS):
        rule, day = random.choice(RULES), BEGIN + timedelta(days=n % 3)
        mine = [offset for offset in range(PURCHASES) if player(offset) == player(n)]
        bought = sorted(random.sample(mine, random.randint(1, 3)))
        truth.alerts[f"a{n}"] = rule, day, bought
        evidence = json.dumps([place(offset) for offset in bought])
        alerts.append((f"a{n}", player(n), *rule, day, len(bought), evidence, 2))
        alerts.append((f"a{n}", player(n), *rule, day, 1, "[]", 1))  # as it was before
    client.insert("fraud_alerts_upserts", alerts, column_names=ALERT)
    labels = []
    for n in range(LABELS):
        offset, alert, fraud = (
            random.randrange(PURCHASES),
            f"a{random.randrange(ALERTS)}",
            random.random() < 0.4,
        )
        by = random.choice(["place", "place", "transaction", "alert"])
        meant = truth.alerts[alert][2] if by == "alert" else [offset]
        truth.said |= dict.fromkeys(meant, fraud)
        named = tuple(place(offset).values()) if by == "place" else (None, None, None)
        other = (f"t{offset}" if by == "transaction" else None, alert if by != "transaction" else None)
        labels.append((player(meant[0]), fraud, *named, *other, n, BEGIN + timedelta(days=9, seconds=n // 5)))
    random.shuffle(labels)
    client.insert("fraud_labels_upserts", labels, column_names=LABEL)
    return truth


def test_precision_by_rule_is_what_a_hand_counts(client: Client) -> None:
    truth = filled(client)
    found = client.query("SELECT * FROM fraud_rule_quality ORDER BY rule_id, rule_version").named_results()
    shown = {(of["rule_id"], of["rule_version"], of["shadow"]): of for of in found}
    right = truth.counted()
    assert shown.keys() == right.keys()
    for rule, of in shown.items():
        count = right[rule]
        labelled = count["fraud"] + count["honest"]
        assert 0 < count["fraud"] < labelled < count["alerts"]
        assert {name: of[name] for name in ("alerts", "hits", "labelled", "fraud", "honest")} == {
            **{name: count[name] for name in ("alerts", "hits", "fraud", "honest")},
            "labelled": labelled,
        }
        assert of["precision"] == count["fraud"] / labelled
    days = client.query(
        "SELECT day, sum(alerts), sum(labelled) FROM fraud_rule_quality_by_day GROUP BY day ORDER BY day"
    ).result_rows
    assert [day for day, *_ in days] == [(BEGIN + timedelta(days=n)).date() for n in range(3)]
    assert sum(alerts for _, alerts, _ in days) == ALERTS
    cases = client.query("SELECT label, count() FROM fraud_cases GROUP BY label").result_rows
    total = sum(right.values(), Counter[str]())
    shown_cases = {str(label): count for label, count in cases}
    assert shown_cases == {"fraud": total["fraud"], "honest": total["honest"], "": total["none"]}


def test_a_rule_that_nobody_labelled_has_no_precision(client: Client) -> None:
    client.insert("fraud_alerts_upserts", [("a1", "p1", *RULES[0], BEGIN, 1, "[]", 1)], column_names=ALERT)
    assert client.query("SELECT labelled, precision FROM fraud_rule_quality").result_rows == [(0, None)]
