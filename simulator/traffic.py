"""Endless game traffic as Kafka messages: the same arguments give the same bytes.

Rules: one message a tick, `rate` ticks a second from `start_ms`; an event's time is up to 1.5 s
before its tick, as on real networks. A late event keeps its true time and is held back for 5 s to
5 min, well within allowed lateness; one *beyond* has a time so old that its window is given up. A
duplicate is the same message again within 5,000 messages. No clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Literal, NamedTuple

from simulator.levels import Action, levels
from simulator.malformed import malformed
from simulator.sessions import Session, Who, arrive

Kind = Literal["good", "late", "beyond", "duplicate", "malformed"]

DISORDER_MS = 1_500
LATE_MS = 5_000  # at least; and at most 60 times as much
LATE_SPREAD = 60.0
BEYOND_MS = (15 * 60_000, 60 * 60_000)
BEYOND_AFTER = 2_000  # messages: before, a partition may have no watermark that an event could be behind
DUPLICATE_WITHIN = 5_000  # messages
FEWEST_SEATS, MOST_SEATS = 50, 20_000  # players in play at once; about one action a second each


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of all messages, each 0-1."""

    late: float = 0.02
    beyond: float = 0.0
    duplicates: float = 0.01
    malformed: float = 0.002


class Message(NamedTuple):
    """One message for Kafka, and what is true about it.

    `event_time_ms` and `action` are None when malformed; `reason` is that of its dead letter, else "".
    """

    key: bytes
    value: bytes | None
    event_time_ms: int | None
    kind: Kind
    reason: str
    who: Who
    action: Action | None


class Traffic:
    """The state of one run: who is in play and what is held back."""

    def __init__(self, seed: int, start_ms: int, rate: int, shares: Shares) -> None:
        self.random = Random(seed)  # noqa: S311 — a game, not a secret
        self.start_ms = start_ms
        self.rate = rate
        self.shares = shares
        self.run = f"{start_ms:x}-{seed:x}"
        self.levels = levels(self.random)
        self.seats = max(FEWEST_SEATS, min(rate, MOST_SEATS))
        self.arrivals = count()
        self.in_play = [self.arrival() for _ in range(self.seats)]
        self.held: list[tuple[int, int, Message]] = []

    def messages(self) -> Iterator[Message]:
        """Give one message a tick, for ever."""
        random = self.random.random
        held, shares = self.held, self.shares
        late = shares.malformed + shares.late
        beyond = late + shares.beyond
        for tick in count():
            if held and held[0][0] <= tick:
                yield heappop(held)[2]
                continue
            draw = random()
            if draw < shares.malformed:
                yield self.malformed()
                continue
            message = self.event(tick)
            if draw < late:
                wait_ms = LATE_MS * LATE_SPREAD ** random()
                heappush(held, (tick + int(wait_ms * self.rate / 1000), tick, message._replace(kind="late")))
                message = self.event(tick, "+")
            elif draw < beyond and tick > BEYOND_AFTER:
                message = self.event(tick, "+", self.random.randrange(*BEYOND_MS))._replace(kind="beyond")
            elif draw >= 1 - shares.duplicates:
                again = tick + 1 + int(random() * DUPLICATE_WITHIN)
                heappush(held, (again, tick, message._replace(kind="duplicate")))
            yield message

    def event(self, tick: int, suffix: str = "", ago_ms: int = 0) -> Message:
        """Let someone in play do the next thing; `suffix` tells two events of one tick apart."""
        random = self.random.random
        session, action = self.next_action(int(random() * self.seats))
        at_ms = self.start_ms + tick * 1000 // self.rate - int(random() * DISORDER_MS) - ago_ms
        stamp = written(at_ms, session.clock)
        text = f'{session.head}{action.fields}"timestamp":{stamp},"event_id":"{self.run}-{tick:x}{suffix}"}}'
        return Message(session.key, text.encode(), at_ms, "good", "", session.who, action)

    def next_action(self, seat: int) -> tuple[Session, Action]:
        """Take the next action at a seat; who has left makes room for another."""
        session = self.in_play[seat]
        action = next(session.actions, None)
        if action is None:
            session = self.in_play[seat] = self.arrival()
            action = next(session.actions)
        return session, action

    def arrival(self) -> Session:
        """Let a player begin."""
        return arrive(self.random, self.levels, self.seats, self.run, next(self.arrivals))

    def malformed(self) -> Message:
        """Give a message that is no event, under a real player's key."""
        reason, value = malformed(self.random)
        session = self.in_play[int(self.random.random() * self.seats)]
        return Message(session.key, value, None, "malformed", reason, session.who, None)


def traffic(seed: int, start_ms: int, rate: int, shares: Shares | None = None) -> Iterator[Message]:
    """Give messages for ever: `rate` a second of event time from `start_ms` (epoch ms)."""
    return Traffic(seed, start_ms, rate, shares or Shares()).messages()


def written(at_ms: int, clock: str) -> str:
    """Write a time as JSON in the way of the client.

    >>> written(1_500, "zulu"), written(1_500, "offset"), written(1_500, "epoch")
    ('"1970-01-01T00:00:01.500Z"', '"1970-01-01T02:00:01.500000+02:00"', '1500')

    """
    if clock == "epoch":
        return str(at_ms)
    second, ms = divmod(at_ms, 1000)
    if clock == "offset":
        return f'"{to_the_second(second + 7200)}.{ms:03d}000+02:00"'
    return f'"{to_the_second(second)}.{ms:03d}Z"'


@lru_cache(maxsize=4096)
def to_the_second(second: int) -> str:
    """Write an epoch second as `2026-01-01T00:00:00`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
