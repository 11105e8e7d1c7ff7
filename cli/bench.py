"""`./gamewax bench`: how fast, with the rows compared before any figure counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput

if TYPE_CHECKING:
    from bench.drain import Result
    from bench.lat import Freshness

NAMES = {
    "eng": "engagement by level with distinct players, against the bare consume loop",
    "ply": "events per player: nearly every second event makes a row",
    "keys": "events per player with 1,000 to 1,000,000 players",
    "hour": "memory over an hour of event time (--events 72000000)",
    "lat": "freshness at 20,000 events/s: produced until its row is readable",
}


def bench(
    name: Annotated[
        str, typer.Argument(help="; ".join(f"{name}: {what}" for name, what in NAMES.items()))
    ] = "eng",
    runs: Annotated[int, typer.Option(min=1, help="Rounds of bare loop and flow, in turn.")] = 5,
    events: Annotated[int, typer.Option(min=100_000, help="Events in the preloaded topic.")] = 8_000_000,
    seconds: Annotated[int, typer.Option(min=5, help="Seconds of live traffic (lat).")] = 40,
    data: Annotated[Path | None, typer.Option(help="Folder of the services; topics are kept there.")] = None,
) -> int:
    """Measure the product on this machine and compare with its goals.

    Services are started for it; the topics are made once and kept. The last line is OK or FALLS SHORT.
    """
    from bench.drain import measure
    from bench.lat import freshness
    from bench.work import WORKS
    from cli.topics import create_topics
    from embedded.services import running
    from settings import data_home, from_caller
    from sinks.migrations import migrate

    if name.lower() not in NAMES:
        raise BadInput(f"there is no benchmark {name!r}; there are: {', '.join(NAMES)}")
    folder = from_caller(data) if data else data_home() / "bench"
    with running(folder) as services:
        create_topics(services.settings(), 4)
        migrate(services.settings())
        if name.lower() == "lat":
            return conclude([freshness(services, seconds, folder / "recovery-lat")])
        store = folder / "recovery-drain"
        return conclude([measure(services, work, runs, store) for work in WORKS[name.lower()](events)])


def conclude(results: Sequence[Result | Freshness]) -> int:
    """Print the last line and give the exit code."""
    reached = all(result.reached for result in results)
    print("OK" if reached else "FALLS SHORT", "; ".join(str(result) for result in results))
    return 0 if reached else 1
