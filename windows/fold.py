"""Events folded one by one as Bytewax steps: takes in, each take's events with the answers of all shards out.

Rules:
- Three stateful steps inside: `shards` (key: a shard, as `Parting` names it), `sealed` (key: a segment of
  a shard's kept rows) and `joined` (key: a partition). Their ids are constants: a renamed step silently
  loses its state.
- A shard folds what it is handed in the order in which it comes: for one partition that of the log. Where a
  shard takes events of several partitions, their order is that of arrival.
- A take goes on when all shards have answered (`windows.join`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from windows.arrays import Ints
from windows.join import Answered, Answers, Joined, JoinLogic, height_of
from windows.seal import sealed
from windows.segments import Kept, Restoring, Segment, Segments, restored
from windows.take import Take

RowsOf = TypeVar("RowsOf", bound=Kept)
Handed_contra = TypeVar("Handed_contra", bound=Kept, contravariant=True)


class History(Protocol[Handed_contra]):
    """What a shard knows: a pure function of the rows that it was handed."""

    @property
    def newest_ms(self) -> int:
        """Give the newest time of any row."""
        ...

    def fold(self, rows: Handed_contra) -> Answers:
        """Take rows in order; gives columns, one value for each row."""
        ...

    def drop_before(self, time_ms: int) -> None:
        """Forget rows older than that."""


@dataclass(frozen=True, slots=True)
class Piece(Generic[RowsOf]):
    """What one take means for one shard: some of its rows, and their places among its events.

    `after` is the take's next offset, which tells it from others of its partition; `part` says whose answers
    these will be.
    """

    shard: str
    part: str
    partition: int
    after: int
    places: Ints
    rows: RowsOf


@dataclass(frozen=True, slots=True)
class Parting(Generic[RowsOf]):
    """How a flow's events are parted, and what is kept of them.

    `pieces` gives a take's shares; `history` an empty one for a shard; `kept_ms` is how much older than its
    shard's newest a row may be.
    """

    pieces: Callable[[Take], list[Piece[RowsOf]]]
    history: Callable[[str], History[RowsOf]]
    restoring: Restoring[RowsOf]
    kept_ms: int


class ShardLogic(StatefulBatchLogic[Piece[RowsOf], Answered | Segment, bytes], Generic[RowsOf]):
    """Runs one shard: folds pieces at once, seals rows now and then."""

    def __init__(self, parting: Parting[RowsOf], packed: bytes | None) -> None:
        self._parting = parting
        self._segments: Segments[RowsOf] | None = None
        if packed is not None:
            self._segments, kept = restored(packed, parting.restoring)
            self._history = parting.history(self._segments.key)
            for rows in kept:
                self._history.fold(rows)

    def on_batch(self, values: list[Piece[RowsOf]]) -> tuple[Iterable[Answered | Segment], bool]:
        """Fold pieces in order."""
        return [out for piece in values for out in self._folded(piece)], False

    def snapshot(self) -> bytes:
        """Name the sealed segments, and write the open rows."""
        assert self._segments is not None  # noqa: S101  a logic exists because of a piece or a snapshot
        return self._segments.pack()

    def _folded(self, piece: Piece[RowsOf]) -> Iterator[Answered | Segment]:
        if self._segments is None:
            self._segments = Segments(piece.shard, self._parting.restoring.joined)
            self._history = self._parting.history(piece.shard)
        columns = self._history.fold(piece.rows)
        yield Answered(piece.part, piece.partition, piece.after, piece.places, columns)
        yield from self._segments.add(piece.rows, self._history.newest_ms)
        oldest_ms = self._history.newest_ms - self._parting.kept_ms
        self._history.drop_before(oldest_ms)
        yield from self._segments.drop_before(oldest_ms)


class SealedLogic(StatefulBatchLogic[Segment, None, bytes]):
    """Holds one sealed segment, which the store has from the epoch on in which it was sealed."""

    def __init__(self, packed: bytes | None) -> None:
        self._packed = b"" if packed is None else packed

    def on_batch(self, values: list[Segment]) -> tuple[Iterable[None], bool]:
        """Take the segment's rows; without rows it is forgotten."""
        rows = values[-1].rows
        if rows is not None:
            self._packed = sealed(rows)
        return (), rows is None

    def snapshot(self) -> bytes:
        """Give the rows: once when they were sealed, and again at the end of the input."""
        return self._packed


@operator
def fold(step_id: str, takes: Stream[Take], parting: Parting[RowsOf], parts: int) -> KeyedStream[Joined]:
    """Hand takes' events to shards and bring the answers together; keyed by partition.

    Takes without events are left out. `parts` is how many parts answer for each event.
    """
    del step_id  # bytewax names the steps inside by it
    full = op.filter("full", takes, lambda take: height_of(take) > 0)
    pieces = op.flat_map("pieces", full, partial(_keyed_pieces, parting))
    found = op.stateful_batch("shards", pieces, partial(ShardLogic[RowsOf], parting))
    segments = op.filter_map("segments", found, _only_segments)
    op.stateful_batch("sealed", segments, SealedLogic)
    answers = op.filter_map("answers", found, _only_answers)
    waiting = op.merge("waiting", op.map("asked", full, _asked), answers)
    return op.stateful_batch("joined", waiting, partial(JoinLogic, parts))


def _keyed_pieces(parting: Parting[RowsOf], take: Take) -> list[tuple[str, Piece[RowsOf]]]:
    return [(piece.shard, piece) for piece in parting.pieces(take)]


def _asked(take: Take) -> tuple[str, Take | Answered]:
    return f"{take.after.partition:05d}", take


def _only_answers(keyed: tuple[str, Answered | Segment]) -> tuple[str, Take | Answered] | None:
    _, found = keyed
    return (f"{found.partition:05d}", found) if isinstance(found, Answered) else None


def _only_segments(keyed: tuple[str, Answered | Segment]) -> tuple[str, Segment] | None:
    _, found = keyed
    return (found.name, found) if isinstance(found, Segment) else None
