"""Alert rules of Grafana, as its file provisioning reads them (`grafana/provisioning/alerting`).

Rules:
- A query gives a table of `game_id` and one number, so each game is an alert of its own; the last step is an
  expression over them. `$A` needs no escape: Grafana replaces no variables in models and annotations.
- Where a query finds nothing, nothing is wrong. Where it fails, the alert keeps its state, and the one rule
  of `grafana.server_rules` that watches the watching fires instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

PLACE = Path(__file__).parent / "alerting.yaml"
PLUGIN, EXPRESSION = "grafana-clickhouse-datasource", "__expr__"
VERSION = "4.20.0"
TABLE = 1  # the plugin's number for the format


class Alerting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What rules point to: a datasource's uid, Grafana's folder, where runbooks are read."""

    datasource: str
    folder: str
    runbooks: str


@dataclass(frozen=True, slots=True)
class Query:
    """One SQL query of a rule, and how many seconds it looks back (which Grafana wants to know)."""

    sql: str
    back_s: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule: it fires for each game for which all its queries, $A, $B, …, give more than `above`."""

    name: str
    title: str
    queries: tuple[Query, ...]
    above: float
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    wait: str = "0s"
    when_failing: str = "KeepLast"

    @property
    def condition(self) -> str:
        """The expression that Grafana evaluates."""
        return " && ".join(f"${name} > {self.above:g}" for name in self.names)

    @property
    def names(self) -> list[str]:
        """What Grafana calls the queries: A, B, …."""
        return [chr(ord("A") + number) for number in range(len(self.queries))]

    def fires(self, found: Sequence[Mapping[str, float]]) -> list[str]:
        """Give the games for which it fires, from each query's number by game."""
        return sorted(game for game in found[0] if all(of.get(game, 0) > self.above for of in found))


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other, each `every`."""

    name: str
    every: str
    rules: Sequence[Rule]


def read_alerting() -> Alerting:
    """Read what rules point to."""
    return msgspec.convert(yaml.safe_load(PLACE.read_text(encoding="utf-8")), Alerting)


def provisioned(groups: Sequence[Group], alerting: Alerting) -> dict[str, object]:
    """Give the groups as Grafana's provisioning reads them."""
    told = [
        {
            "orgId": 1,
            "name": group.name,
            "folder": alerting.folder,
            "interval": group.every,
            "rules": [_rule(rule, alerting) for rule in group.rules],
        }
        for group in groups
    ]
    return {"apiVersion": 1, "groups": told}


def _rule(rule: Rule, alerting: Alerting) -> dict[str, object]:
    data = [
        _query(name, query, alerting.datasource) for name, query in zip(rule.names, rule.queries, strict=True)
    ]
    return {
        "uid": rule.name,
        "title": rule.title,
        "condition": "Z",
        "data": [*data, _expression("Z", rule.condition)],
        "for": rule.wait,
        "noDataState": "OK",
        "execErrState": rule.when_failing,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations) | {"runbook_url": f"{alerting.runbooks}{rule.name}.md"},
    }


def _query(name: str, query: Query, datasource: str) -> dict[str, object]:
    return {
        "refId": name,
        "datasourceUid": datasource,
        "relativeTimeRange": {"from": query.back_s, "to": 0},
        "model": {
            "refId": name,
            "datasource": {"type": PLUGIN, "uid": datasource},
            "pluginVersion": VERSION,
            "editorType": "sql",
            "queryType": "table",
            "format": TABLE,
            "rawSql": query.sql,
        },
    }


def _expression(name: str, condition: str) -> dict[str, object]:
    return {
        "refId": name,
        "datasourceUid": EXPRESSION,
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {
            "refId": name,
            "datasource": {"type": EXPRESSION, "uid": EXPRESSION},
            "type": "math",
            "expression": condition,
        },
    }
