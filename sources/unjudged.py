"""Messages of one partition that were read and are not judged yet: poll by poll, until they are a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sources.messages import bytes_of
from windows.take import Arrivals

POLL = 2_000  # messages a poll takes at most: larger polls are slower (cache)
BATCH_BYTES = 8 << 20  # of large messages: as many are judged at once, and no more wait meanwhile


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon messages are judged: the defaults are for tables, where many at once cost least.

    `batch` messages are judged at once while catching up, a smaller batch when its first message is
    `linger_s` old. A partition rests for `rest` after a poll that found nothing (None: for a millisecond,
    the engine's own), and may run `ahead_ms` of event time ahead of another that has unread messages. While
    a partition is silent a tick tells so every `quiet_every_s` (`windows.take.Quiet`; None: no ticks).
    """

    batch: int = 10_000
    linger_s: float = 0.1
    rest: timedelta | None = timedelta(milliseconds=5)
    ahead_ms: int = 30_000
    quiet_every_s: float | None = None


FOR_TABLES = Pace()


@dataclass(slots=True)
class Unjudged:
    """Gathers polls; `since_s` is when the first of them came."""

    pace: Pace
    polls: list[Arrivals] = field(default_factory=list)
    messages: int = 0
    bytes: int = 0  # a full poll counts for nothing, as the client fetches but few MB ahead
    since_s: float = 0.0

    def __len__(self) -> int:
        """Count the messages."""
        return self.messages

    def add(self, poll: Arrivals, now_s: float) -> None:
        """Put a poll after the others."""
        self.since_s = self.since_s if self.polls else now_s
        self.polls.append(poll)
        self.messages += len(poll)
        self.bytes += bytes_of(poll) if len(poll) < POLL else 0

    @property
    def enough(self) -> bool:
        """Tell whether they are a whole batch."""
        return self.messages >= self.pace.batch or self.bytes >= BATCH_BYTES

    def due(self, now_s: float) -> bool:
        """Tell whether they should be judged now."""
        return self.enough or (bool(self.polls) and now_s - self.since_s >= self.pace.linger_s)

    def taken(self) -> list[Arrivals]:
        """Give them all out, and begin anew."""
        polls, self.polls, self.messages, self.bytes = self.polls, [], 0, 0
        return polls
