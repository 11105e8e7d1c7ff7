"""What is done to many deliveries at once: an endpoint gone or back, ends by age, sending again, forgetting.

Rules: each is one transaction of `Outbox.writing`, so it may run in the dispatcher or in a command beside it.
Nothing is forgotten before it has ended; an id is never forgotten, so no replay of the topic sends it again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from sinks.outbox import DEAD, Outbox
from sinks.webhook_schedule import Breaker

FORGET_AT_ONCE = 5_000  # a short transaction each
LONGEST_KEPT = 65_536  # bytes of a value that is no message


def breaker_of(outbox: Outbox, endpoint: str) -> Breaker:
    """Give how an endpoint did when it was last written down."""
    row = outbox.db.execute(
        "SELECT failures, until_ms, why FROM endpoints WHERE name = ?", (endpoint,)
    ).fetchone()
    return Breaker(*row) if row else Breaker()


def save_breaker(outbox: Outbox, endpoint: str, breaker: Breaker) -> None:
    """Write down how an endpoint does (in `writing`)."""
    outbox.db.execute(
        "UPDATE endpoints SET failures = ?, until_ms = ?, why = ? WHERE name = ?",
        (breaker.failures, breaker.until_ms, breaker.why, endpoint),
    )


def know(outbox: Outbox, endpoint: str, url: str) -> None:
    """Note an endpoint of the file; one with another address than before begins anew (in `writing`)."""
    outbox.db.execute(
        "INSERT INTO endpoints VALUES (?, ?, 0, 0, '', NULL) ON CONFLICT (name) DO UPDATE SET "
        "url = excluded.url, failures = 0, until_ms = 0, why = '', disabled_ms = NULL "
        "WHERE url != excluded.url",
        (endpoint, url),
    )


def is_disabled(outbox: Outbox, endpoint: str) -> bool:
    """Tell whether an endpoint has said that it is gone."""
    row = outbox.db.execute("SELECT disabled_ms FROM endpoints WHERE name = ?", (endpoint,)).fetchone()
    return row is not None and row[0] is not None


def disable(outbox: Outbox, endpoint: str, why: str, now_ms: int) -> None:
    """Send an endpoint nothing more: what was pending is dead (in `writing`)."""
    outbox.db.execute("UPDATE endpoints SET disabled_ms = ?, why = ? WHERE name = ?", (now_ms, why, endpoint))
    outbox.db.execute(
        "UPDATE deliveries SET state = ?, next_ms = NULL, ended_ms = ?, reason = ? "
        "WHERE endpoint = ? AND state = 'pending'",
        (DEAD, now_ms, why, endpoint),
    )


def enable(outbox: Outbox, endpoint: str) -> bool:
    """Let an endpoint be sent to again; tells whether it was disabled."""
    with outbox.writing() as db:
        found = db.execute(
            "UPDATE endpoints SET disabled_ms = NULL, failures = 0, until_ms = 0, why = '' "
            "WHERE name = ? AND disabled_ms IS NOT NULL",
            (endpoint,),
        )
        return found.rowcount > 0


def bury(outbox: Outbox, endpoint: str, seq: int, why: str, now_ms: int) -> None:
    """End a delivery without a try (in `writing`)."""
    outbox.db.execute(
        "UPDATE deliveries SET state = ?, next_ms = NULL, ended_ms = ?, reason = ? "
        "WHERE endpoint = ? AND seq = ? AND state = 'pending'",
        (DEAD, now_ms, why, endpoint, seq),
    )


def bury_old(outbox: Outbox, endpoint: str, before_ms: int, why: str, now_ms: int) -> int:
    """End what has been pending since before a time; gives how many."""
    old = outbox.db.execute(
        "SELECT seq, player_id FROM deliveries WHERE endpoint = ? AND state = 'pending' AND begun_ms < ?",
        (endpoint, before_ms),
    ).fetchall()
    if not old:
        return 0
    with outbox.writing():
        for seq, _ in old:
            bury(outbox, endpoint, seq, why, now_ms)
        for player in {player for _, player in old}:
            outbox.next_of(endpoint, player, now_ms)
    return len(old)


def shift(outbox: Outbox, by_ms: int) -> None:
    """Move all that is still to come: the clock was set by so much."""
    with outbox.writing() as db:
        db.execute(
            "UPDATE deliveries SET next_ms = next_ms + ?1, begun_ms = begun_ms + ?1 WHERE state = 'pending'",
            (by_ms,),
        )
        db.execute("UPDATE endpoints SET until_ms = until_ms + ? WHERE until_ms > 0", (by_ms,))


def send_again(outbox: Outbox, found: Iterable[tuple[str, int]], now_ms: int) -> int:
    """Make deliveries pending anew, as if never tried; gives how many had a body left to send."""
    again = 0
    with outbox.writing() as db:
        for endpoint, seq in found:
            made = db.execute(
                "INSERT INTO deliveries SELECT ?, seq, player_id, 'pending', 0, ?, ?, NULL, '' FROM messages "
                "WHERE seq = ? AND body IS NOT NULL ON CONFLICT DO UPDATE SET state = 'pending', tries = 0, "
                "begun_ms = excluded.begun_ms, next_ms = excluded.next_ms, ended_ms = NULL, reason = ''",
                (endpoint, now_ms, now_ms, seq),
            )
            again += made.rowcount
    return again


def refuse(outbox: Outbox, place: tuple[str, int, int], error: str, value: bytes | None, now_ms: int) -> None:
    """Keep a record that is no message: log, partition, offset (in `writing`)."""
    kept = None if value is None else value[:LONGEST_KEPT]
    outbox.db.execute(
        "INSERT INTO unreadable VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (*place, now_ms, error, kept),
    )


def forget(outbox: Outbox, before_ms: int) -> int:
    """Forget tries and bodies of what ended before a time, some at once; gives how many deliveries."""
    with outbox.writing() as db:
        old: Sequence[tuple[str, int]] = db.execute(
            "SELECT endpoint, seq FROM deliveries WHERE state != 'pending' AND ended_ms < ? LIMIT ?",
            (before_ms, FORGET_AT_ONCE),
        ).fetchall()
        db.executemany("DELETE FROM deliveries WHERE endpoint = ? AND seq = ?", old)
        db.execute("DELETE FROM attempts WHERE at_ms < ?", (before_ms,))
        _forget_bodies(db, {seq for _, seq in old})
    return len(old)


def _forget_bodies(db: sqlite3.Connection, numbers: set[int]) -> None:
    db.executemany(
        "UPDATE messages SET body = NULL WHERE seq = ? "
        "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq = messages.seq)",
        [(seq,) for seq in numbers],
    )
