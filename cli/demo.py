"""`gamewax demo`: Kafka, traffic, the flows and ClickHouse, live, and a comparison at the end.

In: nothing but a folder for the data. Out: a live view, then the accounting identity, all tables
against the simulator's own count, planted fraud against alerts and webhooks, and a last line `OK …` or
`FALLS SHORT …`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_RATE = 1000  # messages a second
FASTEST = 50_000  # more than this one process can make up
WITHOUT_TERMINAL_S = 60.0


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(
            "--for",
            min=1,
            metavar="SECONDS",
            help="Seconds of traffic \\[default: until Ctrl-C, 60 in a pipe].",
        ),
    ] = None,
    rate: Annotated[int, typer.Option(min=1, max=FASTEST, help="Messages a second.")] = DEFAULT_RATE,
    seed: Annotated[int, typer.Option(min=0, help="Of the made-up players.")] = 1,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="A folder of its own \\[default: demo in your data folder]."
        ),
    ] = None,
) -> int:
    """See it run: game traffic through Kafka and dataflows into ClickHouse, live.

    Four use cases: where players get stuck, what is sold, how servers do, and which purchases are fraud: told
    to a receiver in here by signed webhooks. At the end every row of counts is compared with the simulator's
    own, alerts with the fraud that it planted, and every webhook must have come, rightly signed.

    Nothing is left running. The data stay in DIR until the next demo there, which starts afresh.
    """
    import psutil
    from rich.console import Console

    import settings
    from cli.demo_play import Wish, play

    began = psutil.Process().create_time()
    folder = settings.from_caller(data) if data else settings.data_home() / "demo"
    console = Console()
    live = console.is_terminal and not console.is_dumb_terminal
    limit_s = seconds if seconds or live else WITHOUT_TERMINAL_S
    return play(Wish(folder, limit_s, rate, seed, began), console if live else None)
