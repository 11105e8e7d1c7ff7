"""Verdicts: what the rules and the model, taken together, make of one purchase.

Rules:
- score = 1 - the product of (1 - weight) over the live rules that match, and of (1 - the model's probability)
  where there is one; rounded to 9 decimals, so that .5 and .8 are .9 and nothing else.
- The decision: allow if any rule allows; else block if any blocks or the score is `block_at` or more; else
  review if any reviews, the score is `review_at` or more, or the probability `model_at` or more; else none.
- The model hits when its probability decides by itself; below that it only adds to the score.
- A shadow rule touches neither score nor decision; its hit says what both would have been with it.
- A verdict follows from its evidence: features, names of the rules that matched, the model's probability.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from models.fraud_columns import Value, Values
from models.fraud_expression import Reason
from models.fraud_rule import MODEL, Decision, Rule
from topics.errors import BadInput

BY_SCORE = "score"  # what decided, when neither a rule nor the model did by itself
MOST_REASONS = 3
MODEL_SUPPRESS_S = 3_600  # of the model's alerts


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score or probability on something is done, and which version of the model is asked."""

    block_at: float = 0.9
    review_at: float = 0.5
    model_at: float = 0.5
    model_version: int = 0

    @property
    def model_hits_at(self) -> float:
        """The probability from which on the model decides by itself."""
        return min(self.model_at, self.review_at, self.block_at)


class Outcome(NamedTuple):
    """How suspicious a purchase is (0 to 1), and what is to become of it (None: nothing).

    `by` is what decided: a rule as `id:version`, `score`, or `model`; empty when nothing did.
    """

    score: float
    decision: Decision | None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched a purchase, or the model; `outcome` is the purchase's, a shadow rule's its own."""

    rule_id: str
    rule_version: int
    suppress_s: int
    shadow: bool
    outcome: Outcome
    reasons: tuple[Reason, ...]

    @property
    def name(self) -> str:
        """The rule's id and version, as evidence names it."""
        return f"{self.rule_id}:{self.rule_version}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of the purchase in a row of its batch, and the evidence to find it again.

    `score`, `decision` and `by` are as in `Outcome`.
    """

    row: int
    score: float
    decision: Decision | None
    hits: tuple[Hit, ...]
    features: Mapping[str, Value]
    model_score: float | None
    by: str = ""

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of what hit, as `id:version`."""
        return tuple(hit.name for hit in self.hits)


class _Evidence(msgspec.Struct):
    """What `re_evaluate` needs of one purchase's evidence."""

    features: dict[str, Value]
    rules: list[str]
    model_score: float | None = None


def decide(rules: Iterable[Rule], model_score: float | None, thresholds: Thresholds) -> Outcome:
    """Weigh live rules that match, and the model's probability, if any."""
    trust = 1.0 if model_score is None else 1.0 - model_score
    first: dict[Decision | None, str] = {}
    for rule in rules:
        trust *= 1.0 - rule.counts
        first.setdefault(rule.decision, rule.name)
    score = round(1.0 - trust, 9)
    sure = model_score is not None and model_score >= thresholds.model_at
    if "allow" in first:
        return Outcome(score, "allow", first["allow"])
    if "block" in first or score >= thresholds.block_at:
        return Outcome(score, "block", first.get("block", BY_SCORE))
    if "review" in first or sure or score >= thresholds.review_at:
        return Outcome(score, "review", first.get("review", MODEL if sure else BY_SCORE))
    return Outcome(score, None)


def find(row: int, rules: Sequence[Rule], found: tuple[Values, float | None], by: Thresholds) -> Verdict:
    """Give the verdict of a purchase that these rules match, in the order of their ids.

    `found` are the values of the features that the rules use, and the model's probability, if any.
    """
    values, model_score = found
    live = [rule for rule in rules if not rule.shadow]
    outcome = decide(live, model_score, by)
    hits = [
        _hit(rule, values, decide([*live, rule], model_score, by) if rule.shadow else outcome)
        for rule in rules
    ]
    if model_score is not None and model_score >= by.model_hits_at:
        because = (Reason("model_score", model_score, by.model_hits_at),)
        hits.append(Hit(MODEL, by.model_version, MODEL_SUPPRESS_S, False, outcome, because))
    score, decision, by_what = outcome
    return Verdict(row, score, decision, tuple(hits), dict(values), model_score, by_what)


def re_evaluate(
    evidence: Mapping[str, object], rules: Iterable[Rule], thresholds: Thresholds | None = None
) -> Verdict:
    """Judge a purchase again by its evidence: features, rules (`id:version`), model_score.

    `rules` are those that may be asked, of any version; only those that the evidence names are. One that
    does not hold on the evidence's features is not in the verdict.

    Raises:
        BadInput: the evidence is not as `fraud_alerts` has it.

    """
    try:
        known = msgspec.convert(evidence, _Evidence)
    except msgspec.ValidationError as error:
        raise BadInput(f"this is no evidence of an alert: {error}") from None
    named = {rule.name: rule for rule in rules if rule.name in known.rules}
    matching = [rule for rule in named.values() if rule.when.holds(known.features)]
    matching.sort(key=lambda rule: rule.id)
    return find(0, matching, (known.features, known.model_score), thresholds or Thresholds())


def _hit(rule: Rule, values: Values, outcome: Outcome) -> Hit:
    """Give a rule's hit, with the first reasons as written."""
    reasons = tuple(rule.when.reasons(values)[:MOST_REASONS])
    return Hit(rule.id, rule.version, rule.suppress_s, rule.shadow, outcome, reasons)
