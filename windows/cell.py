"""One window of one shard: its groups, merged lazily from partials.

Rules:
- `fold` only appends; the work is done once when rows or a snapshot are wanted (`settle`).
- Groups meet by name, so their order of arrival never changes a row; a group keeps its index.
- A row is changed when more events are folded into it than when it was last given out; the version
  of a row is that number of events, so less can never replace more.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.aggregates import FOLDED, Aggregate, Merge
from windows.partials import HASH_BITS, Hashes, Ints, Partial, sorted_unique

WIDE_HASH_BITS = 40  # once a cell holds more groups than fit beside 48 hash bits


class Cell:
    """The state of one window in one shard.

    Args:
        aggregate: whose groups these are.
        start_ms: where the window begins.

    """

    __slots__ = ("_aggregate", "_emitted", "_loose", "groups", "hash_bits", "sets", "start_ms")

    def __init__(self, aggregate: Aggregate, start_ms: int) -> None:
        self._aggregate = aggregate
        self.start_ms = start_ms
        self.groups: pl.DataFrame | None = None
        self.sets: list[Hashes] = [np.empty(0, np.uint64) for _ in aggregate.sets()]
        self.hash_bits = HASH_BITS
        self._loose: list[Partial] = []
        self._emitted: Ints = np.empty(0, np.int64)

    @classmethod
    def restored(
        cls, aggregate: Aggregate, start_ms: int, groups: pl.DataFrame, sets: list[Hashes], hash_bits: int
    ) -> Cell:
        """Rebuild a cell from its parts; every row counts as changed."""
        cell = cls(aggregate, start_ms)
        cell.groups, cell.sets, cell.hash_bits = groups, sets, hash_bits
        cell._emitted = np.zeros(groups.height, np.int64)
        return cell

    def fold(self, partial: Partial) -> int:
        """Take a partial in; gives the events it holds."""
        self._loose.append(partial)
        return int(partial.groups[FOLDED].sum())

    def settle(self) -> pl.DataFrame:
        """Merge what was folded since the last time; gives the groups."""
        if not self._loose and self.groups is not None:
            return self.groups
        settled = [] if self.groups is None else [self.groups]
        stacked = pl.concat([*settled, *(partial.groups for partial in self._loose)])
        merged = (
            stacked.with_row_index("_row")
            .group_by(self._aggregate.by, maintain_order=True)
            .agg(*_merges(self._aggregate), pl.col("_row"))
        )
        if self.sets:
            self._settle_sets(_group_of_row(merged["_row"], stacked.height), merged.height)
        self.groups = merged.drop("_row")
        self._emitted = np.concatenate(
            (self._emitted, np.zeros(merged.height - len(self._emitted), np.int64))
        )
        self._loose.clear()
        return self.groups

    def _settle_sets(self, group_of_row: Ints, groups: int) -> None:
        if groups > 2 ** (64 - self.hash_bits):
            self.sets = [_widened(values) for values in self.sets]
            self.hash_bits = WIDE_HASH_BITS
        first = 0 if self.groups is None else self.groups.height
        parts: list[list[Hashes]] = [[values] for values in self.sets]
        for partial in self._loose:
            group = group_of_row[first : first + partial.groups.height].astype(np.uint64)
            first += partial.groups.height
            for part, values in zip(parts, partial.sets, strict=True):
                part.append(self._renamed(values, group))
        self.sets = [sorted_unique(np.concatenate(part)) for part in parts]

    def _renamed(self, values: Hashes, group: Hashes) -> Hashes:
        """Turn a partial's own group indices into this cell's, at this cell's hash width."""
        cut = np.uint64(HASH_BITS - self.hash_bits)
        low = (values & np.uint64(2**HASH_BITS - 1)) >> cut
        renamed: Hashes = (group[values >> np.uint64(HASH_BITS)] << np.uint64(self.hash_bits)) | low
        return renamed

    def changed_rows(self, size_s: int, generation: int) -> pl.DataFrame:
        """Give the rows that changed since the last call, as the table's columns and `version`."""
        groups = self.settle()
        folded = groups[FOLDED].to_numpy()
        changed = np.flatnonzero(folded > self._emitted)
        self._emitted = folded.copy()
        counted = groups.with_columns(
            pl.Series(name, self._set_sizes(values))
            for name, values in zip(self._aggregate.sets(), self.sets, strict=True)
        )
        return counted[changed].select(
            *self._aggregate.by,
            pl.lit(self.start_ms).cast(pl.Datetime("ms", "UTC")).alias("window_start"),
            pl.lit(size_s).cast(pl.UInt32).alias("window_seconds"),
            *(term.row(name).alias(name) for name, term in self._aggregate.terms.items()),
            (pl.col(FOLDED).cast(pl.UInt64) + (generation << 48)).alias("version"),
        )

    def _set_sizes(self, values: Hashes) -> Ints:
        assert self.groups is not None  # noqa: S101  settle() came first
        group = (values >> np.uint64(self.hash_bits)).astype(np.int64)
        return np.bincount(group, minlength=self.groups.height)

    @property
    def changed(self) -> bool:
        """Tell whether there may be rows to give out."""
        return bool(self._loose) or (
            self.groups is not None and bool((self.groups[FOLDED].to_numpy() > self._emitted).any())
        )


_AGG = {Merge.ADD: pl.Expr.sum, Merge.MIN: pl.Expr.min, Merge.MAX: pl.Expr.max}


def _merges(aggregate: Aggregate) -> list[pl.Expr]:
    return [_AGG[measure.merge](pl.col(name)) for name, measure in aggregate.measures().items()]


def _group_of_row(rows_of_group: pl.Series, rows: int) -> Ints:
    group = np.empty(rows, np.int64)
    lengths = rows_of_group.list.len().to_numpy()
    group[rows_of_group.explode().to_numpy()] = np.repeat(np.arange(len(lengths)), lengths)
    return group


def _widened(values: Hashes) -> Hashes:
    """Move a set array from 48 to 40 hash bits: room for 2^24 groups, order kept."""
    group = values >> np.uint64(HASH_BITS)
    low = (values & np.uint64(2**HASH_BITS - 1)) >> np.uint64(HASH_BITS - WIDE_HASH_BITS)
    return sorted_unique((group << np.uint64(WIDE_HASH_BITS)) | low)
