"""What the dispatcher's store tells people and Prometheus: how endpoints stand, and what became of messages.

Rules: reads only, through a connection of its own, beside whoever delivers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from sinks.metric import Sample
from sinks.metrics import (
    WEBHOOKS_DEAD,
    WEBHOOKS_OLDEST,
    WEBHOOKS_OPEN,
    WEBHOOKS_PENDING,
    WEBHOOKS_TRIES,
    WEBHOOKS_UNREADABLE,
)
from sinks.outbox import BUSY_S
from sinks.webhook_schedule import Breaker
from topics.errors import BadInput

LAST = 1 << 62  # a limit that is none


class Standing(msgspec.Struct, frozen=True):
    """How one endpoint stands; ages and times in epoch milliseconds."""

    endpoint: str
    pending: int = 0
    oldest_ms: int | None = None
    next_ms: int | None = None
    delivered: int = 0
    silenced: int = 0
    dead: int = 0
    failures: int = 0
    until_ms: int = 0
    why: str = ""
    disabled_ms: int | None = None

    def state(self, now_ms: int) -> str:
        """Name the state: disabled, open (it fails), paused (it asked for time) or closed."""
        if self.disabled_ms is not None:
            return "disabled"
        return Breaker(self.failures, self.until_ms, self.why).state(now_ms)


class Delivery(msgspec.Struct, frozen=True):
    """How far a message has come at one endpoint."""

    endpoint: str
    state: str
    tries: int
    next_ms: int | None
    ended_ms: int | None
    reason: str


class Attempt(msgspec.Struct, frozen=True):
    """One try of one message at one endpoint."""

    id: str
    endpoint: str
    number: int
    at_ms: int
    result: str
    status: int | None
    ms: int
    error: str
    kind: str


class Known(msgspec.Struct, frozen=True):
    """A message as it was taken; `body` is None once it was forgotten."""

    id: str
    kind: str
    player_id: str
    rule_id: str
    rule_version: int
    score: float
    decision: str
    taken_ms: int
    body: str | None


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the store to read it.

    Raises:
        BadInput: it is not there or cannot be read.

    """
    if not path.exists():
        raise BadInput(f"there is no dispatcher's store at {path}: ./gamewax webhooks run makes it")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_S)) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise BadInput(f"the dispatcher's store {path} cannot be read: {error}") from error


def standings(db: sqlite3.Connection) -> dict[str, Standing]:
    """Give how every endpoint stands that was ever in the file."""
    pending = {
        name: (count, oldest_ms, next_ms)
        for name, count, oldest_ms, next_ms in db.execute(
            "SELECT endpoint, count(*), min(begun_ms), min(next_ms) FROM deliveries WHERE state = 'pending' "
            "GROUP BY endpoint"
        )
    }
    dead = dict(
        db.execute("SELECT endpoint, count(*) FROM deliveries WHERE state = 'dead' GROUP BY endpoint")
    )
    counts = {
        (name, result): int(count)
        for name, result, count in db.execute("SELECT endpoint, result, count FROM results")
    }
    rows = db.execute("SELECT name, failures, until_ms, why, disabled_ms FROM endpoints ORDER BY name")
    return {
        name: Standing(
            name,
            *pending.get(name, (0, None, None)),
            counts.get((name, "delivered"), 0),
            counts.get((name, "silenced"), 0),
            dead.get(name, 0),
            *how,
        )
        for name, *how in rows
    }


def unreadable(db: sqlite3.Connection) -> int:
    """Count the records of the topic that were no message."""
    return int(db.execute("SELECT count(*) FROM unreadable").fetchone()[0])


def attempts(
    db: sqlite3.Connection, message_id: str = "", endpoint: str = "", limit: int = LAST
) -> Sequence[Attempt]:
    """Give tries, the newest first; of one message or endpoint if named."""
    rows = db.execute(
        "SELECT m.id, a.endpoint, a.number, a.at_ms, a.result, a.status, a.ms, a.error, m.kind "
        "FROM attempts a JOIN messages m USING (seq) WHERE (?1 = '' OR m.id = ?1) "
        "AND (?2 = '' OR a.endpoint = ?2) ORDER BY a.at_ms DESC, a.rowid DESC LIMIT ?3",
        (message_id, endpoint, limit),
    )
    return [Attempt(*row) for row in rows]


def message(db: sqlite3.Connection, message_id: str) -> tuple[Known, Sequence[Delivery]] | None:
    """Give a message and how far it has come; None when there is none with this id."""
    row = db.execute(
        "SELECT seq, id, kind, player_id, rule_id, rule_version, score, decision, taken_ms, body "
        "FROM messages WHERE id = ?",
        (message_id,),
    ).fetchone()
    if row is None:
        return None
    rows = db.execute(
        "SELECT endpoint, state, tries, next_ms, ended_ms, reason FROM deliveries WHERE seq = ? "
        "ORDER BY endpoint",
        row[:1],
    )
    return Known(*row[1:]), [Delivery(*delivery) for delivery in rows]


def wanted_again(
    db: sqlite3.Connection, message_id: str, endpoint: str, *, dead: bool
) -> list[tuple[str, int]]:
    """Give endpoint and number of what is to be sent again: one message, or all that is dead."""
    if dead:
        rows = db.execute(
            "SELECT endpoint, seq FROM deliveries WHERE state = 'dead' AND (?1 = '' OR endpoint = ?1) "
            "ORDER BY seq",
            (endpoint,),
        )
        return [(str(name), int(seq)) for name, seq in rows]
    found = db.execute("SELECT seq FROM messages WHERE id = ?", (message_id,)).fetchone()
    if found is None:
        return []
    if endpoint:
        return [(endpoint, int(found[0]))]
    names = db.execute("SELECT endpoint FROM deliveries WHERE seq = ?", found)
    return [(str(name), int(found[0])) for (name,) in names]


def samples(db: sqlite3.Connection, now_ms: int) -> Iterator[Sample]:
    """Give the dispatcher's numbers."""
    for name, of in standings(db).items():
        age_s = 0.0 if of.oldest_ms is None else max(now_ms - of.oldest_ms, 0) / 1000
        yield Sample(WEBHOOKS_PENDING, of.pending, name)
        yield Sample(WEBHOOKS_OLDEST, age_s, name)
        yield Sample(WEBHOOKS_DEAD, of.dead, name)
        yield Sample(WEBHOOKS_OPEN, of.state(now_ms) in {"open", "disabled"}, name)
    for name, result, count in db.execute("SELECT endpoint, result, count FROM results"):
        yield Sample(WEBHOOKS_TRIES, count, name, result=result)
    yield Sample(WEBHOOKS_UNREADABLE, unreadable(db))
