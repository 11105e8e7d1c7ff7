"""One window of one shard: its groups, merged lazily from partials.

Rules:
- `fold` only appends; the work is done once when rows or a snapshot are wanted (`settle`).
- A group keeps its index as long as the cell lives. Groups meet by hash; two groups that share one
  (their second hashes differ) are an error, never joined.
- A row is changed when more events are folded into it than when it was last given out; the version
  of a row is that number of events, so less can never replace more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.aggregates import Aggregate, Merge, Merged, Sketched
from models.sketch import BUCKET_BITS
from topics.errors import Broken
from windows.arrays import HASH_BITS, Counted, Hashes, Ints, added_up, sorted_unique
from windows.partials import Partial

WIDE_HASH_BITS = 40  # once a cell holds more groups than fit beside 48 hash bits
_NOTHING = {Merge.ADD: 0, Merge.MIN: 2**63 - 1, Merge.MAX: -(2**63)}
_MERGED = {Merge.ADD: np.add, Merge.MIN: np.minimum, Merge.MAX: np.maximum}


@dataclass(slots=True)
class Groups:
    """The groups of a cell, by index; `measures` has a row per measure and a column per group."""

    group: Hashes
    check: Hashes
    names: list[pl.Series]
    measures: Ints
    sets: list[Hashes]
    sketches: list[Counted]
    hash_bits: int = HASH_BITS


class Cell:
    """The state of one window in one shard.

    Args:
        aggregate: whose groups these are.
        start_ms: where the window begins.
        groups: what a snapshot held; every row of it counts as changed until `note_written`.

    """

    __slots__ = ("_aggregate", "_emitted", "_groups", "_loose", "start_ms")

    def __init__(self, aggregate: Aggregate, start_ms: int, groups: Groups | None = None) -> None:
        self._aggregate = aggregate
        self.start_ms = start_ms
        self._groups = groups or _no_groups(aggregate)
        self._loose: list[Partial] = []
        self._emitted: Ints = np.zeros(len(self._groups.group), np.int64)

    def fold(self, partial: Partial) -> int:
        """Take a partial in; gives the events it holds."""
        self._loose.append(partial)
        return partial.events

    @property
    def changed(self) -> bool:
        """Tell whether there are rows to give out."""
        return bool(self._loose) or bool((self._groups.measures[0] > self._emitted).any())

    def note_written(self) -> None:
        """Take every row as given out: a snapshot says that it was, and acknowledged."""
        self._emitted = self._groups.measures[0].copy()

    def settle(self) -> Groups:
        """Merge what was folded since the last time; gives the groups.

        Raises:
            Broken: two groups share a 64-bit hash.

        """
        if self._loose:
            index = self._place(
                np.concatenate([of.group for of in self._loose]),
                np.concatenate([of.check for of in self._loose]),
            )
            self._settle_measures(index)
            self._settle_sets(index)
            self._settle_sketches(index)
            self._loose.clear()
        return self._groups

    def _place(self, group: Hashes, check: Hashes) -> Ints:
        """Give the index of each group, making room for new ones."""
        mine = self._groups
        order = np.argsort(mine.group)
        place = (
            order[np.searchsorted(mine.group, group, sorter=order).clip(max=len(order) - 1)]
            if len(order)
            else None
        )
        index = np.zeros(len(group), np.int64) if place is None else place
        new = np.ones(len(group), np.bool_) if place is None else mine.group[place] != group
        if new.any():
            _, first, again = np.unique(group[new], return_index=True, return_inverse=True)
            index[new] = len(mine.group) + again
            self._add(group, check, np.flatnonzero(new)[first])
        if (self._groups.check[index] != check).any():
            raise Broken(f"two groups of {self._aggregate.table} share a hash in window {self.start_ms}")
        return index

    def _add(self, group: Hashes, check: Hashes, rows: Ints) -> None:
        mine, of = self._groups, self._aggregate
        chosen = pl.Series(rows)
        loose = zip(*(partial.names for partial in self._loose), strict=True)
        names = [pl.concat(column)[chosen] for column in loose]
        nothing = np.array([_NOTHING[measure.merge] for measure in of.measures().values()], np.int64)
        fresh = np.repeat(nothing[:, None], len(rows), axis=1)
        known = len(mine.group)
        mine.names = [pl.concat(pair) for pair in zip(mine.names, names, strict=True)] if known else names
        mine.group = np.concatenate((mine.group, group[rows]))
        mine.check = np.concatenate((mine.check, check[rows]))
        mine.measures = np.concatenate((mine.measures, fresh), axis=1)
        self._emitted = np.concatenate((self._emitted, np.zeros(len(rows), np.int64)))

    def _settle_measures(self, index: Ints) -> None:
        values = np.concatenate([partial.measures for partial in self._loose], axis=1)
        for number, measure in enumerate(self._aggregate.measures().values()):
            _MERGED[measure.merge].at(self._groups.measures[number], index, values[number])

    def _settle_sets(self, index: Ints) -> None:
        mine = self._groups
        if len(mine.group) > 2 ** (64 - mine.hash_bits):
            mine.sets, mine.hash_bits = [_widened(values) for values in mine.sets], WIDE_HASH_BITS
        parts: list[list[Hashes]] = [[values] for values in mine.sets]
        first = 0
        for partial in self._loose:
            mapped = index[first : first + len(partial.group)].astype(np.uint64)
            first += len(partial.group)
            for part, values in zip(parts, partial.sets, strict=True):
                part.append(_renamed(values, mapped, mine.hash_bits))
        mine.sets = [sorted_unique(np.concatenate(part)) for part in parts]

    def _settle_sketches(self, index: Ints) -> None:
        mine = self._groups
        for number, sketch in enumerate(mine.sketches):
            first, keys, counts = 0, [sketch.keys], [sketch.counts]
            for partial in self._loose:
                mapped = index[first : first + len(partial.group)].astype(np.uint64)
                first += len(partial.group)
                keys.append(_regrouped(partial.sketches[number].keys, mapped))
                counts.append(partial.sketches[number].counts)
            mine.sketches[number] = added_up(np.concatenate(keys), np.concatenate(counts))

    def changed_rows(self, size_s: int, generation: int) -> pl.DataFrame:
        """Give the rows that changed since the last call, as the table's columns and `version`."""
        groups = self.settle()
        folded = groups.measures[0]
        changed = np.flatnonzero(folded > self._emitted)
        self._emitted = folded.copy()
        every = len(changed) == len(folded)
        chosen = pl.Series(changed)
        names = [name if every else name[chosen] for name in groups.names]
        start = np.full(len(changed), self.start_ms, "datetime64[ms]")
        state, sketches = self._state(changed), self._sketches(changed)
        values = {
            name: term.row(Merged(folded[changed], state[name], sketches))
            for name, term in self._aggregate.terms.items()
        }
        return pl.DataFrame(
            [
                *names,
                pl.Series("window_start", start),
                pl.Series("window_seconds", np.full(len(changed), size_s, np.uint32)),
                *(pl.Series(name, column, nan_to_null=True) for name, column in values.items()),
                pl.Series("version", folded[changed].astype(np.uint64) + np.uint64(generation << 48)),
            ]
        )

    def _state(self, changed: Ints) -> dict[str, dict[str, Ints]]:
        """Give each term's merged measures and set sizes by suffix, for the changed groups."""
        groups, of = self._groups, self._aggregate
        state: dict[str, dict[str, Ints]] = {name: {} for name in of.terms}
        for column, values in zip(of.measures(), groups.measures, strict=True):
            name, _, suffix = column.partition(".")
            state.setdefault(name, {})[suffix] = values[changed]
        for column, values in zip(of.sets(), groups.sets, strict=True):
            name, _, suffix = column.partition(".")
            group = (values >> np.uint64(groups.hash_bits)).astype(np.int64)
            state[name][suffix] = np.bincount(group, minlength=len(groups.group))[changed]
        return state

    def _sketches(self, changed: Ints) -> dict[str, Sketched]:
        """Give each metric's sketches of the changed groups, renumbered from 0."""
        place = np.full(len(self._groups.group), -1, np.int64)
        place[changed] = np.arange(len(changed))
        return {
            metric: _only(sketch, place, len(changed))
            for metric, sketch in zip(self._aggregate.sketches(), self._groups.sketches, strict=True)
        }


def _no_groups(aggregate: Aggregate) -> Groups:
    return Groups(
        group=np.empty(0, np.uint64),
        check=np.empty(0, np.uint64),
        names=[pl.Series(name, dtype=pl.String) for name in aggregate.by],
        measures=np.empty((len(aggregate.measures()), 0), np.int64),
        sets=[np.empty(0, np.uint64) for _ in aggregate.sets()],
        sketches=[Counted(np.empty(0, np.uint64), np.empty(0, np.int64)) for _ in aggregate.sketches()],
    )


def _regrouped(keys: Hashes, index: Hashes) -> Hashes:
    """Turn a partial's own group numbers in sketch keys into the cell's."""
    bits = np.uint64(BUCKET_BITS)
    found: Hashes = (index[keys >> bits] << bits) | (keys & np.uint64(2**BUCKET_BITS - 1))
    return found


def _only(sketch: Counted, place: Ints, groups: int) -> Sketched:
    """Keep the sketches of the groups that have a new place (ascending); -1 = left out."""
    renumbered = place[(sketch.keys >> np.uint64(BUCKET_BITS)).astype(np.int64)]
    kept = renumbered >= 0
    bucket = sketch.keys[kept] & np.uint64(2**BUCKET_BITS - 1)
    keys = (renumbered[kept].astype(np.uint64) << np.uint64(BUCKET_BITS)) | bucket
    return Sketched(keys, sketch.counts[kept], groups)


def _renamed(values: Hashes, index: Hashes, hash_bits: int) -> Hashes:
    """Turn a partial's own group numbers into the cell's, at the cell's hash width."""
    low = (values & np.uint64(2**HASH_BITS - 1)) >> np.uint64(HASH_BITS - hash_bits)
    renamed: Hashes = (index[values >> np.uint64(HASH_BITS)] << np.uint64(hash_bits)) | low
    return renamed


def _widened(values: Hashes) -> Hashes:
    """Move a set array from 48 to 40 hash bits: room for 2^24 groups, order kept."""
    identity = np.arange(2 ** (64 - HASH_BITS), dtype=np.uint64)
    return sorted_unique(_renamed(values, identity, WIDE_HASH_BITS))
