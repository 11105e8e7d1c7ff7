"""Alert rules as Grafana evaluates them: each query, as the reader, then the expression over equal labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import yaml
from clickhouse_connect.driver.client import Client

from embedded.process import ROOT

RULES = ROOT / "grafana/provisioning/alerting/slos.yaml"
CONDITION = re.compile(r"\$([A-Z]) > ([0-9.]+)")
Rule = dict[str, Any]
Labels = tuple[tuple[str, str], ...]


def rules() -> dict[str, Rule]:
    """Give the committed rules by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["uid"]: rule for group in groups for rule in group["rules"]}


def queries(rule: Rule) -> dict[str, str]:
    return {of["refId"]: of["model"]["rawSql"] for of in rule["data"] if "rawSql" in of["model"]}


def firing(reader: Client, rule: Rule) -> set[str]:
    """Give the games for which a rule fires now."""
    (expression,) = [of["model"] for of in rule["data"] if of["refId"] == rule["condition"]]
    terms = CONDITION.findall(expression["expression"])
    assert expression["type"] == "math"
    assert " && ".join(f"${name} > {limit}" for name, limit in terms) == expression["expression"]
    asked = {name: numbers(reader, sql) for name, sql in queries(rule).items()}
    assert sorted(name for name, _ in terms) == sorted(asked)
    over = [{of for of, value in asked[name].items() if value > float(limit)} for name, limit in terms]
    return {dict(labels).get("game_id", "") for labels in set.intersection(*over)}


def numbers(reader: Client, sql: str) -> dict[Labels, float]:
    """Read a table as Grafana's alerting does: one numeric column, and strings, which are labels."""
    found = reader.query(sql)
    rows: Sequence[Sequence[object]] = found.result_rows
    kinds = sorted(str(kind.base_type) for kind in found.column_types)
    assert not rows or kinds in (["Float64"], ["Float64", "String"])
    names = found.column_names
    answer: dict[Labels, float] = {}
    for row in rows:
        (value,) = [of for of in row if isinstance(of, float)]
        labels = tuple((name, of) for name, of in zip(names, row, strict=True) if isinstance(of, str))
        assert labels not in answer
        answer[labels] = value
    return answer


def panel_sql(raw: str, begin: datetime, end: datetime) -> str:
    """Expand the macros that our panels use, as the plugin's backend does."""
    times = {"$__fromTime": begin, "$__toTime": end}
    for macro, time in times.items():
        raw = raw.replace(macro, f"toDateTime({int(time.timestamp())})")
    assert "$" not in raw
    return raw
