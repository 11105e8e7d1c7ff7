"""Flows from a preloaded topic, against the bare consume loop of the same rounds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.check import Checked, Found
from bench.drained import Drained, joined
from bench.rig import Figures, Servers, child, preload, together, writer
from bench.work import Entry
from settings import Settings
from sinks.migrations import migrate

DATABASE = "bench"


def measure(services: Servers, entries: Sequence[Entry], runs: int, folder: Path) -> list[Drained]:
    """Run the bare loop and then each entry, `runs` times over, printing a line for each.

    The bare loop reads the first entry's topic. Entries change their order from round to round.
    """
    results = {entry.name: Drained(entry) for entry in entries}
    for result in results.values():
        result.against = results.get(result.entry.against)
    for load in {work.load.topic: work.load for entry in entries for work in entry.works}.values():
        preload(services, load)
    truths = {work.name: work.truth() for entry in entries for work in entry.works}
    first = entries[0].works[0].load
    for number in range(runs):
        bare = child("bench.bare", services.bootstrap_servers, first.topic, str(first.events))
        for entry in entries if number % 2 == 0 else entries[::-1]:
            result = results[entry.name]
            result.bare.append(bare)
            result.rounds.append(run_flows(services, entry, folder))
            found = Found(writer(services), DATABASE, folder / "0")
            result.checked.append(sum((truths[of.name].judge(found) for of in entry.works), Checked(0, 0)))
            print(line(result), flush=True)
    return list(results.values())


def line(result: Drained) -> str:
    """Tell of an entry's last round."""
    flow, bare, checked = result.rounds[-1], result.bare[-1], result.checked[-1]
    if not checked.exact:
        return f"  {result.name} round {len(result.rounds)}: {checked.right} of {checked.wanted} rows right"
    return (
        f"  {result.name} round {len(result.rounds)}: bare {bare['rate']:,.0f}/s, {flow['rate']:,.0f}/s, "
        f"ratio {result.ratios[-1]:.2f}, cpu {flow['cpu_us']:.2f} us/event, rss {flow['rss_mb']:.0f} MB"
    )


def run_flows(services: Servers, entry: Entry, folder: Path) -> Figures:
    """Drain the topic into an empty database with empty stores, all flows at once; gives the figures."""
    prepare(services, entry)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    commands, environments = [], []
    for number, work in enumerate(entry.works):
        store = folder / str(number)
        commands.append(["bench.drain_flow", work.name, str(work.load.events), str(store)])
        environments.append(
            {
                **services.environment(),
                "GAMEWAX_CLICKHOUSE__DATABASE": DATABASE,
                "GAMEWAX_RECOVERY__DIR": str(store),
                "GAMEWAX_DRAIN": "1",
                "GAMEWAX_WINDOWS__DEDUP_OFFSETS": str(work.dedup_offsets),
            }
        )
    return joined(together(commands, environments), entry.works[0].load.events)


def prepare(services: Servers, entry: Entry) -> None:
    """Make the database anew, with the product's tables and the entry's own."""
    client = writer(services)
    client.command(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
    given = services.settings()
    migrate(Settings(clickhouse=given.clickhouse.model_copy(update={"database": DATABASE})))
    for statement in (statement for work in entry.works for statement in work.tables):
        client.command(statement, settings={"database": DATABASE})
