"""Judging batches: each purchase by the rules of its own Kafka time, the same whatever the batch."""

from collections.abc import Sequence
from random import Random

import numpy as np
import polars as pl
from hypothesis import given, settings

from models.fraud_columns import Value
from models.fraud_expression import BadExpression, compile_expression
from models.fraud_rule import Rule, RuleBook
from models.fraud_score import Thresholds, Verdict, decide, judge
from tests.models.fraud_expressions import TYPES, condition, odd_purchase, seeds

BY = Thresholds(model_at=0.7, model_version=3)
KINDS = {"number": pl.Float64(), "text": pl.String(), "flag": pl.Boolean()}
SCHEMA = {name: KINDS[kind] for name, kind in TYPES.items()}


def priced(prices: Sequence[float]) -> pl.DataFrame:
    return pl.DataFrame({"price": list(prices)}, schema={"price": pl.Float64})


def above(rule_id: str, version: int, price: int) -> Rule:
    when = compile_expression(f"price > {price}", {"price": "number"})
    return Rule(id=rule_id, version=version, when=when, decision="block")


def rows(verdicts: list[Verdict]) -> list[tuple[int, tuple[str, ...]]]:
    return [(verdict.row, verdict.rules) for verdict in verdicts]


def test_a_batch_over_an_edge_is_judged_by_each_purchase_own_time() -> None:
    book = RuleBook()
    book.add(above("dear", 1, 10))
    book.add(above("dear", 2, 50), 4_000)
    book.add(above("any", 1, 0), 6_000)
    kafka_ms = np.array([4_999, 5_000, 6_999, 7_000, 5_000, 4_999])  # not in order: LogAppendTime may go back
    verdicts = judge(priced([20, 20, 60, 20, 60, 5]), kafka_ms, book, None, BY)
    assert rows(verdicts) == [
        (0, ("dear:1",)),
        (2, ("dear:2",)),
        (3, ("any:1",)),
        (4, ("dear:2",)),
    ]


def test_nothing_is_said_of_purchases_that_nothing_hits() -> None:
    book = RuleBook()
    book.add(above("dear", 1, 10))
    nobody = judge(priced([]), np.array([], dtype=np.int64), book, None, BY)
    harmless = judge(priced([1, 2]), np.array([0, 0]), book, np.array([0.1, 0.49]), BY)
    ruleless = judge(priced([99]), np.array([0]), RuleBook(), None, BY)
    assert (nobody, harmless, ruleless) == ([], [], [])


def test_evidence_holds_the_features_of_what_matched_and_no_others() -> None:
    book = RuleBook()
    types = {
        "price": TYPES["price"],
        "spend": TYPES["spend"],
        "country": TYPES["country"],
        "odd": TYPES["odd"],
    }
    for rule_id, text in (("a", "price > 1 and missing(spend)"), ("b", "country == 'DE'"), ("c", "odd")):
        book.add(Rule(id=rule_id, version=1, when=compile_expression(text, types), weight=0.1))
    bought = {"price": [3, 0], "spend": [float("inf"), 1.0], "country": ["DE", "DE"], "odd": [False, True]}
    found = judge(pl.DataFrame(bought), np.array([0, 0]), book, None, BY)
    assert [verdict.features for verdict in found] == [
        {"price": 3.0, "spend": None, "country": "DE"},
        {"country": "DE", "odd": True},
    ]


def random_book(random: Random) -> RuleBook:
    book = RuleBook()
    for _ in range(random.randint(1, 8)):
        try:
            when = compile_expression(condition(random), TYPES)
        except BadExpression:
            continue
        rule = Rule(
            id=random.choice("abc"),
            version=random.randint(1, 4),
            when=when,
            weight=random.uniform(0.01, 1),
            shadow=random.random() < 0.3,
            state=random.choice(["active", "active", "retired"]),
        )
        book.add(rule, random.randint(-1_000, -990))
    return book


Expected = tuple[int, float, str | None, tuple[str, ...], float | None]


def one_by_one(
    bought: list[dict[str, Value]], kafka_ms: list[int], book: RuleBook, model: list[float]
) -> list[Expected]:
    """Judge purchases one at a time, without columns."""
    expected: list[Expected] = []
    for row, (values, moment, probability) in enumerate(zip(bought, kafka_ms, model, strict=True)):
        matching = [rule for rule in book.live_at(moment) if rule.when.holds(values)]
        names = [rule.name for rule in matching] + (["model:3"] if probability >= 0.5 else [])
        outcome = decide([rule for rule in matching if not rule.shadow], probability, BY)
        if names:
            expected.append((row, outcome.score, outcome.decision, tuple(names), probability))
    return expected


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_a_batch_says_what_purchases_say_one_by_one_however_it_is_cut(random: Random) -> None:
    book = random_book(random)
    bought = [odd_purchase(random) for _ in range(10)]
    kafka_ms = [random.randint(0, 10) for _ in bought]
    model = [random.random() for _ in bought]
    features = pl.DataFrame(bought, schema=SCHEMA)
    whole = judge(features, np.array(kafka_ms), book, np.array(model), BY)
    cut = random.randint(0, 10)
    parts = [
        judge(features[start:end], np.array(kafka_ms[start:end]), book, np.array(model[start:end]), BY)
        for start, end in ((0, cut), (cut, 10))
    ]
    found = [(v.row, v.score, v.decision, v.rules, v.model_score) for v in whole]
    assert found == one_by_one(bought, kafka_ms, book, model)
    pieces = [(v.score, v.decision, v.by, v.hits, v.features) for part in parts for v in part]
    assert pieces == [(v.score, v.decision, v.by, v.hits, v.features) for v in whole]
