"""Messages of one partition that were read and are not judged yet: poll by poll, until they are a batch."""

from __future__ import annotations

from dataclasses import dataclass, field

from sources.messages import bytes_of
from windows.take import Arrivals

POLL = 2_000  # messages a poll takes at most: larger polls are slower (cache)
BATCH = 20_000  # messages judged at once while catching up
BATCH_BYTES = 8 << 20  # of large messages: as many are judged at once, and no more wait meanwhile
LINGER_S = 0.1  # a smaller batch is judged when its first message is this old


@dataclass(slots=True)
class Unjudged:
    """Gathers polls; `since_s` is when the first of them came."""

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
        return self.messages >= BATCH or self.bytes >= BATCH_BYTES

    def due(self, now_s: float) -> bool:
        """Tell whether they should be judged now."""
        return self.enough or (bool(self.polls) and now_s - self.since_s >= LINGER_S)

    def taken(self) -> list[Arrivals]:
        """Give them all out, and begin anew."""
        polls, self.polls, self.messages, self.bytes = self.polls, [], 0, 0
        return polls
