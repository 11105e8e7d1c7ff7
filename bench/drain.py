"""ENG: `engagement_by_level` from a preloaded topic, against the bare consume loop of the same rounds."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import polars as pl

from bench.load import Load
from bench.rig import Figures, child, preload, rows_by_level, writer
from bench.truth import by_level
from embedded.services import Services
from settings import Settings
from sinks.migrations import migrate

DATABASE = "bench"
GOALS = {"ratio": 0.33, "cpu_us": 2.0, "rss_mb": 350.0}


@dataclass(slots=True)
class Result:
    """The rounds of one load: what the bare loop and the flow measured, and the rows compared."""

    name: str
    bare: list[Figures] = field(default_factory=list)
    flow: list[Figures] = field(default_factory=list)
    right: int = 0
    wanted: int = 0

    @property
    def ratios(self) -> list[float]:
        """Give the flow's rate over the bare loop's, round by round."""
        return [flow["rate"] / bare["rate"] for flow, bare in zip(self.flow, self.bare, strict=True)]

    @property
    def figures(self) -> dict[str, float]:
        """Give the medians that the goals are about."""
        return {
            "ratio": median(self.ratios),
            "cpu_us": median(flow["cpu_us"] for flow in self.flow),
            "rss_mb": max(flow["rss_mb"] for flow in self.flow),
        }

    @property
    def reached(self) -> bool:
        """Tell whether every row was right and every goal is reached."""
        met = self.figures
        exact = self.right == self.wanted * len(self.flow)
        return (
            exact
            and met["ratio"] >= GOALS["ratio"]
            and all(met[of] <= GOALS[of] for of in ("cpu_us", "rss_mb"))
        )

    def __str__(self) -> str:
        """Say it in one line; no speed without right rows."""
        rows = f"rows={self.right // max(len(self.flow), 1)}/{self.wanted}"
        if self.right != self.wanted * len(self.flow):
            return f"{self.name} {rows}: rows differ from the truth, so no figure counts"
        met, spread = self.figures, self.ratios
        return (
            f"{self.name} ratio={met['ratio']:.2f} ({min(spread):.2f}-{max(spread):.2f}) {rows} "
            f"rss_mb={met['rss_mb']:.0f} cpu_s_per_m={met['cpu_us']:.2f} "
            f"events_per_s={median(flow['rate'] for flow in self.flow):,.0f} runs={len(self.flow)}"
        )


def measure(services: Services, load: Load, runs: int, folder: Path) -> Result:
    """Run bare loop and flow in turn, printing a line per round."""
    preload(services, load)
    truth = by_level(load, 10)
    result = Result("ENG+IDS" if load.ids else "ENG", wanted=truth.height)
    for number in range(runs):
        result.bare.append(child("bench.bare", services.bootstrap_servers, load.topic, str(load.events)))
        rows, flow = run_flow(services, load, folder)
        result.flow.append(flow)
        result.right += truth.height if rows.equals(truth.select(rows.columns)) else 0
        print(
            f"{result.name} round {number + 1}: bare {result.bare[-1]['rate']:,.0f}/s, "
            f"flow {flow['rate']:,.0f}/s, "
            f"ratio {result.ratios[-1]:.2f}, cpu {flow['cpu_us']:.2f} us/event, rss {flow['rss_mb']:.0f} MB",
            flush=True,
        )
    return result


def run_flow(services: Services, load: Load, folder: Path) -> tuple[pl.DataFrame, Figures]:
    """Drain the topic into an empty database with an empty store; gives the rows and the figures."""
    client = writer(services)
    client.command(f"DROP DATABASE IF EXISTS {DATABASE}")
    given = services.settings()
    migrate(Settings(clickhouse=given.clickhouse.model_copy(update={"database": DATABASE})))
    shutil.rmtree(folder, ignore_errors=True)
    environment = services.environment() | {
        "GAMEWAX_CLICKHOUSE__DATABASE": DATABASE,
        "GAMEWAX_RECOVERY__DIR": str(folder),
        "GAMEWAX_DRAIN": "1",
        "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "100000" if load.ids else "0",
    }
    figures = child("bench.eng_flow", load.topic, str(load.events), str(folder), environment=environment)
    return rows_by_level(client, DATABASE), figures
