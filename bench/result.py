"""What every benchmark gives: a name, whether its goals are reached, its figures, and one line of text.

Rules:
- `str(result)` is what the last line says of it: `ENG ratio=… rows=2200/2200 …`. Where rows were wrong it
  says so and gives no figure; `figures` is empty then, and `reached` is False.
- `figures` holds medians by name, with the unit in the name (`cpu_us`, `rss_mb`, `p99_ms`, `events_per_s`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Result(Protocol):
    """One finished benchmark, as the command and `bench/RESULTS.md` take it."""

    @property
    def name(self) -> str:
        """What was measured, in capitals: ENG, ALERT, FLINK-SQL-ENG."""
        ...

    @property
    def reached(self) -> bool:
        """Whether every row was right and every goal is reached."""
        ...

    @property
    def figures(self) -> dict[str, float]:
        """The medians that the goals are about; empty when rows were wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Failed:
    """A benchmark that broke before it had a figure."""

    name: str
    why: str
    reached: bool = False
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say why."""
        return f"{self.name} broke: {self.why}"
