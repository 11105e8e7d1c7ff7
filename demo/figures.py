"""What a reader of the tables sees at one moment, as plain figures.

Rules: nothing here asks anybody. What is settled can be read now; the books come with a flow's snapshots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Level:
    """One level as the table has it; `lately` are the events of the last minute."""

    level_id: str
    lately: int
    completes: int
    fails: int

    @property
    def tries(self) -> int:
        """Count the attempts that came to an end."""
        return self.completes + self.fails

    @property
    def fail_share(self) -> float:
        """Give the share of finished attempts that failed, 0-1."""
        return self.fails / self.tries if self.tries else 0.0


@dataclass(frozen=True, slots=True)
class Sale:
    """What one item brought in one currency, since the demo began."""

    item_id: str
    currency: str
    purchases: int
    revenue: Decimal


@dataclass(frozen=True, slots=True)
class Load:
    """How one server did in its newest minute: averages in percent, percentiles of latency in ms."""

    server_id: str
    cpu: float
    memory: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """An alert in words: whom, by which rule, what is to be done, and what was seen against which limit."""

    player_id: str
    rule_id: str
    decision: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alerts:
    """Alerts of live rules, by rule, and the newest one."""

    by_rule: Mapping[str, int] = field(default_factory=dict)
    newest: Suspect | None = None

    @property
    def total(self) -> int:
        """Count them."""
        return sum(self.by_rule.values())


@dataclass(frozen=True, slots=True)
class Incidents:
    """Incidents of servers, those of them that are not over, and the newest one in words."""

    total: int = 0
    still_open: int = 0
    newest: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Webhooks that a receiver got, those of them with a right signature, and how many ids those have."""

    received: int = 0
    verified: int = 0
    messages: int = 0

    @property
    def wrong(self) -> int:
        """Count those whose signature was not right."""
        return self.received - self.verified


@dataclass(frozen=True, slots=True)
class Book:
    """What became of all messages that one flow read, for one window size (0: it has no windows)."""

    window_s: int
    read: int
    aggregated: int
    late: int
    dead: int
    duplicates: int

    @property
    def difference(self) -> int:
        """Give what the identity lacks: read - aggregated - late - dead - duplicates; 0 = it holds."""
        return self.read - self.aggregated - self.late - self.dead - self.duplicates


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one flow is.

    `read`: messages in its books by topic, at the window size that is furthest behind; `settled`: messages
    whose fate is in a table that can be read now; `unsaved`: messages in Kafka behind its committed
    offsets, None when Kafka does not say.
    """

    books: tuple[Book, ...] = ()
    read: Mapping[str, int] = field(default_factory=dict)
    settled: int = 0
    unsaved: int | None = None

    @property
    def difference(self) -> int:
        """Give what the identity lacks where it lacks most."""
        return max((book.difference for book in self.books), key=abs, default=0)


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at everything: use cases, progress by flow, dead letters by topic and reason."""

    levels: tuple[Level, ...] = ()
    players: int = 0  # of this minute
    sales: tuple[Sale, ...] = ()
    servers: tuple[Load, ...] = ()
    flows: Mapping[str, Progress] = field(default_factory=dict)
    dead: Mapping[str, Counter[str]] = field(default_factory=dict)
    alerts: Alerts = Alerts()
    incidents: Incidents = Incidents()

    @property
    def has_rows(self) -> bool:
        """Tell whether any table of a use case has a row."""
        return bool(self.levels or self.sales or self.servers)
