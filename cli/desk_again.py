"""Alerts judged again from their own evidence: by the rules that judged them then, whatever is live now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cli.desk_alerts import Alert
from models.fraud_alert import Evidence
from models.fraud_rule import MODEL, Rule
from models.fraud_verdict import Thresholds, re_evaluate


@dataclass(frozen=True, slots=True)
class Judged:
    """One purchase: its score then and now, and what keeps it from the same (empty: nothing)."""

    evidence: Evidence
    score: float | None
    wrong: str = ""


def judged_again(alert: Alert, rules: Mapping[str, Rule], thresholds: Thresholds) -> list[Judged]:
    """Judge all evidence of an alert; `rules` are all that are known, by `id:version`."""
    return [_judged(alert, of, rules, thresholds) for of in alert.evidence]


def verdict(alert: Alert, judged: list[Judged]) -> str:
    """Say what is different; empty when every purchase has the score that it had."""
    wrong = [of for of in judged if of.wrong]
    if wrong:
        return f"{len(wrong)} of {len(judged)} purchases: {wrong[0].wrong}"
    highest = max((of.score or 0.0 for of in judged), default=0.0)
    whole = alert.purchases <= len(judged)
    if highest > alert.score or (whole and highest != alert.score):
        return f"the alert's score is {alert.score:g} and its evidence gives {highest:g}"
    return ""


def _judged(alert: Alert, of: Evidence, rules: Mapping[str, Rule], thresholds: Thresholds) -> Judged:
    gone = [name for name in of.rules if name not in rules and not name.startswith(f"{MODEL}:")]
    if gone:
        return Judged(of, None, f"rule {gone[0]} is known no more, so nobody can judge by it")
    score = _score(alert, of, rules, thresholds)
    if score is None:
        return Judged(of, None, f"rule {alert.rule_id}:{alert.rule_version} does not hold on its features")
    return Judged(of, score, "" if score == of.score else f"its score was {of.score:g} and is {score:g}")


def _score(alert: Alert, of: Evidence, rules: Mapping[str, Rule], thresholds: Thresholds) -> float | None:
    """Give the score by which the purchase belongs to the alert; None when it does not."""
    if alert.rule_id == MODEL and alert.shadow:  # on trial it stands alone
        return None if of.model_score is None else round(of.model_score, 9)
    found = re_evaluate(msgspec.to_builtins(of), rules.values(), thresholds)
    if alert.rule_id == MODEL:
        return found.score
    name = f"{alert.rule_id}:{alert.rule_version}"
    return next((hit.outcome.score for hit in found.hits if hit.name == name), None)
