"""Marks of fraud rules: how many of the planted cases they found, and how often they were wrong.

Rules:
- A case is found when an alert of a live rule touches it: it names a purchase of the case, or one of its
  players once the case has begun. An alert that touches no case is false.
- An alert counts for the kind that its rule is named after; other rules are a kind of their own. Recall of a
  kind asks for any rule's alert.
- A case of which only a part was sent is asked for by nobody; its alerts are right.
- An alert that touches no case and names an honest player who shares an address is a NAT alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from simulator.fraud import KINDS
from simulator.fraud_truth import Case, Shared

LEAST_RECALL, LEAST_PRECISION = 0.95, 0.9
OTHER = "other_rules"


@dataclass(slots=True)
class Raised:
    """An alert: its rule and player, the purchases that fired (event ids), and the newest one's time."""

    rule_id: str
    player_id: str
    event_ids: set[str] = field(default_factory=set)
    newest_ms: int = 0

    def add(self, event_id: str, at_ms: int) -> None:
        """Take one more purchase."""
        self.event_ids.add(event_id)
        self.newest_ms = max(self.newest_ms, at_ms)

    @property
    def kind(self) -> str:
        """Name the kind of fraud that its rule is after."""
        name = self.rule_id.replace("-", "_")
        return next((kind for kind in KINDS if name.startswith(kind)), OTHER)


@dataclass(frozen=True, slots=True)
class Mark:
    """One kind: its cases, those found, the alerts of its rules, and those that are right."""

    kind: str
    cases: int
    found: int
    alerts: int
    right: int

    @property
    def recall(self) -> float:
        """Give the share of cases found; nothing to find is all found."""
        return self.found / self.cases if self.cases else 1.0

    @property
    def precision(self) -> float:
        """Give the share of right alerts; no alert is no false one."""
        return self.right / self.alerts if self.alerts else 1.0

    @property
    def passes(self) -> bool:
        """Say whether both floors are reached."""
        return self.recall >= LEAST_RECALL and self.precision >= LEAST_PRECISION


@dataclass(frozen=True, slots=True)
class Marks:
    """All kinds; alerts on honest players who share an address; and the false alerts."""

    purchases: int
    kinds: tuple[Mark, ...]
    shared_addresses: int
    nat_alerts: int
    false: tuple[Raised, ...]
    missed: tuple[Case, ...]

    @property
    def passes(self) -> bool:
        """Say whether every floor is reached, and something was asked of each kind."""
        return not self.unasked and self.nat_alerts == 0 and all(mark.passes for mark in self.kinds)

    @property
    def unasked(self) -> tuple[str, ...]:
        """Name the kinds of which nothing was planted as a whole."""
        return tuple(mark.kind for mark in self.kinds if mark.kind != OTHER and not mark.cases)


def marked(
    raised: Iterable[Raised], cases: Sequence[Case], shared: Sequence[Shared], purchases: int
) -> Marks:
    """Compare the alerts over so many purchases with the truth."""
    alerts, touches = list(raised), Touches(cases)
    touched = [touches.of(alert) for alert in alerts]
    found = {number for numbers in touched for number in numbers}
    false = tuple(alert for alert, numbers in zip(alerts, touched, strict=True) if not numbers)
    neighbours = {player for each in shared for player in each.players}
    asked = [case for case in cases if case.whole]
    return Marks(
        purchases=purchases,
        kinds=tuple(marks_of(asked, found, list(zip(alerts, touched, strict=True)))),
        shared_addresses=len(shared),
        nat_alerts=sum(alert.player_id in neighbours for alert in false),
        false=false,
        missed=tuple(case for case in asked if case.number not in found),
    )


def marks_of(
    asked: Sequence[Case], found: set[int], alerts: Sequence[tuple[Raised, set[int]]]
) -> Iterator[Mark]:
    """Give the marks by kind; other rules only where there are some."""
    for kind in (*KINDS, OTHER):
        its = [case.number in found for case in asked if case.kind == kind]
        right = [bool(numbers) for alert, numbers in alerts if alert.kind == kind]
        if kind != OTHER or right:
            yield Mark(kind, len(its), sum(its), len(right), sum(right))


class Touches:
    """Which cases an alert touches."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._of_purchase = {event_id: case.number for case in cases for event_id in case.event_ids}
        self._of_player: dict[str, list[tuple[int, int]]] = {}
        for case in cases:
            for player in case.players:
                self._of_player.setdefault(player, []).append((case.from_ms, case.number))

    def of(self, alert: Raised) -> set[int]:
        """Give the numbers of cases."""
        named = {self._of_purchase[each] for each in alert.event_ids if each in self._of_purchase}
        begun = self._of_player.get(alert.player_id, [])
        return named | {number for from_ms, number in begun if from_ms <= alert.newest_ms}
