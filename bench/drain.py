"""A work from a preloaded topic, against the bare consume loop of the same rounds."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import polars as pl

from bench.rig import Figures, child, preload, rows_of, writer
from bench.work import SIZE_S, Work
from embedded.services import Services
from settings import Settings
from sinks.migrations import migrate

DATABASE = "bench"


@dataclass(slots=True)
class Result:
    """The rounds of one load: what the bare loop and the flow measured, and the rows compared."""

    work: Work
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
            "snapshots": median(flow["snapshots"] for flow in self.flow),
            "grown_mb": max(flow["grown_mb"] for flow in self.flow),
        }

    @property
    def reached(self) -> bool:
        """Tell whether every row was right and every goal is reached."""
        met, goals = self.figures, self.work.goals
        exact = self.right == self.wanted * len(self.flow)
        fast = met["ratio"] >= goals.get("ratio", 0)
        return exact and fast and all(met[of] <= goals.get(of, met[of]) for of in ("cpu_us", "rss_mb"))

    def __str__(self) -> str:
        """Say it in one line; no speed without right rows."""
        rows = f"rows={self.right // max(len(self.flow), 1)}/{self.wanted}"
        if self.right != self.wanted * len(self.flow):
            return f"{self.work.name} {rows}: rows differ from the truth, so no figure counts"
        met, spread = self.figures, self.ratios
        return (
            f"{self.work.name} ratio={met['ratio']:.2f} ({min(spread):.2f}-{max(spread):.2f}) {rows} "
            f"rss_mb={met['rss_mb']:.0f} grown_mb={met['grown_mb']:.0f} "
            f"cpu_s_per_m={met['cpu_us']:.2f} snapshots={met['snapshots']:.0%} "
            f"events_per_s={median(flow['rate'] for flow in self.flow):,.0f} runs={len(self.flow)}"
        )


def measure(services: Services, work: Work, runs: int, folder: Path) -> Result:
    """Run bare loop and flow in turn, printing a line per round."""
    load = work.load
    preload(services, load)
    truth = work.truth(load, SIZE_S)
    result = Result(work, wanted=truth.height)
    for number in range(runs):
        result.bare.append(child("bench.bare", services.bootstrap_servers, load.topic, str(load.events)))
        rows, flow = run_flow(services, work, folder)
        result.flow.append(flow)
        result.right += truth.height if rows.equals(truth.select(rows.columns)) else 0
        print(
            f"{result.work.name} round {number + 1}: bare {result.bare[-1]['rate']:,.0f}/s, "
            f"flow {flow['rate']:,.0f}/s, "
            f"ratio {result.ratios[-1]:.2f}, cpu {flow['cpu_us']:.2f} us/event, rss {flow['rss_mb']:.0f} MB",
            flush=True,
        )
    return result


def run_flow(services: Services, work: Work, folder: Path) -> tuple[pl.DataFrame, Figures]:
    """Drain the topic into an empty database with an empty store; gives the rows and the figures."""
    client = writer(services)
    client.command(f"DROP DATABASE IF EXISTS {DATABASE}")
    given = services.settings()
    migrate(Settings(clickhouse=given.clickhouse.model_copy(update={"database": DATABASE})))
    for statement in work.tables:
        client.command(statement, settings={"database": DATABASE})
    shutil.rmtree(folder, ignore_errors=True)
    environment = services.environment() | {
        "GAMEWAX_CLICKHOUSE__DATABASE": DATABASE,
        "GAMEWAX_RECOVERY__DIR": str(folder),
        "GAMEWAX_DRAIN": "1",
        "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "100000" if work.load.ids else "0",
    }
    figures = child(
        "bench.drain_flow", work.name, str(work.load.events), str(folder), environment=environment
    )
    key = ["window_start", *(name for name in work.aggregate.by if name != "game_id")]
    return rows_of(client, DATABASE, work.aggregate.table, key), figures
