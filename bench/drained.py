"""The rounds of one entry: what the bare loop and the flows measured, and the rows compared.

Rules: wrong rows give no figure. Figures are medians over the rounds; memory is the largest. A ratio is
to the bare loop of the same round, a cost to another entry of the same round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.check import Checked
from bench.rig import Figures
from bench.work import Entry

AT_LEAST = ("ratio", "rate")  # goals that a figure must reach; all others it must not pass
THREAD = "thread_"
SMALLEST_GONE = 1.2


@dataclass(slots=True)
class Drained:
    """The rounds of one entry so far."""

    entry: Entry
    bare: list[Figures] = field(default_factory=list)
    rounds: list[Figures] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    against: Drained | None = None

    @property
    def name(self) -> str:
        """The entry's name."""
        return self.entry.name

    @property
    def exact(self) -> bool:
        """Tell whether every row of every round was right."""
        return bool(self.checked) and all(checked.exact for checked in self.checked)

    @property
    def ratios(self) -> list[float]:
        """Give the flows' rate over the bare loop's, round by round."""
        return [of["rate"] / bare["rate"] for of, bare in zip(self.rounds, self.bare, strict=True)]

    @property
    def costs(self) -> list[float]:
        """Give how much slower it is than the other entry, round by round."""
        if self.against is None:
            return []
        both = zip(self.rounds, self.against.rounds, strict=True)
        return [1 - mine["rate"] / other["rate"] for mine, other in both]

    @property
    def figures(self) -> dict[str, float]:
        """Give the medians; nothing when rows were wrong."""
        if not self.exact:
            return {}
        names = dict.fromkeys(name for of in self.rounds for name in of)
        middle = {name: median(of.get(name, 0.0) for of in self.rounds) for name in names}
        largest = {name: max(of[name] for of in self.rounds) for name in ("rss_mb", "grown_mb")}
        costs = {"cost": median(self.costs)} if self.costs else {}
        bare = {
            "bare_per_s": median(of["rate"] for of in self.bare),
            "bare_cpu_us": median(of["cpu_us"] for of in self.bare),
        }
        return {"ratio": median(self.ratios), **middle, **largest, **bare, **costs}

    @property
    def missed(self) -> list[str]:
        """Tell which goals are missed, in words."""
        met = self.figures
        return [
            f"{name} {shown(name, met[name])}, goal {'>=' if name in AT_LEAST else '<='} {shown(name, goal)}"
            for name, goal in self.entry.goals.items()
            if name in met and (met[name] < goal if name in AT_LEAST else met[name] > goal)
        ]

    @property
    def reached(self) -> bool:
        """Tell whether every row was right and every goal is reached."""
        return self.exact and not self.missed

    @property
    def rows(self) -> str:
        """Tell the rows that were right, of those wanted, in the worst round."""
        worst = min(self.checked, key=lambda of: of.right - of.extra, default=Checked(0, 0))
        beyond = f" (+{worst.extra} that nobody wanted)" if worst.extra else ""
        return f"{worst.right}/{worst.wanted}{beyond}"

    def __str__(self) -> str:
        """Say it in one line; no speed without right rows."""
        if not self.exact:
            return f"{self.name} rows={self.rows}: rows differ from the truth, so no figure counts"
        met, spread = self.figures, self.ratios
        more = "".join(f" {name}={shown(name, met[name])}" for name in MORE if name in met)
        return (
            f"{self.name} ratio={met['ratio']:.2f} ({min(spread):.2f}-{max(spread):.2f}) rows={self.rows} "
            f"rss_mb={met['rss_mb']:.0f} cpu_s_per_m={met['cpu_us']:.2f} snapshots={met['snapshots']:.1%}"
            f"{more} events_per_s={met['rate']:,.0f} runs={len(self.rounds)}"
            + (f" [{'; '.join(self.missed)}]" if self.missed else "")
        )


MORE = ("cost", "keys_most", "keys_left", "base_mb", "after_mb", "kept")
AS_SHARE = ("cost", "snapshots", "waits")


def shown(name: str, value: float) -> str:
    """Write a figure as people read it."""
    if name in AS_SHARE:
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"  # noqa: PLR2004


def joined(parts: Sequence[Mapping[str, float]], events: int) -> dict[str, float]:
    """Make one round's figures of those of flows that ran at the same time over the same events.

    The rate counts until the last has finished; CPU, memory and rows are those of all processes.
    """
    names = dict.fromkeys(name for part in parts for name in part)
    total = {name: sum(part.get(name, 0.0) for part in parts) for name in names}
    wall = max(part["ended"] for part in parts) - min(part["began"] for part in parts)
    cpu = total["cpu_s"]
    used = {f"{name}_us": of / events * 1e6 for name, of in total.items() if name.startswith(THREAD)}
    kept = [name for name in ("rss_mb", "grown_mb", "rows", "opening_s", "closing_s", *MORE) if name in total]
    gone = {"kept": total["after_mb"] / total["base_mb"]} if total.get("base_mb") else {}
    return {
        "rate": events / wall,
        "cpu_us": cpu / events * 1e6,
        "snapshots": total["snapshot_s"] / cpu,
        "waits": max(part["wait_s"] for part in parts) / wall,
        "rows_per_event": total["rows"] / events,
        **{name: total[name] for name in kept},
        **gone,
        **used,
    }
