"""Which rows of an imported table can be events, and which days their day numbers are.

Rules: a row with one unreadable cell is no event; each such cell is told with its column and the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import polars as pl

from topics.errors import BadInput
from topics.import_cells import NUMBERED, Read

BAD = {
    "row": pl.Int64(),
    "line": pl.Int64(),
    "column": pl.String(),
    "cell": pl.String(),
    "problem": pl.String(),
}
EVENTS = {
    "player_id": pl.String(),
    "session_id": pl.String(),
    "event_type": pl.String(),
    "level_id": pl.String(),
    "map_id": pl.String(),
    "at_ms": pl.Int64(),
    "event_id": pl.String(),
}


class Judged(NamedTuple):
    """Rows that were read (`row` and what their cells mean), and the cells of the others (`BAD`)."""

    rows: pl.DataFrame
    bad: pl.DataFrame


def judge(cells: pl.DataFrame, reads: Mapping[str, Read]) -> Judged:
    """Part rows (`row`, `line`, a text column for each of `reads`) by whether all their cells can be read."""
    problems = {f"why {name}": read.problems for name, read in reads.items()}
    whole = cells.with_columns(**problems)
    wrong = [
        whole.filter(pl.col(f"why {name}").is_not_null()).select(
            "row", "line", column=pl.lit(name), cell=pl.col(name), problem=pl.col(f"why {name}")
        )
        for name in reads
    ]
    bad = pl.concat([pl.DataFrame(schema=BAD), *wrong]).sort("row", maintain_order=True)
    values = cells.select("row").with_columns(**{name: read.values for name, read in reads.items()})
    fine = pl.all_horizontal(pl.col(name).is_null() for name in problems)
    return Judged(values.filter(whole.select(fine).to_series()), bad)


def days_since_1970(days: Collection[int], first_day: int, today: int) -> int:
    """Say what to add to the days of a file, as `import_cells.days` gives them, to have days since 1970.

    Day number 1 is `first_day`, or number 0 where a file has one; dates are themselves already.

    >>> days_since_1970([NUMBERED + 1, NUMBERED + 2], first_day=100, today=200) + NUMBERED + 1
    100

    Raises:
        BadInput: some are dates and some are numbers, or a number's day is not over.

    """
    numbers = [day - NUMBERED for day in days if day >= NUMBERED]
    if not numbers:
        return 0
    if len(numbers) < len(days):
        raise BadInput(f"the column of days holds both dates and plain numbers (like {numbers[0]})")
    begin = min(1, *numbers)
    beyond = first_day + max(numbers) - begin - today
    if beyond >= 0:
        raise BadInput(
            f"day {max(numbers)} would not be over yet: set --first-day at least {beyond + 1} days earlier"
        )
    return first_day - begin - NUMBERED
