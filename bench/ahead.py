"""How many times as fast as a peer a flow is: the same kind of events, the same run of the command.

Rules: a peer that could not run here is no reason to fall short; one whose rows were wrong is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.result import Result

PAIRS = (  # of our flow, a peer, and how many times its rate we want (0: only told)
    ("ENG-BESIDE", "FLINK-SQL-ENG-WARM", 3.0),
    ("ENG-BESIDE", "BYTEWAX-DOCS-ENG", 25.0),
    ("PLY-BESIDE", "FLINK-SQL-PLY-WARM", 0.0),
    ("PLY-BESIDE", "BYTEWAX-DOCS-PLY", 0.0),
)


@dataclass(frozen=True, slots=True)
class Ahead:
    """One flow of ours against one peer."""

    ours: Result
    theirs: Result
    least: float

    @property
    def name(self) -> str:
        """Name both."""
        return f"{self.ours.name}/{self.theirs.name}"

    @property
    def figures(self) -> dict[str, float]:
        """Give `times` of the rate, and how many times our CPU an event costs there."""
        mine, other = self.ours.figures, self.theirs.figures
        if not mine or not other:
            return {}
        return {"times": mine["rate"] / other["rate"], "cpu_times": other["cpu_us"] / mine["cpu_us"]}

    @property
    def reached(self) -> bool:
        """Tell whether we are as far ahead as we want; true for a peer that could not run here."""
        if not self.figures:
            return bool(self.ours.figures) and self.theirs.reached
        return self.figures["times"] >= self.least

    def __str__(self) -> str:
        """Say it in one line."""
        if not self.figures:
            return f"{self.name} not compared"
        goal = f" (goal >= {self.least:.0f})" if self.least else ""
        return (
            f"{self.name} times={self.figures['times']:.1f}{goal} cpu_times={self.figures['cpu_times']:.1f}"
        )


def ahead(results: Sequence[Result]) -> list[Ahead]:
    """Compare all pairs whose both sides are among the results."""
    found = {result.name: result for result in results}
    return [
        Ahead(found[mine], found[other], least)
        for mine, other, least in PAIRS
        if mine in found and other in found
    ]
