"""The dispatcher's store: messages as first seen, where each is to go, and how far it has come. SQLite.

Rules:
- The first body of an id stays, whatever comes under that id later; what was taken and the place in the topic
  after it are committed as one, so nothing is taken twice or missed.
- A player's messages go to an endpoint in order: only the first that is pending has a time to be tried
  (`next_ms`); the next one gets it when that one has ended, in any way.
- A delivery is pending until it is delivered, dead or silenced; each end has its time and, if it is no
  success, its reason. Times are epoch milliseconds.
- WAL: the commands read and write beside the dispatcher; `changed` tells it so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from topics.errors import NeedsOperator

if TYPE_CHECKING:  # its fields bring polars with them, which commands do not need
    from topics.fraud_outbox import Outgoing

FILE = "outbox.sqlite"
VERSION = 1
BUSY_S = 10.0
PENDING, DELIVERED, DEAD, SILENCED = "pending", "delivered", "dead", "silenced"
TABLES = """
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL, kind TEXT NOT NULL,
  player_id TEXT NOT NULL, rule_id TEXT NOT NULL, rule_version INTEGER NOT NULL, score REAL NOT NULL,
  decision TEXT NOT NULL, time TEXT NOT NULL, body TEXT, taken_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
  endpoint TEXT NOT NULL, seq INTEGER NOT NULL, player_id TEXT NOT NULL, state TEXT NOT NULL,
  tries INTEGER NOT NULL, begun_ms INTEGER NOT NULL, next_ms INTEGER, ended_ms INTEGER,
  reason TEXT NOT NULL, PRIMARY KEY (endpoint, seq)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due ON deliveries (endpoint, next_ms)
  WHERE state = 'pending' AND next_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS in_order ON deliveries (endpoint, player_id, seq) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS ages ON deliveries (endpoint, begun_ms) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS dead ON deliveries (endpoint, seq) WHERE state = 'dead';
CREATE INDEX IF NOT EXISTS ended ON deliveries (ended_ms) WHERE state != 'pending';
CREATE TABLE IF NOT EXISTS attempts (
  seq INTEGER NOT NULL, endpoint TEXT NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  result TEXT NOT NULL, status INTEGER, ms INTEGER NOT NULL, error TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS of_message ON attempts (seq, endpoint, at_ms);
CREATE INDEX IF NOT EXISTS of_time ON attempts (at_ms);
CREATE TABLE IF NOT EXISTS results (
  endpoint TEXT NOT NULL, result TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (endpoint, result)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS endpoints (
  name TEXT PRIMARY KEY, url TEXT NOT NULL, failures INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  why TEXT NOT NULL, disabled_ms INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (
  log TEXT NOT NULL, part INTEGER NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (log, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unreadable (
  log TEXT NOT NULL, part INTEGER NOT NULL, place INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  error TEXT NOT NULL, value BLOB, PRIMARY KEY (log, part, place)) WITHOUT ROWID;
"""
NEXT_OF_PLAYER = """
UPDATE deliveries SET next_ms = :now WHERE endpoint = :endpoint AND state = 'pending' AND next_ms IS NULL
  AND seq = (SELECT min(seq) FROM deliveries
             WHERE endpoint = :endpoint AND player_id = :player AND state = 'pending')
"""


class Due(NamedTuple):
    """A message that may be sent to an endpoint now."""

    seq: int
    id: str
    player_id: str
    rule_id: str
    tries: int
    begun_ms: int
    body: str


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one try; `state` is the delivery's from now on, `next_ms` when it is tried again."""

    result: str
    at_ms: int
    status: int | None = None
    ms: int = 0
    error: str = ""
    state: str = PENDING
    next_ms: int | None = None
    reason: str = ""
    counts: bool = True  # as one of its tries


class Outbox:
    """The store in a folder, made when absent; one process at a time delivers from it (the caller's lock).

    Raises:
        NeedsOperator: it is damaged, or of a later version.

    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.is_new = not self.path.exists()
        self.db = connect(self.path)
        self._seen = self._version_of_data()

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    def changed(self) -> bool:
        """Tell whether another process has written since the last question."""
        before, self._seen = self._seen, self._version_of_data()
        return before != self._seen

    def places(self, log: str) -> dict[int, int]:
        """Give the offset to read next in each partition of a log."""
        return dict(self.db.execute("SELECT part, next_offset FROM places WHERE log = ?", (log,)))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Commit all that is done inside, or nothing of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def add(self, message: Outgoing, now_ms: int) -> int | None:
        """Keep a message, inside `writing`; gives its number, or None when its id was there before."""
        row = (
            str(message.id), str(message.alert_id), message.kind, str(message.player_id),
            str(message.rule_id), message.rule_version, message.score, message.decision,
            str(message.time), message.body, now_ms,
        )  # fmt: skip
        added = self.db.execute(
            "INSERT INTO messages (id, alert_id, kind, player_id, rule_id, rule_version, score, decision, "
            "time, body, taken_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING RETURNING seq",
            row,
        ).fetchone()
        return None if added is None else int(added[0])

    def address(self, seq: int, player_id: str, endpoint: str, now_ms: int) -> None:
        """Say that a message goes to an endpoint, behind what is pending of its player (in `writing`)."""
        self.db.execute(
            "INSERT INTO deliveries VALUES (?, ?, ?, 'pending', 0, ?, NULL, NULL, '') "
            "ON CONFLICT (endpoint, seq) DO NOTHING",
            (endpoint, seq, player_id, now_ms),
        )
        self.next_of(endpoint, player_id, now_ms)

    def next_of(self, endpoint: str, player_id: str, now_ms: int) -> None:
        """Let the first pending message of a player be tried (in `writing`)."""
        self.db.execute(NEXT_OF_PLAYER, {"endpoint": endpoint, "player": player_id, "now": now_ms})

    def end(self, endpoint: str, due: Due, became: Try) -> None:
        """Write down what became of a try (in `writing`)."""
        number = due.tries + became.counts
        self.db.execute(
            "INSERT INTO attempts VALUES (?,?,?,?,?,?,?,?)",
            (due.seq, endpoint, number, became.at_ms, became.result, became.status, became.ms, became.error),
        )
        self.db.execute(
            "INSERT INTO results VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
            (endpoint, became.result),
        )
        ended = None if became.state == PENDING else became.at_ms
        self.db.execute(
            "UPDATE deliveries SET state = ?, tries = ?, next_ms = ?, ended_ms = ?, reason = ? "
            "WHERE endpoint = ? AND seq = ? AND (state = 'pending' OR ? = 'delivered')",
            (became.state, number, became.next_ms, ended, became.reason, endpoint, due.seq, became.state),
        )
        if ended is not None:
            self.next_of(endpoint, due.player_id, became.at_ms)

    def due(self, endpoint: str, now_ms: int, most: int, under_way: Iterable[int]) -> list[Due]:
        """Give messages that may be sent now, the longest due first, none that is under way."""
        excluded = set(under_way)
        rows = self.db.execute(
            "SELECT d.seq, m.id, d.player_id, m.rule_id, d.tries, d.begun_ms, m.body FROM deliveries d "
            "JOIN messages m USING (seq) WHERE d.endpoint = ? AND d.state = 'pending' AND d.next_ms <= ? "
            "ORDER BY d.next_ms, d.seq LIMIT ?",
            (endpoint, now_ms, most + len(excluded)),
        )
        return [due for due in map(Due._make, rows) if due.seq not in excluded][:most]

    def next_ms(self, endpoint: str, under_way: Sequence[int]) -> int | None:
        """Say when the next message of an endpoint is due, of those that are not under way."""
        rows = self.db.execute(
            "SELECT seq, next_ms FROM deliveries WHERE endpoint = ? AND state = 'pending' "
            "AND next_ms IS NOT NULL ORDER BY next_ms LIMIT ?",
            (endpoint, len(under_way) + 1),
        )
        return next((int(next_ms) for seq, next_ms in rows if seq not in under_way), None)

    def passed(self, log: str, places: Mapping[int, int]) -> None:
        """Remember the offsets to read next (in `writing`)."""
        self.db.executemany(
            "INSERT INTO places VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset",
            [(log, partition, offset) for partition, offset in places.items()],
        )

    def _version_of_data(self) -> int:
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])


def connect(path: Path) -> sqlite3.Connection:
    """Open the store, its tables made when absent; every write is in a transaction that we begin.

    Raises:
        NeedsOperator: it is damaged, or of a later version.

    """
    try:
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is read from the topic again
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NeedsOperator(f"{path} is of a later Gamewax (version {version}): use that one")
        if version < VERSION:
            db.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    except sqlite3.DatabaseError as error:
        raise NeedsOperator(
            f"the dispatcher's store {path} cannot be used ({error}): put a copy of it back, or move it away "
            "and say from where a new one begins (./gamewax webhooks run --help)"
        ) from error
    return db
