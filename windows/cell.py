"""One window of one shard: its groups, merged lazily from partials.

Rules:
- `fold` only appends; the work is done once when rows or a snapshot are wanted (`settle`).
- A group keeps its index as long as the cell lives. Groups meet by hash; two groups that share one
  (their second hashes differ) are an error, never joined.
- A row is changed when more events are folded into it than when it was last given out; the version
  of a row is that number of events, so less can never replace more.
- What was packed for a snapshot is kept until more is folded in; a cell at rest holds nothing else.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.aggregates import NOTHING, Aggregate, Merge, Merged, Sketched
from topics.errors import Broken
from windows.arrays import Flags, Ints, added_up, greatest_texts, sorted_unique
from windows.groups import WIDE_HASH_BITS, Groups, no_groups, only, placed, regrouped, renamed, widened
from windows.packed import CellState, packed, unpacked
from windows.partials import Partial

_MERGED = {Merge.ADD: np.add, Merge.MIN: np.minimum, Merge.MAX: np.maximum}


class Cell:
    """The state of one window in one shard.

    Args:
        aggregate: whose groups these are.
        start_ms: where the window begins.
        state: what a snapshot held; every row of it counts as changed until `note_written`.

    """

    __slots__ = ("_aggregate", "_changed", "_groups", "_loose", "_state", "_unwritten", "start_ms")

    def __init__(self, aggregate: Aggregate, start_ms: int, state: CellState | None = None) -> None:
        self._aggregate = aggregate
        self.start_ms = start_ms
        self._groups = no_groups(aggregate) if state is None else None  # None: at rest
        self._changed: Flags = np.zeros(0, np.bool_)  # by index
        self._unwritten = state is not None  # of a cell at rest: whether all its rows count as changed
        self._state = state  # None: more was folded since
        self._loose: list[Partial] = []

    def fold(self, partial: Partial) -> int:
        """Take a partial in; gives the events it holds."""
        self._loose.append(partial)
        return partial.events

    @property
    def events(self) -> int:
        """Count the events that were folded."""
        return int(self.settle().measures[0].sum())

    @property
    def changed(self) -> bool:
        """Tell whether there are rows to give out."""
        return bool(self._loose) or self._unwritten or bool(self._changed.any())

    def note_written(self) -> None:
        """Take every row as given out: a snapshot says that it was, and acknowledged."""
        self._unwritten, self._changed = False, np.zeros_like(self._changed)

    def settle(self) -> Groups:
        """Merge what was folded since the last time; gives the groups.

        Raises:
            Broken: two groups share a 64-bit hash.

        """
        mine = self._awake()
        if self._loose:
            index = self._place(mine)
            self._settle_attributes(mine, index)
            self._settle_measures(mine, index)
            self._settle_sets(mine, index)
            self._settle_sketches(mine, index)
            self._changed[index] = True
            self._state = None
            self._loose.clear()
        return mine

    def state(self) -> CellState:
        """Give all that was folded, packed."""
        if self._loose or self._state is None:
            self._state = packed(self.start_ms, self.settle())
        return self._state

    def rest(self) -> None:
        """Hold only what was packed, if nothing was folded since and all rows were given out."""
        if self._state is not None and not self.changed:
            self._groups, self._changed = None, np.zeros(0, np.bool_)

    def _awake(self) -> Groups:
        if self._groups is None:
            assert self._state is not None  # noqa: S101  `rest` and a snapshot leave one
            self._groups = unpacked(self._aggregate, self._state)
            self._changed = np.full(len(self._groups.group), self._unwritten)
            self._unwritten = False
        return self._groups

    def _place(self, mine: Groups) -> Ints:
        """Give the index of each group that came, making room for new ones."""
        group = np.concatenate([of.group for of in self._loose])
        check = np.concatenate([of.check for of in self._loose])
        index, new = placed(mine.group, group)
        if new.any():
            mine.group = np.concatenate((mine.group, group[new]))
            mine.check = np.concatenate((mine.check, check[new]))
            self._add(mine, new)
        if (mine.check[index] != check).any():
            raise Broken(f"two groups of {self._aggregate.table} share a hash in window {self.start_ms}")
        return index

    def _add(self, mine: Groups, new: Flags) -> None:
        """Make room for the names and measures of new groups, the marked ones of those that came."""
        names = [pl.concat(column) for column in zip(*(of.names for of in self._loose), strict=True)]
        if not new.all():
            names = [name.filter(pl.Series(new)) for name in names]
        known = mine.measures.shape[1]
        mine.names = [pl.concat(pair) for pair in zip(mine.names, names, strict=True)] if known else names
        nothing = np.array([NOTHING[of.merge] for of in self._aggregate.measures().values()], np.int64)
        fresh = np.repeat(nothing[:, None], new.sum(), axis=1)
        mine.measures = np.concatenate((mine.measures, fresh), axis=1)
        self._changed = np.concatenate((self._changed, new[new]))

    def _settle_attributes(self, mine: Groups, index: Ints) -> None:
        for number in range(len(self._aggregate.by), len(mine.names)):
            known, came = mine.names[number], pl.concat([of.names[number] for of in self._loose])
            if not (came <= known[pl.Series(index)]).all():
                every = np.concatenate((np.arange(len(known)), index))
                mine.names[number] = greatest_texts(every, pl.concat((known, came)))

    def _settle_measures(self, mine: Groups, index: Ints) -> None:
        values = np.concatenate([partial.measures for partial in self._loose], axis=1)
        for number, measure in enumerate(self._aggregate.measures().values()):
            _MERGED[measure.merge].at(mine.measures[number], index, values[number])

    def _settle_sets(self, mine: Groups, index: Ints) -> None:
        if len(mine.group) > 2 ** (64 - mine.hash_bits):
            mine.sets, mine.hash_bits = [widened(values) for values in mine.sets], WIDE_HASH_BITS
        parts = [[values] for values in mine.sets]
        first = 0
        for partial in self._loose:
            mapped = index[first : first + len(partial.group)].astype(np.uint64)
            first += len(partial.group)
            for part, values in zip(parts, partial.sets, strict=True):
                part.append(renamed(values, mapped, mine.hash_bits))
        mine.sets = [sorted_unique(np.concatenate(part)) for part in parts]

    def _settle_sketches(self, mine: Groups, index: Ints) -> None:
        for number, sketch in enumerate(mine.sketches):
            first, keys, counts = 0, [sketch.keys], [sketch.counts]
            for partial in self._loose:
                mapped = index[first : first + len(partial.group)].astype(np.uint64)
                first += len(partial.group)
                keys.append(regrouped(partial.sketches[number].keys, mapped))
                counts.append(partial.sketches[number].counts)
            mine.sketches[number] = added_up(np.concatenate(keys), np.concatenate(counts))

    def changed_rows(self, size_s: int, generation: int) -> pl.DataFrame:
        """Give the rows that changed since the last call, as the table's columns and `version`."""
        groups = self.settle()
        chosen, self._changed = self._changed, np.zeros_like(self._changed)
        names = groups.names if chosen.all() else [name.filter(pl.Series(chosen)) for name in groups.names]
        folded, state, sketches = groups.measures[0][chosen], self._merged(chosen), self._sketches(chosen)
        values = {
            name: term.row(Merged(folded, state[name], sketches))
            for name, term in self._aggregate.terms.items()
        }
        return pl.DataFrame(
            [
                *names,
                pl.Series("window_start", np.full(len(folded), self.start_ms, "datetime64[ms]")),
                pl.Series("window_seconds", np.full(len(folded), size_s, np.uint32)),
                *(pl.Series(name, column, nan_to_null=True) for name, column in values.items()),
                pl.Series("version", folded.astype(np.uint64) + np.uint64(generation << 48)),
            ]
        )

    def _merged(self, chosen: Flags) -> dict[str, dict[str, Ints]]:
        """Give each term's merged measures and set sizes by suffix, for the chosen groups."""
        groups, of = self.settle(), self._aggregate
        state: dict[str, dict[str, Ints]] = {name: {} for name in of.terms}
        for column, values in zip(of.measures(), groups.measures, strict=True):
            name, _, suffix = column.partition(".")
            state.setdefault(name, {})[suffix] = values[chosen]
        for column, values in zip(of.sets(), groups.sets, strict=True):
            name, _, suffix = column.partition(".")
            group = (values >> np.uint64(groups.hash_bits)).astype(np.int64)
            state[name][suffix] = np.bincount(group, minlength=len(chosen))[chosen]
        return state

    def _sketches(self, chosen: Flags) -> dict[str, Sketched]:
        """Give each metric's sketches of the chosen groups."""
        sketches = zip(self._aggregate.sketches(), self.settle().sketches, strict=True)
        return {metric: only(sketch, chosen) for metric, sketch in sketches}
