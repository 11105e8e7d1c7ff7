"""Topic `dead-letters`: what could not become an event, with the reason and where it came from.

Rules:
- A dead letter is the same value whichever flow met the message: everything in it follows from the
  message alone, so two flows on one topic, or two runs, write one record and one row.
- A replayed message carries the original's identity in headers. If it is bad again, its letter is the
  original's, with one replay more; headers that are not exactly as we write them say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

REPLAY_OF, FIRST_SEEN, REPLAYS = "gamewax-replay-of", "gamewax-first-seen", "gamewax-replays"
_NUMBER = rb"(0|[1-9][0-9]{0,%d})"
_WRITTEN = {
    REPLAY_OF: re.compile(rb"([0-9a-f]{8}):([A-Za-z0-9._-]{1,249}):" + _NUMBER % 8 + rb":" + _NUMBER % 17),
    FIRST_SEEN: re.compile(_NUMBER % 14),
    REPLAYS: re.compile(rb"([1-9][0-9]{0,5})"),
}

Header = Sequence[str | bytes | None]  # a name and its value


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that no flow can use.

    `log` is 8 hex digits of hash(cluster id, topic id); `path` names the offending field, empty for
    the whole message; `first_seen_ms` is the record's own Kafka timestamp (epoch ms). Of a replayed
    message log, topic, partition, offset and `first_seen_ms` are the original's; `replays` counts.
    """

    reason: str
    path: str
    error: str
    log: str
    topic: str
    partition: int
    offset: int
    key: bytes
    raw: bytes
    first_seen_ms: int
    replays: int = 0

    @property
    def id(self) -> str:
        """Name the message for ever, also when its topic is made anew."""
        return f"{self.log}:{self.topic}:{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Replay:
    """Of which message another one is the replay, and the how many-th."""

    log: str
    topic: str
    partition: int
    offset: int
    first_seen_ms: int
    replays: int

    @property
    def id(self) -> str:
        """Name the original message."""
        return f"{self.log}:{self.topic}:{self.partition}:{self.offset}"

    def headers(self) -> list[tuple[str, str | bytes | None]]:
        """Write the headers of the message that is sent again.

        >>> Replay("0a1b2c3d", "player-events", 3, 7, 1_767_225_600_005, 1).headers()[0]
        ('gamewax-replay-of', b'0a1b2c3d:player-events:3:7')

        """
        texts = {REPLAY_OF: self.id, FIRST_SEEN: str(self.first_seen_ms), REPLAYS: str(self.replays)}
        return [(name, text.encode()) for name, text in texts.items()]


def replay_of(headers: Collection[Header]) -> Replay | None:
    """Read a message's headers: each of ours once and to the letter, else it is no replay.

    >>> first = Replay("0a1b2c3d", "player-events", 3, 7, 1_767_225_600_005, 1)
    >>> replay_of([("trace", b"x"), *first.headers()]) == first
    True
    >>> replay_of(first.headers()[:2]), replay_of([*first.headers(), (REPLAYS, b"2")])
    (None, None)

    """
    for name, _ in headers:  # most headers are others' traces: be done with them soon
        if name == REPLAY_OF:
            break
    else:
        return None
    ours = [(str(name), value) for name, value in headers if name in _WRITTEN]
    read = {name: _WRITTEN[name].fullmatch(value) for name, value in ours if isinstance(value, bytes)}
    if len(ours) != len(_WRITTEN):
        return None
    of, seen, replays = (read.get(name) for name in _WRITTEN)
    if not (of and seen and replays):
        return None
    return Replay(of[1].decode(), of[2].decode(), int(of[3]), int(of[4]), int(seen[1]), int(replays[1]))
