"""Alerts of a replay held against those that the live flow logged.

Rules:
- Alerts of a rule that looks at nothing but the player and the purchase must be equal, one by one: id,
  purchases and where they lie, first event time; and the decision, where nothing else had a say in it.
- An alert that began before the replay is left out. One that may still grow on either side is held against
  the purchases that both have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from models.fraud_alert import MOST_EVIDENCE, OpenAlert
from models.fraud_gathered import Place, Spot, spot_of
from models.fraud_rule import Rule
from models.fraud_rule_text import spanning

AGE = "since_account_created_s"


class Bound(NamedTuple):
    """What is compared of a partition: offsets from `first` on, before `end`.

    `whole`: neither side has anything behind the end.
    """

    first: int
    end: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One alert as it is compared; `spots` are its first purchases, `open` tells that it may still grow."""

    spots: tuple[Spot, ...]
    purchases: int
    first_ms: int
    decision: str
    open: bool = False

    @property
    def place(self) -> Place:
        """Name the partition that it comes from."""
        return self.spots[0][:2]


@dataclass(slots=True)
class Compared:
    """A rule's alerts, logged and replayed; `why` says what keeps them from being equal one by one."""

    name: str
    why: list[str]
    logged: int = 0
    replayed: int = 0
    both: int = 0
    began: int = 0
    unlike: list[str] = field(default_factory=list)
    only_logged: list[str] = field(default_factory=list)
    only_replayed: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Tell whether each alert is on both sides, and alike."""
        return not (self.unlike or self.only_logged or self.only_replayed)

    @property
    def falls_short(self) -> bool:
        """Tell whether something differs that must not."""
        return not self.why and not self.equal


def seen(alert: OpenAlert, *, may_grow: bool) -> Seen:
    """Give an alert of the replay as it is compared."""
    spots = tuple(spot_of(of) for of in alert.evidence)
    return Seen(spots, alert.purchases, alert.first_event_ms, alert.decision, may_grow)


def compare(
    to: Compared,
    logged: Mapping[str, Seen],
    replayed: Mapping[str, Seen],
    bounds: Mapping[Place, Bound],
    *,
    decisions: bool,
) -> Compared:
    """Hold a rule's alerts against each other; `decisions`: these must be equal too."""
    known = {name: alert for name, alert in logged.items() if alert.place in bounds}
    earlier = {name for name, alert in known.items() if alert.spots[0][2] < bounds[alert.place].first}
    mine = {name: alert for name, alert in replayed.items() if name not in earlier}
    theirs = {
        name: alert
        for name, alert in known.items()
        if name not in earlier and alert.spots[0][2] < bounds[alert.place].end
    }
    to.logged, to.replayed, to.began = len(theirs), len(mine), len(earlier & replayed.keys())
    to.only_logged = sorted(theirs.keys() - mine.keys())
    to.only_replayed = sorted(mine.keys() - theirs.keys())
    shared = sorted(mine.keys() & theirs.keys())
    to.both = len(shared)
    to.unlike = [
        name
        for name in shared
        if not _alike(mine[name], theirs[name], bounds[mine[name].place], decisions=decisions)
    ]
    return to


def _alike(mine: Seen, logged: Seen, bound: Bound, *, decisions: bool) -> bool:
    if mine.open:  # later purchases may have joined it in the log
        shared = tuple(spot for spot in logged.spots if spot[2] < bound.end)
        return mine.spots == shared and (mine.purchases == len(shared) or len(shared) == MOST_EVIDENCE)
    if not decisions:
        logged = replace(logged, decision=mine.decision)
    return replace(logged, open=False) == mine


def inexact(rule: Rule, others: Iterable[Rule], *, model: bool) -> list[str]:
    """Say what keeps a rule's alerts from being the same in a replay; nothing: they must be equal."""
    found = [f"{name} counts over all partitions" for name in spanning(rule)]
    if AGE in rule.when.names:
        found.append(f"{AGE} counts by the first record of the player that the topic still holds")
    if rule.shadow:
        return found
    live = [of for of in others if not of.shadow and of.id != rule.id and _spans(of)]
    found += [f"{of.name} may allow what it finds, and {_spans(of)}" for of in live if of.decision == "allow"]
    if rule.decision is None:
        found += [f"{of.name} adds to its score, and {_spans(of)}" for of in live if of.decision != "allow"]
        found += ["the model adds to its score"] if model else []
    return found


def exact_decisions(rules: Iterable[Rule], *, model: bool) -> bool:
    """Tell whether decisions follow from players and purchases alone."""
    return not model and not any(_spans(rule) for rule in rules if not rule.shadow)


def _spans(rule: Rule) -> str:
    names = [*spanning(rule), *(name for name in rule.when.names if name == AGE)]
    return f"looks at {', '.join(names)}" if names else ""
