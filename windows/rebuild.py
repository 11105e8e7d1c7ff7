"""Windows computed anew from their events: what a run shows in which nothing came too late.

Rules:
- The caller hands in every event of the windows and leaves duplicates out; no event is late here.
- Groups are sharded as in the live flow, so that equal events give equal rows, sketches and all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import polars as pl

from windows.cell import Cell
from windows.cutting import Cutting
from windows.partials import MOST_ROWS
from windows.plan import CellId, Plan, slot_of
from windows.rows import Rows

Window = tuple[int, int]  # size in seconds, start in epoch ms


class Rebuilt:
    """Some windows of a flow, being filled.

    Args:
        plan: the flow's windows; its generation is that of the rows.

    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cutting = Cutting(plan.aggregates)
        self._aggregates = {of.table: of for of in plan.aggregates}
        self._cells: dict[tuple[CellId, int], Cell] = {}
        self.events: Counter[Window] = Counter()  # of the aggregate that takes every event

    def fold(self, events: pl.DataFrame) -> None:
        """Take events in, with the columns that `decode` gives."""
        for piece in events.iter_slices(MOST_ROWS):
            for table, size, partial in self._cutting.cut(piece, self._plan.sizes_s, {}):
                place = CellId(table, size, slot_of(partial.start_ms, size), partial.shard), partial.start_ms
                window = self._cells.setdefault(place, Cell(self._aggregates[table], partial.start_ms))
                folded = window.fold(partial)
                if table == self._plan.counted:
                    self.events[size, partial.start_ms] += folded

    def rows(self) -> Iterator[Rows]:
        """Give all rows of the windows, one frame a table; what is only counted has none."""
        cells = sorted((placed for placed in self._cells.items() if _table(placed)), key=_table)
        for table, group in groupby(cells, key=_table):
            frames = [cell.changed_rows(of.size_s, self._plan.generation) for (of, _), cell in group]
            yield Rows(f"{table}_upserts", pl.concat(frames))


def _table(placed: tuple[tuple[CellId, int], Cell]) -> str:
    (cell, _), _ = placed
    return cell.table
