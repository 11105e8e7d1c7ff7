"""Windows whose snapshot was taken before their table had all its columns.

Rules: a column that came since starts with nothing, so in windows that were open at the change it counts what
came after it. Columns that are gone or stand in another order are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from models.aggregates import NOTHING, Aggregate
from windows.groups import Groups, no_groups
from windows.packed import CellState, packed, unpacked


def kept_columns(of: Aggregate) -> list[str]:
    """Name all that is kept of a row, in order: what a snapshot's arrays mean."""
    sketches, attributes = (f"~{name}" for name in of.sketches()), (f"@{name}" for name in of.attributes)
    return [*of.measures(), *of.sets(), *sketches, *attributes]


def grown(of: Aggregate, kept: Sequence[str], windows: list[CellState]) -> list[CellState] | None:
    """Give windows as they are kept now, from those kept by these columns; None: they do not fit."""
    if list(kept) == kept_columns(of):
        return windows
    terms = {name: term for name, term in of.terms.items() if {*kept_columns(_alone(name, of))} <= {*kept}}
    before = replace(of, terms=terms, attributes=tuple(n for n in of.attributes if f"@{n}" in kept))
    if list(kept) != kept_columns(before):
        return None
    return [packed(state.start_ms, _filled(of, before, unpacked(before, state))) for state in windows]


def _alone(name: str, of: Aggregate) -> Aggregate:
    return Aggregate(of.table, of.by, {name: of.terms[name]})


def _filled(of: Aggregate, before: Aggregate, groups: Groups) -> Groups:
    """Put nothing where nothing was kept."""
    number, none = len(groups.group), no_groups(of)
    measures = dict(zip(before.measures(), groups.measures, strict=True))
    sets = dict(zip(before.sets(), groups.sets, strict=True))
    sketches = dict(zip(before.sketches(), groups.sketches, strict=True))
    names = dict(zip(before.names, groups.names, strict=True))
    return replace(
        groups,
        names=[names.get(name, pl.Series(name, [""] * number, pl.String)) for name in of.names],
        measures=np.stack(
            [
                measures.get(name, np.full(number, NOTHING[measure.merge]))
                for name, measure in of.measures().items()
            ]
        ),
        sets=[sets.get(name, empty) for name, empty in zip(of.sets(), none.sets, strict=True)],
        sketches=[
            sketches.get(name, empty) for name, empty in zip(of.sketches(), none.sketches, strict=True)
        ],
    )
