"""Rules and a model together, as the flow judges: what each finds, its reasons, its evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_alert import Evidence, messages_of
from models.fraud_columns import Value
from models.fraud_expression import Reason, compile_expression
from models.fraud_judging import Judging
from models.fraud_rule import Rule
from models.fraud_suspicion import Origin
from models.fraud_verdict import re_evaluate

ORIGIN = Origin("0a1b2c3d", "purchase-events", 2)
FEATURES = pl.DataFrame({"price": [1.0, 5.0, 50.0, 9.0], "since_last_purchase_s": [None, 1.0, 2.0, None]})
PURCHASES = pl.DataFrame(
    {
        "game_id": ["", "", "dragons", ""],
        "player_id": ["a", "b", "c", "d"],
        "event_time": [1_700_000_000_000] * 4,
        "kafka_time_ms": [1_700_000_000_500] * 4,
        "offset": [7, 8, 9, 11],
    }
)


@dataclass
class Scorer:
    """Knows a probability for each price."""

    known: Mapping[float, float]
    version: int = 4
    name: str = "fraud"
    threshold: float = 0.6
    features: tuple[str, ...] = ("price", "since_last_purchase_s")

    def score(self, features: pl.DataFrame) -> npt.NDArray[np.float64]:
        return np.array([self.known.get(price, 0.01) for price in features["price"].to_list()])

    def reasons(self, values: Mapping[str, Value]) -> list[Reason]:
        return [Reason("price", values["price"], 3.5)]


def rule(rule_id: str, when: str, **more: object) -> Rule:
    types = {"price": "number", "since_last_purchase_s": "number"}
    expression = compile_expression(when, types)  # type: ignore[arg-type]
    return Rule(id=rule_id, version=1, when=expression, **more)  # type: ignore[arg-type]


def judging(**more: Scorer) -> Judging:
    made = Judging(**more)  # type: ignore[arg-type]
    made.book.add(rule("dear", "price > 40", decision="review"))
    made.book.add(rule("tried", "price < 6", decision="block", shadow=True))
    return made


def test_without_a_model_rules_judge_alone() -> None:
    found = judging().suspicions(FEATURES, PURCHASES, ORIGIN)
    assert [(of.player_id, of.rule_id, of.shadow, of.model_version) for of in found] == [
        ("a", "tried", True, ""),
        ("b", "tried", True, ""),
        ("c", "dear", False, ""),
    ]
    assert found[2].evidence.model_score is None


def test_a_model_finds_what_no_rule_does_and_says_why() -> None:
    judged = judging(model=Scorer({9.0: 0.7, 50.0: 0.4}))
    found = {(of.player_id, of.rule_id): of for of in judged.suspicions(FEATURES, PURCHASES, ORIGIN)}
    mine, ruled = found["d", "model"], found["c", "dear"]
    assert (mine.rule_version, mine.decision, mine.model_version) == (4, "review", "fraud:4")
    assert mine.reasons == (Reason("price", 9.0, 3.5),)
    assert mine.evidence.features == {"price": 9.0, "since_last_purchase_s": None}
    assert ruled.evidence.score == 1 - (1 - 0.5) * (1 - 0.4)
    for of, rules in ((mine, []), (ruled, [rule("dear", "price > 40", decision="review")])):
        stored = json.loads(msgspec.json.encode(of.evidence))
        assert re_evaluate(stored, rules).score == of.evidence.score


def test_a_model_on_trial_writes_and_sends_nothing() -> None:
    judged = judging(model=Scorer({}), shadow=Scorer({1.0: 0.9}, version=5))
    found = judged.suspicions(FEATURES, PURCHASES, ORIGIN)
    (tried,) = [of for of in found if of.rule_version == 5]
    assert (tried.player_id, tried.shadow, tried.model_version) == ("a", True, "fraud:5")
    assert messages_of({}, tried) == []


def test_what_is_not_finite_is_stored_as_missing() -> None:
    features = pl.DataFrame({"price": [float("nan")], "since_last_purchase_s": [float("inf")]})
    judged = Judging(model=Scorer({}, threshold=0.0))
    (found,) = judged.suspicions(features, PURCHASES.head(1), ORIGIN)
    assert msgspec.json.decode(msgspec.json.encode(found.evidence), type=Evidence).features == {
        "price": None,
        "since_last_purchase_s": None,
    }
    assert judged.features == {"price", "since_last_purchase_s"}
