"""What the scaling benchmark found, with each prediction beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.check import Checked
from bench.rig import Figures
from bench.scale_model import Costs, error, first_at, hosts_for, limits, predict, together

GOAL_SPEEDUP = 1.6
RATES = (1_000_000, 10_000_000)


@dataclass(frozen=True, slots=True)
class Scaled:
    """One work: the costs of one process, the rounds with two, and all rows compared."""

    name: str
    costs: Costs
    two: Sequence[Figures]
    checked: Sequence[Checked]
    cores: int

    @property
    def exact(self) -> bool:
        """Tell whether every row of every run was right."""
        return all(checked.exact for checked in self.checked)

    @property
    def figures(self) -> dict[str, float]:
        """Give what two processes did, and how far the predictions are off; nothing without right rows."""
        if not self.exact:
            return {}
        rate, cpu_us, sent = (median(of[name] for of in self.two) for name in ("rate", "cpu_us", "sent"))
        of = predict(self.costs, 2)
        return {
            "speedup_cpu": 2 * self.costs.cpu_us / cpu_us,
            "speedup_wall": rate / self.costs.rate,
            "rate": rate,
            "cpu_us": cpu_us,
            "sent_bytes": sent,
            "rss_mb": max(of["rss_mb"] for of in self.two),
            "rate_error": error(together(self.costs, 2, self.cores), rate),
            "cpu_error": error(of.cpu_us, cpu_us),
            "bytes_error": error(of.bytes, sent),
        }

    @property
    def reached(self) -> bool:
        """Tell whether the rows were right and two processes do 1.6 times one's work for their CPU."""
        return self.exact and self.figures["speedup_cpu"] >= GOAL_SPEEDUP

    def __str__(self) -> str:
        """Say it in one line."""
        if not self.exact:
            return f"{self.name} rows differ from the truth, so no figure counts"
        met = self.figures
        return (
            f"{self.name} speedup_by_cpu={met['speedup_cpu']:.2f} speedup_wall={met['speedup_wall']:.2f} "
            f"rows={self.checked[-1].right}/{self.checked[-1].wanted} cpu_s_per_m={met['cpu_us']:.2f} "
            f"sent_bytes_per_event={met['sent_bytes']:.1f} events_per_s={met['rate']:,.0f} predicted off by: "
            f"events/s {met['rate_error']:+.0%}, CPU {met['cpu_error']:+.0%}, bytes {met['bytes_error']:+.0%}"
        )

    def report(self) -> str:
        """Give costs, predictions against measurements, and what breaks first, as Markdown."""
        if not self.exact:
            return str(self)
        return "\n\n".join([f"## {self.name}", self._costs(), self._checked(), *map(self._at, RATES)]) + "\n"

    def _costs(self) -> str:
        names = [name.replace("_", " ") for name in Costs.__slots__]
        values = [f"{getattr(self.costs, name):,.2f}" for name in Costs.__slots__]
        return _table([names, values])

    def _checked(self) -> str:
        met, of, costs = self.figures, predict(self.costs, 2), self.costs
        each = " + ".join(f"{median(two[f'cpu_us_{at}'] for two in self.two):.2f}" for at in (0, 1))
        lines = (
            ("events/s on these cores", costs.rate, together(costs, 2, self.cores), "rate", ""),
            ("CPU us/event", costs.cpu_us, of.cpu_us, "cpu_us", f" ({each})"),
            ("bytes exchanged/event", 0.0, of.bytes, "sent_bytes", ""),
        )
        off = {"rate": "rate_error", "cpu_us": "cpu_error", "sent_bytes": "bytes_error"}
        rows = [
            [what, _shown(one), _shown(two), _shown(met[name]) + more, f"{met[off[name]]:+.0%}"]
            for what, one, two, name, more in lines
        ]
        return _table([["", "one process", "two, predicted", "two, measured", "off by"], *rows])

    def _at(self, rate: int) -> str:
        hosts = hosts_for(self.costs, rate)
        of = predict(self.costs, hosts)
        needs = [
            [one.name, f"{one.needs:,.1f} {one.unit}", f"{one.has:,.1f} {one.unit}", f"{one.used:.0%}"]
            for one in limits(self.costs, rate)
        ]
        name, breaks = first_at(self.costs)
        said = (
            f"{rate:,} events/s: {hosts} hosts and as many partitions, {of.cpu_us:.2f} us of CPU an event, "
            f"{of.bytes:.1f} bytes exchanged an event, {of.host_mb_s:.1f} MB/s from each host. "
            f"First to break: {name}, at about {breaks:,.0f} events/s."
        )
        return f"{said}\n\n{_table([['what', 'needs', 'has', 'used'], *needs])}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"  # noqa: PLR2004


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
