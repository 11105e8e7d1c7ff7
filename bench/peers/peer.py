"""The rounds of one peer, as `bench/result.py` wants them.

Rules: a peer has no goal of ours. It is "reached" when every row of every round was right, or when it could
not run here: peers are optional, and its line says why. Wrong rows give no figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from bench.check import Checked
from bench.rig import Figures


@dataclass(slots=True)
class Peer:
    """What one peer measured so far; `why_not` tells why it could not run, `ran_on` its versions."""

    name: str
    settings: str
    events: int
    rounds: list[Figures] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    why_not: str = ""
    ran_on: str = ""

    @property
    def exact(self) -> bool:
        """Tell whether every row of every round was right."""
        return bool(self.checked) and all(checked.exact for checked in self.checked)

    @property
    def reached(self) -> bool:
        """Tell whether there is nothing to repair."""
        return self.exact or bool(self.why_not)

    @property
    def figures(self) -> dict[str, float]:
        """Give the medians, and the most memory; nothing without right rows."""
        if not self.exact or self.why_not:
            return {}
        middle = {name: median(round_[name] for round_ in self.rounds) for name in self.rounds[0]}
        return {**middle, "rss_mb": max(round_["rss_mb"] for round_ in self.rounds)}

    @property
    def rows(self) -> str:
        """Tell the rows that were right in the worst round."""
        worst = min(self.checked, key=lambda of: of.right - of.extra)
        beyond = f" (+{worst.extra} that nobody wanted)" if worst.extra else ""
        return f"{worst.right}/{worst.wanted}{beyond}"

    def __str__(self) -> str:
        """Say it in one line."""
        if self.why_not:
            return f"{self.name} not run: {self.why_not}"
        if not self.exact:
            return f"{self.name} rows={self.rows}: rows differ from the truth, so no figure counts"
        met, rates = self.figures, [round_["rate"] for round_ in self.rounds]
        return (
            f"{self.name} events_per_s={met['rate']:,.0f} ({min(rates):,.0f}-{max(rates):,.0f}) "
            f"rows={self.rows} cpu_s_per_m={met['cpu_us']:.2f} rss_mb={met['rss_mb']:.0f} "
            f"drain_s={met['drain_s']:.1f} wall_s={met['wall_s']:.1f} events={self.events:,} "
            f"runs={len(self.rounds)}"
        )
