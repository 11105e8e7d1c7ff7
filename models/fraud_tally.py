"""What rules would have done, counted: alerts, players, purchases, overlap with others, labels.

Rules:
- An alert is covered when another rule that was live hit the same player within the alert's window.
- An alert is labelled when one of its purchases is, and fraud when one of those is fraud.
- Precision is over the labelled alerts; recall is over the purchases labelled as fraud.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from models.fraud_alert import OpenAlert, Suspicion
from models.fraud_gathered import Gathered, Place, Spot, spot_of

EXAMPLES = 5
Player = tuple[str, str]  # game and id


@dataclass(slots=True)
class Counts:
    """What one rule version would have done; `caught` are purchases labelled as fraud that it hit."""

    name: str
    shadow: bool
    alerts: int = 0
    purchases: int = 0
    players: set[Player] = field(default_factory=set)
    decisions: Counter[str] = field(default_factory=Counter)
    covered: int = 0
    labelled: int = 0
    fraud: int = 0
    caught: int = 0
    strongest: list[OpenAlert] = field(default_factory=list)

    @property
    def precision(self) -> float | None:
        """Give the share of fraud in the labelled alerts; None without any."""
        return self.fraud / self.labelled if self.labelled else None

    def recall(self, frauds: int) -> float | None:
        """Give the share of the purchases labelled as fraud that it hit; None when there are none."""
        return self.caught / frauds if frauds else None

    def take(self, alert: OpenAlert) -> None:
        """Count an alert that is complete, and keep it when it is among the strongest, one a player."""
        self.alerts += 1
        self.decisions[alert.decision] += 1
        kept = {(of.first.game_id, of.first.player_id): of for of in self.strongest}
        player = (alert.first.game_id, alert.first.player_id)
        kept[player] = max(alert, kept.get(player, alert), key=_strength)
        self.strongest = sorted(kept.values(), key=_strength, reverse=True)[:EXAMPLES]


def _strength(alert: OpenAlert) -> tuple[float, int, int]:
    return alert.score, alert.purchases, -alert.first.kafka_ms


class Hits:
    """Where live rules hit each player, as far back as open alerts may ask."""

    def __init__(self) -> None:
        self._by_player: dict[Player, list[tuple[int, str]]] = {}

    def add(self, found: Iterable[Suspicion]) -> None:
        """Take what live rules found; a shadow rule's hits are none."""
        for of in found:
            if not of.shadow:
                hit = (of.evidence.time_ms, name_of(of))
                self._by_player.setdefault((of.game_id, of.player_id), []).append(hit)

    def covers(self, alert: OpenAlert) -> bool:
        """Tell whether another rule hit the player within the alert's window."""
        first = alert.first
        own, begin_ms, end_ms = name_of(first), alert.window_ms, alert.ends_ms
        hits = self._by_player.get((first.game_id, first.player_id), ())
        return any(begin_ms <= time_ms < end_ms and name != own for time_ms, name in hits)

    def forget(self, before_ms: int) -> None:
        """Forget hits before a time (epoch ms)."""
        for player, hits in list(self._by_player.items()):
            if left := [hit for hit in hits if hit[0] >= before_ms]:
                self._by_player[player] = left
            else:
                del self._by_player[player]


class Tally:
    """Counts what rules would have done.

    Args:
        labels: whether a purchase is fraud, where somebody said so.
        live: what live rules hit; without any, nothing is covered.
        done: takes each alert that is complete.

    """

    def __init__(
        self, labels: Mapping[Spot, bool], live: Hits, done: Callable[[OpenAlert], None] = lambda _: None
    ) -> None:
        self.counts: dict[str, Counts] = {}
        self._labels, self._live, self._done = labels, live, done
        self._gathered = Gathered()
        self._said: dict[str, bool] = {}  # of open alerts with a labelled purchase: is one fraud?

    def take(self, found: Sequence[Suspicion]) -> None:
        """Take suspicious purchases of one partition, in its order."""
        for of in found:
            counts = self.counts.setdefault(name_of(of), Counts(name_of(of), of.shadow))
            counts.purchases += 1
            counts.players.add((of.game_id, of.player_id))
            alert = self._gathered.join(of)
            said = self._labels.get(spot_of(of.evidence))
            if said is not None:
                counts.caught += said
                self._said[alert.alert_id] = said or self._said.get(alert.alert_id, False)

    def close(self, place: Place, closed_ms: int) -> None:
        """Count the alerts of a partition whose windows are out of reach."""
        self._count(self._gathered.close(place, closed_ms))

    def end(self) -> None:
        """Count the alerts that are open still."""
        self._count(self._gathered.rest())

    def _count(self, alerts: Iterable[OpenAlert]) -> None:
        for alert in alerts:
            counts = self.counts[name_of(alert.first)]
            counts.take(alert)
            counts.covered += self._live.covers(alert)
            said = self._said.pop(alert.alert_id, None)
            counts.labelled += said is not None
            counts.fraud += said is True
            self._done(alert)


def name_of(found: Suspicion) -> str:
    """Name the version of the rule, as evidence does."""
    return f"{found.rule_id}:{found.rule_version}"
