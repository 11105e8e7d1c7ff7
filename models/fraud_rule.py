"""Rules: what makes a purchase suspicious, and which versions are live for a purchase.

Rules:
- A version counts for purchases whose Kafka time is at or after max(its `effective_at`, its publishing
  + 1 s); a removal (a tombstone) from a second after its own Kafka time on: the same on every replay.
- Of each id the highest version that counts by then is live; when that one is retired, none is. A removed
  version is as if it had never been: the next lower one is live again.
- What is published later under the same id and version takes its place, from when it counts.
- Rules are in the order of their ids, whatever the order in which they were published.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from models.fraud_expression import Expression
from topics.errors import BadInput

Decision: TypeAlias = Literal["allow", "block", "review"]  # what becomes of a purchase; the strongest first
State: TypeAlias = Literal["active", "retired"]  # a version judges purchases, or ends the rule

SETTLES_MS = 1_000  # a rule is known everywhere a second after it is published
BUILT_IN_MS = -SETTLES_MS  # published before the first purchase: effective at 0
MODEL = "model"  # the id under which the model's hits go
IMPLIED: dict[Decision, float] = {"allow": 0.0, "block": 1.0, "review": 0.5}  # weights of decisions
HIGHEST = 1 << 32  # versions are below, as their column is
LONGEST_S = 30 * 86_400  # an alert gathers no more than a history holds
STATES: tuple[State, ...] = ("active", "retired")
_ID = re.compile(r"[a-z][a-z0-9_-]{0,63}")


class BadRule(BadInput):
    """A rule that cannot be judged by, and the field at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A version of a rule; it has a decision or a weight (what it adds to the score, 0 to 1).

    `suppress_s`: hits of one player within so many seconds (aligned) are one alert.

    Raises:
        BadRule: a value is out of range, or there is not exactly one of decision and weight.

    """

    id: str
    version: int
    when: Expression
    decision: Decision | None = None
    weight: float | None = None
    shadow: bool = False
    suppress_s: int = 3_600
    effective_at_ms: int = 0
    owner: str = ""
    description: str = ""
    state: State = "active"

    def __post_init__(self) -> None:
        """Refuse what cannot be judged by."""
        for at, wrong, why in (
            ("id", _ID.fullmatch(self.id) is None, "ids are a-z, 0-9, _ and -, 64 at most, a letter first"),
            ("id", self.id == MODEL, f"the id {MODEL!r} is the model's"),
            ("version", not 1 <= self.version < HIGHEST, f"versions are from 1 to {HIGHEST - 1}"),
            (
                "decision",
                (self.decision is None) == (self.weight is None),
                "give a decision or a weight, one of them",
            ),
            ("decision", self.decision not in {None, *IMPLIED}, f"a decision is one of {', '.join(IMPLIED)}"),
            (
                "weight",
                self.weight is not None and not 0 < self.weight <= 1,
                "a weight is above 0 and at most 1",
            ),
            ("suppress_s", not 1 <= self.suppress_s <= LONGEST_S, f"suppress_s is from 1 to {LONGEST_S}"),
            ("state", self.state not in STATES, f"a state is one of {', '.join(STATES)}"),
        ):
            if wrong:
                raise BadRule(at, f"rule {self.id!r} version {self.version}: {why}")

    @property
    def name(self) -> str:
        """Its id and version, as evidence names it."""
        return f"{self.id}:{self.version}"

    @property
    def counts(self) -> float:
        """What it adds to the score: its weight, or the one that its decision implies."""
        if self.decision is not None:
            return IMPLIED[self.decision]
        return self.weight or 0.0


class _Entry(NamedTuple):
    """A version published (or, None, removed) at a moment, that counts from another on."""

    published_ms: int
    from_ms: int
    version: int
    rule: Rule | None


@dataclass(slots=True)
class RuleBook:
    """All versions of all rules, in the order in which they were published, in whichever they come.

    What is live is worked out once after a change, so it is cheap to ask for each batch.
    """

    _entries: dict[str, list[_Entry]] = field(default_factory=dict)
    _moments: list[int] = field(default_factory=list)  # sorted: where what is live may change
    _live: dict[int, tuple[Rule, ...]] = field(default_factory=dict)  # by place among the moments

    def add(self, rule: Rule, published_ms: int = BUILT_IN_MS) -> None:
        """Take a version that was published at a moment (Kafka time, epoch ms)."""
        from_ms = max(rule.effective_at_ms, published_ms + SETTLES_MS)
        self._enter(rule.id, _Entry(published_ms, from_ms, rule.version, rule))

    def remove(self, rule_id: str, version: int, published_ms: int) -> None:
        """Take a removal of a version (a tombstone), known or not, at a moment (Kafka time, epoch ms)."""
        self._enter(rule_id, _Entry(published_ms, published_ms + SETTLES_MS, version, None))

    def without(self, rule_ids: Collection[str]) -> RuleBook:
        """Give a book of all versions of the other rules."""
        book = RuleBook()
        for rule_id, entries in self._entries.items():
            for entry in () if rule_id in rule_ids else entries:
                book._enter(rule_id, entry)
        return book

    def live_at(self, kafka_ms: int) -> tuple[Rule, ...]:
        """Give the rules that judge a purchase of this Kafka time, by id."""
        place = bisect_right(self._moments, kafka_ms)
        live = self._live.get(place)
        if live is None:
            live = self._live[place] = tuple(self._find(kafka_ms))
        return live

    def features(self) -> set[str]:
        """Name the features that any version looks at, whether it is live or not."""
        rules = (entry.rule for entries in self._entries.values() for entry in entries)
        return {name for rule in rules if rule is not None for name in rule.when.names}

    def edges(self, from_ms: int, to_ms: int) -> tuple[int, ...]:
        """Give the moments after one and up to another at which what is live changes, in order."""
        first, last = (bisect_right(self._moments, moment) for moment in (from_ms, to_ms))
        return tuple(
            moment for moment in self._moments[first:last] if self.live_at(moment) != self.live_at(moment - 1)
        )

    def _enter(self, rule_id: str, entry: _Entry) -> None:
        """Take an entry; what was found before is forgotten."""
        insort(self._entries.setdefault(rule_id, []), entry, key=lambda of: of.published_ms)
        place = bisect_left(self._moments, entry.from_ms)
        if self._moments[place : place + 1] != [entry.from_ms]:
            self._moments.insert(place, entry.from_ms)
        self._live.clear()

    def _find(self, kafka_ms: int) -> Iterator[Rule]:
        """Work out what is live."""
        for rule_id in sorted(self._entries):
            versions = {
                entry.version: entry.rule for entry in self._entries[rule_id] if entry.from_ms <= kafka_ms
            }
            present = [rule for _, rule in sorted(versions.items()) if rule is not None]
            if present and present[-1].state == "active":
                yield present[-1]
