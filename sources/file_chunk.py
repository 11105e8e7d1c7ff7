"""What a file reader gives: some messages with their places in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from topics.dead_letters import DeadLetter
from windows.arrays import Ints
from windows.take import Arrivals, Take


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some messages of one file.

    `offsets` are their numbers (lines of NDJSON, rows of all else), from 1 and ascending; `places` the
    line or row that an editor shows; `notes` says by offset what decoding cannot know.
    """

    values: Sequence[bytes]
    offsets: Ints
    places: Ints
    notes: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.values)

    def split(self, offset: int) -> tuple[Chunk, Chunk]:
        """Give the messages before an offset, and the others."""
        at = int(np.searchsorted(self.offsets, offset))
        return (
            replace(self, values=self.values[:at], offsets=self.offsets[:at], places=self.places[:at]),
            replace(self, values=self.values[at:], offsets=self.offsets[at:], places=self.places[at:]),
        )

    def arrivals(self, as_of_ms: int) -> Arrivals:
        """Give them as a lane takes them; all arrived at one time."""
        count = len(self.values)
        return Arrivals(self.values, self.offsets, np.full(count, as_of_ms, np.int64), [None] * count)

    def with_places(self, take: Take, place: Callable[[int], str]) -> Take:
        """Tell of each dead letter where it stands in the file."""
        if not take.dead:
            return take
        return replace(take, dead=tuple(self._placed(letter, place) for letter in take.dead))

    def _placed(self, letter: DeadLetter, place: Callable[[int], str]) -> DeadLetter:
        row = int(np.searchsorted(self.offsets, letter.offset))
        error = self.notes.get(letter.offset, letter.error)
        return replace(letter, error=f"{error} ({place(int(self.places[row]))})")


class Reader(Protocol):
    """An open file that gives its messages in order."""

    unit: str  # what an editor counts: "line" or "row"

    @property
    def on_disk(self) -> int:
        """How many bytes of the file as it lies there were read."""
        ...

    def skip_to(self, offset: int) -> None:
        """Stand before the message with this number; only at the beginning of reading."""

    def read(self, most: int) -> Chunk | None:
        """Give some of the next messages, at most so many; None at the file's end."""
        ...

    def close(self) -> None:
        """Close the file."""
