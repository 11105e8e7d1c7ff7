"""Judges stored purchases by rules that are not live, beside those that were: what would they have done?

Rules:
- Features, rules and alerts are the flow's code (`models.fraud_replay`, `fraud_judging`, `fraud_gathered`).
- Purchases are judged twice: by the rules in question together with those that were live then (a rule in
  question takes the place of all versions of its id), and by those that were live alone.
- Rules, labels and accounts are those that the side topics hold now, each from its own time on; the model is
  the one in use now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from flows.fraud_known import Known
from flows.fraud_stored import Stored
from models.fraud_alert import OpenAlert, Suspicion
from models.fraud_compared import Bound, Seen, seen
from models.fraud_gathered import Gathered, Place, Spot
from models.fraud_judging import Judging
from models.fraud_replay import Replay, aged, features_of
from models.fraud_rule import Rule, RuleBook
from models.fraud_scored import Scored
from models.fraud_suspicion import Origin
from models.fraud_tally import Hits, Tally, name_of
from topics.errors import BadInput
from topics.purchase_events import TOPIC
from windows.plan import NEVER

BLOCK_ROWS = 50_000
FLOW = "fraud"


@dataclass(slots=True)
class Logged:
    """What the live rules should have logged of some rules, gathered for a comparison."""

    names: frozenset[str]
    bounds: Mapping[Place, Bound]
    alerts: dict[str, dict[str, Seen]] = field(default_factory=dict)  # by rule, then by id
    _gathered: Gathered = field(default_factory=Gathered)

    def take(self, place: Place, found: Sequence[Suspicion]) -> None:
        """Take what the live rules make of purchases of a partition."""
        end = self.bounds[place].end if place in self.bounds else 0
        for of in found:
            if name_of(of) in self.names and of.evidence.offset < end:
                self._gathered.join(of)

    def close(self, place: Place, closed_ms: int, next_offset: int) -> None:
        """Note the alerts that will not grow."""
        if place in self.bounds and next_offset <= self.bounds[place].end:
            for alert in self._gathered.close(place, closed_ms):
                self._note(alert, may_grow=False)

    def end(self) -> None:
        """Note the alerts that are open still."""
        for place, bound in self.bounds.items():
            for alert in self._gathered.rest([place]):
                self._note(alert, may_grow=not bound.whole)

    def _note(self, alert: OpenAlert, *, may_grow: bool) -> None:
        mine = self.alerts.setdefault(name_of(alert.first), {})
        mine[alert.alert_id] = seen(alert, may_grow=may_grow)


@dataclass(slots=True)
class Question:
    """The rules in question, and by what they are judged; `would` has them, `was` is what was live."""

    rules: Sequence[Rule]
    would: Judging
    was: Judging
    known: Known
    live: Sequence[Rule]  # at any moment of the time

    @property
    def published(self) -> list[Rule]:
        """Give the live versions that are in question themselves."""
        names = {rule.name for rule in self.rules}
        return [rule for rule in self.live if rule.name in names]


def question(known: Known, rules: Sequence[Rule], span: tuple[int, int], *, alone: bool) -> Question:
    """Ask about rules in a time (Kafka time, epoch ms).

    Raises:
        BadInput: a version is published with other content.

    """
    judging = known.judging
    model = None if judging.model is None else Scored(judging.model)
    was = replace(judging, model=model, shadow=None)
    live = live_in(judging.book, *span)
    for rule in rules:
        _refuse_other(rule, live)
    book = RuleBook() if alone else judging.book.without({rule.id for rule in rules})
    for rule in rules:
        book.add(replace(rule, effective_at_ms=0))
    would = replace(was, book=book, model=None if alone else model)
    return Question(rules, would, was, known, live)


def live_in(book: RuleBook, from_ms: int, to_ms: int) -> list[Rule]:
    """Give all rules that were live at any moment of a time, by name."""
    moments = [from_ms, *book.edges(from_ms, to_ms - 1)]
    found = {rule.name: rule for moment in moments for rule in book.live_at(moment)}
    return [rule for _, rule in sorted(found.items())]


class Backtest:
    """One run over stored purchases.

    Args:
        stored: the purchases.
        asked: by what they are judged.
        labels: whether a purchase is fraud, where somebody said so.
        logged: gathers what is compared with the live flow's alerts.
        done: takes each alert that the rules in question would have made.

    """

    def __init__(
        self,
        stored: Stored,
        asked: Question,
        labels: Mapping[Spot, bool],
        logged: Logged,
        done: Callable[[OpenAlert], None],
    ) -> None:
        self.stored, self.asked, self.logged = stored, asked, logged
        self.pieces = stored.table.pieces(stored.stretches)
        hits = Hits()
        self._names = {rule.name for rule in asked.rules}
        self.would, self.was = Tally(labels, hits, done), Tally(labels, Hits())
        self.beside = Tally(labels, Hits())  # the live rules, judging together with those in question
        self.judged = self.frauds = 0
        self.oldest_ms: int | None = None  # the oldest event time judged
        self._first_ms, self._last_ms = NEVER, NEVER  # Kafka times judged
        self._labels, self._hits, self._replay = labels, hits, Replay()
        self._longest_ms = 1000 * max((rule.suppress_s for rule in asked.rules), default=0)

    def run(self) -> Iterator[int]:
        """Judge everything; gives after each piece how many rows it had."""
        for piece in self.pieces:
            for block in self.stored.good(piece).iter_slices(BLOCK_ROWS):
                self._take(block)
            self._close()
            yield piece.rows
        self.would.end()
        self.was.end()
        self.beside.end()
        self.logged.end()

    def span(self, from_ms: int, to_ms: int) -> tuple[int, int]:
        """Cut the time that was asked for to the part of which anything is stored (Kafka time, epoch ms)."""
        if not self.judged:
            return from_ms, to_ms
        stretches = self.stored.stretches
        begins_ms = from_ms if any(of.began_ms < from_ms for of in stretches) else self._first_ms
        ends_ms = to_ms if any(of.end < of.stored for of in stretches) else self._last_ms
        return max(from_ms, begins_ms), min(to_ms, ends_ms)

    def _take(self, block: pl.DataFrame) -> None:
        """Fold a block of good purchases, and judge those that are of the time."""
        pieces = self._replay.fold(block)
        rows = np.flatnonzero(block["judged"].to_numpy())
        if not len(rows):
            return
        places = block["place"].to_numpy()[rows]
        order = np.argsort(places, kind="stable")
        known = self.asked.known
        purchases, features = features_of(aged(block, known.created), pieces, rows[order], known.labels)
        self._note(purchases)
        numbers, firsts = np.unique(places[order], return_index=True)
        ends = [*firsts[1:].tolist(), len(rows)]
        for number, first, end in zip(numbers.tolist(), firsts.tolist(), ends, strict=True):
            part = slice(first, end)
            self._judge(self.stored.stretches[number].place, features[part], purchases[part])

    def _note(self, purchases: pl.DataFrame) -> None:
        self.judged += purchases.height
        oldest_ms = int(purchases["event_time"].to_numpy().min())
        self.oldest_ms = min(oldest_ms, self.oldest_ms or oldest_ms)
        kafka_ms = purchases["kafka_time_ms"].to_numpy()
        self._first_ms = int(kafka_ms.min()) if self._first_ms == NEVER else self._first_ms
        self._last_ms = max(self._last_ms, int(kafka_ms.max()))
        if self._labels:
            spots = purchases.select("log", "partition", "offset").iter_rows()
            self.frauds += sum(self._labels.get(spot, False) for spot in spots)

    def _judge(self, place: Place, features: pl.DataFrame, purchases: pl.DataFrame) -> None:
        origin = Origin(place[0], TOPIC.name, place[1])
        was = self.asked.was.suspicions(features, purchases, origin)
        self._hits.add(was)
        self.was.take(was)
        self.logged.take(place, was)
        found = self.asked.would.suspicions(features, purchases, origin)
        self.would.take([of for of in found if name_of(of) in self._names])
        self.beside.take([of for of in found if name_of(of) not in self._names])

    def _close(self) -> None:
        """Hand on the alerts that are complete, and forget what none will ask for."""
        for place, lane in self.stored.lanes.items():
            self.would.close(place, lane.closed_ms)
            self.was.close(place, lane.closed_ms)
            self.beside.close(place, lane.closed_ms)
            self.logged.close(place, lane.closed_ms, lane.state.next_offset)
        oldest_ms = min(lane.closed_ms for lane in self.stored.lanes.values())
        self._hits.forget(oldest_ms - self._longest_ms)


def _refuse_other(rule: Rule, live: Sequence[Rule]) -> None:
    """Refuse a version that is not the one that is live under its name."""
    for of in live:
        alike = replace(
            of,
            shadow=rule.shadow,
            effective_at_ms=rule.effective_at_ms,
            owner=rule.owner,
            description=rule.description,
        )
        if of.name == rule.name and alike != rule:
            raise BadInput(
                f"{rule.name} is live with other content, and its alerts would have the same ids: "
                f"make yours version {rule.version + 1}"
            )
