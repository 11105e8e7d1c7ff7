"""`./gamewax verify outage`: ClickHouse away, ill or slow, and Kafka hanging, under full load."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verify.outage.found import Asked, Found


def outage(
    seconds: Annotated[float, typer.Option(min=20, help="How long ClickHouse is away.")] = 60,
    kafka_seconds: Annotated[
        float, typer.Option(min=0, help="How long Kafka stands still; 0: not at all.")
    ] = 30,
    rate: Annotated[int, typer.Option(min=100, help="Events a second, all the time.")] = 20_000,
) -> int:
    """Take ClickHouse away under full load: memory stays, reading pauses, nothing is lost, nothing double.

    A flow reads 20,000 events a second while ClickHouse is away, then slow (5 s for each request; a slow
    line), answers errors, cuts requests, cuts connections after it has written, answers nobody; then Kafka
    stands still. Another flow on the same machine goes on. In the end each row and each book is compared
    with a count of what was sent, and each figure is told with its goal: one that is missed is FALLS SHORT.
    Services are started for it in a folder that is gone afterwards.
    """
    from cli.topics import create_topics
    from embedded.services import running
    from sinks.migrations import migrate
    from verify.outage.found import Asked
    from verify.outage.story import play

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of every `finally`
    asked = Asked(seconds, kafka_seconds, rate)
    with (
        TemporaryDirectory(prefix="gamewax-outage-") as folder,
        running(Path(folder) / "services") as services,
    ):
        create_topics(services.settings(), 4)
        migrate(services.settings())
        found = play(services, asked, Path(folder), lambda line: print(line, flush=True))
    return conclude(asked, found)


def conclude(asked: Asked, found: Found) -> int:
    """Print each figure with its goal, then the last line; gives the exit code."""
    from verify.outage.found import AWAY, CATCHING_UP, OTHERS
    from verify.outage.goals import goals

    judged = goals(asked, found)
    print(*judged, sep="\n")
    missed = [goal for goal in judged if not goal.met]
    if missed:
        short = "; ".join(f"{goal.name}: {goal.found}, not {goal.wanted}" for goal in missed)
        print(f"FALLS SHORT outage seconds={asked.seconds:.0f} missed={len(missed)} ({short})")
        return 1
    grew_mb = max(found.grew_mb(act) for act in (AWAY, CATCHING_UP, OTHERS))
    figures = f"grew_mb={grew_mb} lost=0 double=0 catch_up={found.catch_up:.1f}x"
    print(f"OK outage seconds={asked.seconds:.0f} {figures}")
    return 0
