"""A take whose events were handed to shards, and their answers: brought together again, in order.

Rules: a take goes on when every part has answered for each of its events, takes of a partition in their
order. At an epoch's end nothing waits: what an epoch reads it also answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from bytewax.operators import StatefulBatchLogic

from topics.errors import Broken
from windows.arrays import Ints
from windows.take import Take

Answers = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Answered:
    """A shard's answers to a piece."""

    part: str
    partition: int
    after: int
    places: Ints
    columns: Answers


@dataclass(frozen=True, slots=True)
class Joined:
    """A take and the columns that all shards gave for its events, by part, in the events' order."""

    take: Take
    parts: Mapping[str, Answers]


class JoinLogic(StatefulBatchLogic[Take | Answered, Joined, bytes]):
    """Brings the answers of all shards to the takes of one partition, in order."""

    def __init__(self, parts: int, packed: bytes | None) -> None:
        del packed
        self._parts = parts
        self._waiting: deque[Open] = deque()
        self._early: list[Answered] = []  # the engine may hand on an answer before the take itself

    def on_batch(self, values: list[Take | Answered]) -> tuple[Iterable[Joined], bool]:
        """Note what came; gives the takes that are complete."""
        for value in values:
            if isinstance(value, Take):
                self._waiting.append(Open(value))
            else:
                self._early.append(value)
        self._enter()
        return list(self._complete()), False

    def snapshot(self) -> bytes:
        """Write nothing: at an epoch's end every take is answered.

        Raises:
            Broken: one is not.

        """
        if self._waiting or self._early:
            raise Broken(f"{len(self._waiting)} takes were not answered within their epoch")
        return b""

    def _enter(self) -> None:
        known = {of.take.after.next_offset: of for of in self._waiting}
        left: list[Answered] = []
        for answer in self._early:
            if (asked := known.get(answer.after)) is None:
                left.append(answer)
            else:
                asked.enter(answer)
        self._early = left

    def _complete(self) -> Iterator[Joined]:
        while self._waiting and self._waiting[0].answered(self._parts):
            of = self._waiting.popleft()
            yield Joined(of.take, of.columns)


@dataclass(slots=True)
class Open:
    """A take that waits for answers; `rows` counts those that came, by part."""

    take: Take
    columns: dict[str, dict[str, npt.NDArray[np.generic]]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def enter(self, answer: Answered) -> None:
        """Put a shard's answers in the places of its rows."""
        height = height_of(self.take)
        of = self.columns.setdefault(answer.part, {})
        for name, values in answer.columns.items():
            if name not in of:
                of[name] = np.zeros(height, values.dtype)
            of[name][answer.places] = values
        self.rows[answer.part] = self.rows.get(answer.part, 0) + len(answer.places)

    def answered(self, parts: int) -> bool:
        """Tell whether each part has answered for every event."""
        return len(self.rows) == parts and all(rows == height_of(self.take) for rows in self.rows.values())


def height_of(take: Take) -> int:
    """Count a take's events."""
    return 0 if take.events is None else take.events.height
