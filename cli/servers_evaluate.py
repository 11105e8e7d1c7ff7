"""`./gamewax servers evaluate`: how well the flow's alarms would have found what is wrong with servers."""

from __future__ import annotations

from typing import Annotated

import typer

from topics.errors import BadInput

MOST = 10_000  # server-days: about 6 minutes

Simulated = Annotated[
    bool, typer.Option("--simulated", help="On made-up metrics with planted faults: the only choice so far.")
]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same metrics and faults.")]
Days = Annotated[int, typer.Option(min=1, max=60, help="So many days of metrics.")]
Servers = Annotated[int, typer.Option(min=1, max=1000, help="Of so many servers.")]


def evaluate(*, simulated: Simulated = False, seed: Seed = 1, days: Days = 7, servers: Servers = 24) -> int:
    """Let days of a fleet's metrics pass through the flow's own detector and heartbeats.

    The metrics are made up: day and night, tournaments, restarts, collected heaps, late and lost
    samples. Among them are planted spikes, steps, flatlines, leaks and silences. Says how many were
    found, how soon, and how often somebody was told for nothing, beside three sigma (once, and three
    times in a row) and a fixed timeout. OK: better than both, both ways.

    ./gamewax servers evaluate --simulated --seed 7
    """
    if not simulated:
        raise BadInput("say what to evaluate on: --simulated")
    if days * servers > MOST:
        raise BadInput(f"--days times --servers may be {MOST:,} at most, not {days * servers:,}")
    from cli.servers_simulated import judge_simulated

    return judge_simulated(seed, days, servers)
