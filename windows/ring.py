"""Which event ids a partition has shown before, within its last so many offsets.

Rules:
- An id at offset o is a duplicate when the same id stands at an offset in [o - span, o).
- Ids are compared by 128 bits of hash; equal hashes of different ids: n^2 / 2^129 for n ids.
- Every decoded message enters, duplicates too; the ring is never in a snapshot, it is read again.
- Columnar: ids live in segments sorted by hash, merged as they grow, so a batch costs one sort and a
  few binary searches; a segment wholly out of span is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from windows.arrays import Flags, Hashes, Ints

_SEEDS = 31, 37
_SEGMENT = 32_768  # smaller neighbours are merged up to this many ids


@dataclass(frozen=True, slots=True)
class Segment:
    """Ids of a stretch of the log, sorted by first hash, then by offset."""

    first: Hashes
    second: Hashes
    offsets: Ints
    newest: int

    def __len__(self) -> int:
        """Count the ids."""
        return len(self.first)


class Ring:
    """The recent ids of one partition.

    Args:
        span: how many offsets back an id is remembered; 0 recognises nothing.

    """

    def __init__(self, span: int) -> None:
        self.span = span
        self._segments: list[Segment] = []

    def seen(self, offsets: Ints, ids: pl.Series) -> Flags:
        """Tell for each message whether its id was there before, and remember all of them.

        Args:
            offsets: ascending, above all offsets given before.
            ids: a String series; null = the message has no id and is never a duplicate.

        """
        duplicate = np.zeros(len(ids), np.bool_)
        if not self.span or ids.null_count() == len(ids):
            return duplicate
        present = np.flatnonzero(ids.is_not_null().to_numpy()) if ids.null_count() else np.arange(len(ids))
        segment = _segment(ids.drop_nulls() if ids.null_count() else ids, offsets[present])
        order = np.searchsorted(offsets[present], segment.offsets)
        found = self._repeats(segment)
        for old in self._segments:
            found |= self._known(old, segment)
        duplicate[present[order]] = found
        self._remember(segment)
        return duplicate

    def _repeats(self, new: Segment) -> Flags:
        """Mark ids that stand twice in the new segment itself (sorted: neighbours)."""
        same = (new.first[1:] == new.first[:-1]) & (new.second[1:] == new.second[:-1])
        near = new.offsets[1:] - new.offsets[:-1] <= self.span
        repeats: Flags = np.concatenate(([False], same & near))
        return repeats

    def _known(self, old: Segment, new: Segment) -> Flags:
        """Mark new ids whose latest place in an old segment is near enough."""
        place = np.searchsorted(old.first, new.first, side="right") - 1
        hit = (place >= 0) & (old.first[place] == new.first) & (old.second[place] == new.second)
        near = new.offsets - old.offsets[place] <= self.span
        known: Flags = hit & near
        return known

    def _remember(self, new: Segment) -> None:
        oldest = new.newest - self.span
        self._segments = [old for old in self._segments if old.newest >= oldest]
        self._segments.append(new)
        while len(self._segments) > 1 and _close_in_size(*self._segments[-2:]):
            self._segments[-2:] = [_merged(*self._segments[-2:])]


def _segment(ids: pl.Series, offsets: Ints) -> Segment:
    hashed = ids.to_frame("id").select_seq(pl.col("id").hash(seed).alias(f"{seed}") for seed in _SEEDS)
    first, second = (column.to_numpy() for column in hashed.get_columns())
    order = np.lexsort((offsets, first)) if _has_repeats(first) else np.argsort(first)
    return Segment(first[order], second[order], offsets[order], int(offsets[-1]))


def _has_repeats(hashes: Hashes) -> bool:
    ordered = np.sort(hashes)
    return bool((ordered[1:] == ordered[:-1]).any())


def _close_in_size(old: Segment, new: Segment) -> bool:
    return len(old) + len(new) <= _SEGMENT and len(old) <= 2 * len(new)


def _merged(old: Segment, new: Segment) -> Segment:
    first = np.concatenate((old.first, new.first))
    order = np.argsort(first, kind="stable")  # old offsets stay before new ones
    second, offsets = np.concatenate((old.second, new.second)), np.concatenate((old.offsets, new.offsets))
    return Segment(first[order], second[order], offsets[order], new.newest)
