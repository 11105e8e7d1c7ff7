"""All partials of a batch: every aggregate at every window size, cut from as few events as possible.

Rules:
- Aggregates with the same `first_by` are cut together: events first by these columns and the greatest window
  that divides all sizes, and then those groups, of which there are far fewer. Whatever merges in
  integers gives the same either way.
- Sizes that leave out the same late events share the first cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import gcd

import polars as pl

from models.aggregates import Aggregate, Term
from topics.errors import Broken
from windows.arrays import Flags, Sketches
from windows.columns import Columns, Sketching, columns_of, evaluate, told_apart
from windows.partials import Grouped, Partial, cut, grouped

Cut = tuple[str, int, Partial]  # table, window size in seconds


class Cutting:
    """Cuts batches for some aggregates.

    Raises:
        Broken: aggregates that are first cut together mean different things by one name.

    """

    def __init__(self, aggregates: Sequence[Aggregate]) -> None:
        self._alone = [of for of in aggregates if not of.first_by]
        together = dict.fromkeys(of.first_by for of in aggregates if of.first_by)
        self._families = [[of for of in aggregates if of.first_by == by] for by in together]
        self._firsts = [_first(family) for family in self._families]

    def cut(self, events: pl.DataFrame, sizes_s: Sequence[int], late: Mapping[int, Flags]) -> Iterator[Cut]:
        """Cut a batch.

        Args:
            events: at most `MOST_ROWS` decoded events with `event_time`.
            sizes_s: window sizes in seconds.
            late: by size, true for each event to leave out; no entry when none is.

        """
        evaluated = evaluate([*self._alone, *self._firsts], events)
        alone, firsts = evaluated[: len(self._alone)], evaluated[len(self._alone) :]
        for of, columns in zip(self._alone, alone, strict=True):
            for size in sizes_s:
                yield from ((of.table, size, part) for part in cut(columns, size, late.get(size)))
        for family, first, columns in zip(self._families, self._firsts, firsts, strict=True):
            for sizes, left_out in _alike(sizes_s, late):
                size_ms = gcd(*sizes) * 1000
                finer = grouped(columns, size_ms, left_out)
                if finer is not None:
                    for of, groups in _coarser(family, first, finer, size_ms):
                        yield from (
                            (of.table, size, part) for size in sizes for part in cut(groups, size, None)
                        )


def _first(family: Sequence[Aggregate]) -> Aggregate:
    """Give the aggregate that events are first cut by: all terms of a family but distinct counts."""
    terms: dict[str, Term] = {}
    for of in family:
        for name, term in of.terms.items():
            if not term.sets and terms.setdefault(name, term) is not term:
                raise Broken(f"{of.table}.{name} is another term than that of a table it is cut with")
    return Aggregate("+".join(of.table for of in family), family[0].first_by, terms)


def _coarser(
    family: Sequence[Aggregate], first: Aggregate, finer: Grouped, size_ms: int
) -> Iterator[tuple[Aggregate, Columns]]:
    """Take the groups of the first cut for events; gives what each aggregate that takes any needs of them."""
    groups = pl.DataFrame([*finer.names, pl.Series("event_time", finer.window * size_ms)])
    takes = groups.select(of.where.any().alias(of.table) for of in family if of.where is not None)
    taking = [of for of in family if of.where is None or takes[of.table][0]]
    wanted = {name: expression for of in taking for name, expression in told_apart(of)}
    values = groups.select(expression.alias(name) for name, expression in wanted.items())
    measures = dict(zip(first.measures(), finer.measures, strict=True))
    sketches = dict(zip(first.sketches(), finer.sketches, strict=True))
    for of in taking:
        kept: list[Sketching] = [Sketches(sketches[name]) for name in of.sketches()]
        yield of, columns_of(of, groups, values, ([measures[name] for name in of.measures()], kept))


def _alike(sizes_s: Sequence[int], late: Mapping[int, Flags]) -> Iterator[tuple[list[int], Flags | None]]:
    """Put sizes together that leave out the same events."""
    whole = [size for size in sizes_s if size not in late]
    if whole:
        yield whole, None
    for size in sizes_s:
        if size in late:
            yield [size], late[size]
