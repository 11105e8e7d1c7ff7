"""Whether so much of what a process reads is dead letters that reading on does more harm than good.

Rules:
- Too much is more than half of the last 10,000 messages and more than half of the last 60 s, over all
  partitions of a topic that the process reads. Whole batches count, so the last 10,000 may be some more.
- A replayed dead letter that is bad again does not count: someone asked for it.
- Once too much stays too much until the process starts again: a person has to look at it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from topics.dead_letters import DeadLetter

MESSAGES = 10_000
SECONDS = 60.0
SHOWN = 3  # reasons


@dataclass(frozen=True, slots=True)
class Batch:
    """Some messages judged at one time (monotonic seconds); `dead` counts by reason and field."""

    at: float
    read: int
    dead: Counter[tuple[str, str]]


@dataclass(slots=True)
class Recent:
    """The latest batches and their sums."""

    batches: deque[Batch] = field(default_factory=deque)
    read: int = 0
    dead: int = 0

    def add(self, batch: Batch) -> None:
        """Take the newest batch."""
        self.batches.append(batch)
        self.read, self.dead = self.read + batch.read, self.dead + batch.dead.total()

    def drop(self) -> None:
        """Forget the oldest batch."""
        oldest = self.batches.popleft()
        self.read, self.dead = self.read - oldest.read, self.dead - oldest.dead.total()

    @property
    def mostly_dead(self) -> bool:
        """Whether more than half of the messages are dead letters."""
        return 2 * self.dead > self.read


class DeadShare:
    """Watches one topic's dead letters in this process; `why` says what happened once it is too much."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._by_count, self._by_time = Recent(), Recent()
        self.why: str | None = None

    def saw(self, at: float, read: int, dead: Sequence[DeadLetter]) -> bool:
        """Count a batch that was judged at a time (monotonic seconds); tells whether it made it too much."""
        new = Batch(at, read, Counter((str(of.reason), of.path) for of in dead if not of.replays))
        by_count, by_time = self._by_count, self._by_time
        by_count.add(new)
        by_time.add(new)
        while by_count.read - by_count.batches[0].read >= MESSAGES:
            by_count.drop()
        while by_time.batches[0].at <= at - SECONDS:
            by_time.drop()
        enough = by_count.read >= MESSAGES
        if self.why or not (enough and by_count.mostly_dead and by_time.mostly_dead):
            return False
        self.why = self._told()
        return True

    def _told(self) -> str:
        """Say in one line what happened, why, and what to do."""
        recent = self._by_count
        reasons = sum((batch.dead for batch in recent.batches), Counter[tuple[str, str]]())
        top = ", ".join(
            f"{reason} {path}".strip() + f" {count}" for (reason, path), count in reasons.most_common(SHOWN)
        )
        return (
            f"{recent.dead} of the last {recent.read} messages of {self._topic} are dead letters ({top}): "
            f"look at them with ./gamewax deadletters list --topic {self._topic}, mend the producer or the "
            "flow, then start the flow again; GAMEWAX_DEAD_LETTERS__PAUSE=false reads on whatever comes"
        )
