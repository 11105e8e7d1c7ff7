"""A view as a sheet: its rows by their keys; and two sheets against each other.

Rules: every column of every row counts, a row that only one side has is wrong. Numbers are equal to the last
bit, percentiles within the sketch's 1 %. *Lost* and *double* are events missing in rows, or too many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Key = tuple[Any, ...]
Row = Mapping[str, object]
Sheet = Mapping[Key, Row]

COUNTING = ("events", "purchases", "samples", "read")  # the column that says how many events a row stands for
PERCENTILES = ("latency_p50", "latency_p95", "latency_p99", "tick_ms_p50", "tick_ms_p99")
PERCENTILE_ERROR = 0.0101  # of the value; a float's last bits on top of 1 %
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Compared:
    """One view against the truth."""

    view: str
    rows: int
    wrong: int
    lost: int
    double: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one line."""
        found = f"{self.wrong:,} wrong, {self.lost:,} lost, {self.double:,} double"
        return f"{self.view}: {self.rows:,} rows, {found}"


def compare(view: str, shown: Sheet, true: Sheet) -> Compared:
    """Compare what a view shows with what is true.

    >>> compare("engagement", {("g",): {"events": 2}}, {("g",): {"events": 3}})
    Compared(view='engagement', rows=1, wrong=1, lost=1, double=0, examples=("('g',): events is 2, not 3",))

    """
    wrong = [key for key in shown.keys() | true.keys() if not agree(shown.get(key), true.get(key))]
    more = [_events(shown.get(key)) - _events(true.get(key)) for key in wrong]
    return Compared(
        view=view,
        rows=len(shown.keys() | true.keys()),
        wrong=len(wrong),
        lost=-sum(count for count in more if count < 0),
        double=sum(count for count in more if count > 0),
        examples=tuple(
            _told(key, shown.get(key), true.get(key)) for key in sorted(wrong, key=str)[:EXAMPLES]
        ),
    )


def agree(shown: Row | None, true: Row | None) -> bool:
    """Tell whether a row says what is true."""
    if shown == true:
        return True
    return shown is not None and true is not None and not _differing(shown, true)


def _differing(shown: Row, true: Row) -> list[str]:
    names = [*true, *(name for name in shown if name not in true)]
    return [name for name in names if not _alike(name, shown.get(name), true.get(name))]


def _alike(name: str, shown: object, true: object) -> bool:
    if name in PERCENTILES and isinstance(shown, float) and isinstance(true, int | float):
        return abs(shown - true) <= abs(true) * PERCENTILE_ERROR
    return shown == true


def _events(row: Row | None) -> int:
    if row is None:
        return 0
    return next((value for name in COUNTING if isinstance(value := row.get(name), int)), 1)


def _told(key: Key, shown: Row | None, true: Row | None) -> str:
    if shown is None:
        return f"{key} is missing: {true}"
    if true is None:
        return f"{key} must not be there: {shown}"
    return f"{key}: " + ", ".join(
        f"{name} is {shown.get(name)!r}, not {true.get(name)!r}" for name in _differing(shown, true)
    )
