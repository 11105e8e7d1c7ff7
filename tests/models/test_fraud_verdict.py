"""Verdicts: which rule wins, what the score is, and that stored evidence gives the same again."""

from random import Random

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from models.fraud_columns import Value
from models.fraud_expression import BadExpression, Reason, compile_expression
from models.fraud_rule import Decision, Rule, RuleBook
from models.fraud_score import Thresholds, Verdict, judge, re_evaluate
from tests.models.fraud_expressions import TYPES, condition, odd_purchase, seeds
from tests.models.fraud_verdict_cases import CASES
from topics.errors import BadInput

BY = Thresholds(model_at=0.4, model_version=7)
MATCHES, DOES_NOT = (compile_expression(text, {"price": "number"}) for text in ("price > 1", "price < 1"))
DECISIONS: dict[str, Decision] = {"allow": "allow", "block": "block", "review": "review"}


def rule(rule_id: str, token: str) -> Rule:
    """Make a rule as a case tells it: `~block`, `.3!`."""
    kind = token.strip("~!")
    decision = DECISIONS.get(kind)
    return Rule(
        id=rule_id,
        version=1,
        when=DOES_NOT if token.endswith("!") else MATCHES,
        decision=decision,
        weight=None if decision else float(kind),
        shadow=token.startswith("~"),
    )


def book_of(rules: list[Rule]) -> RuleBook:
    book = RuleBook()
    for one in rules:
        book.add(one)
    return book


def judged(rules: list[Rule], model: float | None) -> list[Verdict]:
    """Judge one purchase of price 2."""
    probabilities = None if model is None else np.array([model])
    return judge(pl.DataFrame({"price": [2.0]}), np.array([5]), book_of(rules), probabilities, BY)


def evidence(verdict: Verdict) -> dict[str, object]:
    """Give a verdict's evidence as it comes back from where it is stored."""
    stored = {
        "features": verdict.features,
        "rules": verdict.rules,
        "model_score": verdict.model_score,
        "time_ms": 5,
    }
    back: dict[str, object] = msgspec.json.decode(msgspec.json.encode(stored), type=dict[str, object])
    return back


def told(verdict: Verdict) -> tuple[str, str]:
    """Tell a verdict as the cases do: outcome, shadow rules' outcomes."""
    shadows = " ".join(
        f"{hit.rule_id}={hit.outcome.score:.9g},{hit.outcome.decision or 'none'}"
        for hit in verdict.hits
        if hit.shadow
    )
    by = verdict.by.removesuffix(":1") or "-"
    return f"{verdict.score:.9g} {verdict.decision or 'none'} {by}", shadows


@pytest.mark.parametrize("line", CASES.strip().splitlines())
def test_a_case_has_its_outcome_and_the_same_again_from_its_evidence(line: str) -> None:
    tokens, model, outcome, shadows = (part.strip() for part in line.split("|"))
    rules = [rule(name, token) for name, token in zip("abc", tokens.split(), strict=False) if token != "-"]
    found = judged(rules, None if model == "-" else float(model))
    again = [re_evaluate(evidence(verdict), rules, BY) for verdict in found]
    expected = [] if outcome == "nothing" else [(outcome, shadows)]
    assert ([told(verdict) for verdict in found], again) == (expected, found)


def test_there_are_enough_cases() -> None:
    assert len(set(CASES.strip().splitlines())) >= 200


def test_a_hit_says_why_with_three_reasons_at_most_and_the_model_says_its_probability() -> None:
    when = compile_expression("1 < price < 3 and price != 7 and price >= 2", {"price": "number"})
    many = Rule(id="many", version=4, when=when, weight=0.5, suppress_s=60)
    (found,) = judged([many], 0.45)
    assert [(hit.name, hit.suppress_s, hit.shadow, hit.outcome.score, hit.reasons) for hit in found.hits] == [
        (
            "many:4",
            60,
            False,
            0.725,
            (Reason("price", 2.0, 1.0), Reason("price", 2.0, 3.0), Reason("price", 2.0, 7.0)),
        ),
        ("model:7", 3_600, False, 0.725, (Reason("model_score", 0.45, 0.4),)),
    ]


@pytest.mark.parametrize("model", [float("nan"), float("inf"), None])
def test_a_probability_that_is_none_is_as_if_there_were_no_model(model: float | None) -> None:
    (found,) = judged([rule("a", ".3")], model)
    assert (found.score, found.model_score, found.rules) == (0.3, None, ("a:1",))


def random_rule(random: Random, rule_id: str) -> Rule | None:
    try:
        when = compile_expression(condition(random), TYPES)
    except BadExpression:
        return None
    decisions: list[Decision | None] = [None, None, "allow", "block", "review"]
    decision = random.choice(decisions)
    weight = None if decision else random.choice([0.05, 0.1, 1 / 3, 0.7, random.uniform(0.001, 1)])
    return Rule(
        id=rule_id,
        version=random.randint(1, 9),
        when=when,
        decision=decision,
        weight=weight,
        shadow=random.random() < 0.3,
    )


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_evidence_gives_the_same_verdict_again(random: Random) -> None:
    rules = [one for name in "abcdef" if (one := random_rule(random, name))]
    bought: list[dict[str, Value]] = [odd_purchase(random) for _ in range(8)]
    kinds = {"number": pl.Float64(), "text": pl.String(), "flag": pl.Boolean()}
    features = pl.DataFrame(bought, schema={name: kinds[kind] for name, kind in TYPES.items()})
    model = random.choice([None, np.array([random.random() for _ in bought], dtype=np.float32)])
    verdicts = judge(features, np.zeros(8, dtype=np.int64), book_of(rules), model, BY)
    random.shuffle(rules)
    for found in verdicts:
        again = re_evaluate(evidence(found), rules, BY)
        assert (again.score, again.decision, again.by, again.hits) == (
            found.score,
            found.decision,
            found.by,
            found.hits,
        )


def test_a_rule_that_does_not_hold_on_the_evidence_is_not_in_the_verdict() -> None:
    stored = {"features": {"price": 0.5}, "rules": ["a:1", "b:1"], "model_score": None}
    found = re_evaluate(stored, [rule("a", "block"), rule("b", ".3!"), rule("c", ".6!")], BY)
    assert (found.score, found.rules) == (0.3, ("b:1",))


@pytest.mark.parametrize(
    "wrong", [{}, {"features": [], "rules": []}, {"features": {"price": {}}, "rules": []}]
)
def test_what_is_no_evidence_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="no evidence"):
        re_evaluate(wrong, [], BY)
