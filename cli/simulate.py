"""`gamewax simulate`: game traffic into Kafka, or as lines on stdout."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from topics.errors import BadInput

DEFAULT_RATE = 1000  # a second
PRINTED_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: lines depend on the arguments alone

Late = Annotated[float, typer.Option(min=0, max=1, help="Share that comes 5 s to 5 min late.")]
Beyond = Annotated[float, typer.Option(min=0, max=1, help="Share too late to be counted.")]
Duplicates = Annotated[float, typer.Option(min=0, max=1, help="Share that is sent twice.")]
Malformed = Annotated[float, typer.Option(min=0, max=1, help="Share that is no event.")]


def simulate(  # noqa: PLR0913 — one argument an option
    rate: Annotated[int | None, typer.Option(min=1, help="Messages a second (1000 if not given).")] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Stop after so many; else at Ctrl-C.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed and start, same bytes.")] = 1,
    *,
    lines: Annotated[bool, typer.Option("--print", help="Write lines to stdout, not to Kafka.")] = False,
    start: Annotated[
        str, typer.Option(help="First event time (now if not given; 2026-01-01T00:00:00Z with --print).")
    ] = "",
    late: Late = 0.02,
    beyond: Beyond = 0.0,
    duplicates: Duplicates = 0.01,
    malformed: Malformed = 0.002,
) -> None:
    """Make up the traffic of a game: sessions over levels and maps, some of it late or broken.

    With --events and without --rate it goes as fast as it can, and its event times end now.
    """
    import time

    import settings
    from simulator.run import Run, print_lines, send_to_kafka
    from simulator.traffic import Shares

    if late + beyond + duplicates + malformed > 1:
        raise BadInput("--late, --beyond, --duplicates and --malformed add up to more than 1")
    at_once = events is not None and (lines or rate is None)
    speed = rate or DEFAULT_RATE
    if start:
        start_ms = epoch_ms(start)
    elif lines:
        start_ms = PRINTED_START_MS
    else:
        start_ms = time.time_ns() // 1_000_000 - ((events or 0) * 1000 // speed if at_once else 0)
    run = Run(seed, speed, events, start_ms, Shares(late, beyond, duplicates, malformed), not at_once)
    said = print_lines(run) if lines else send_to_kafka(run, settings.load().kafka)
    typer.echo(said, err=lines)


def epoch_ms(text: str) -> int:
    """Read an RFC 3339 time.

    Raises:
        BadInput: it is none, or has no offset.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--start must be a time like 2026-01-01T00:00:00Z, not {text!r}") from error
    if moment.tzinfo is None:
        raise BadInput(f"--start {text!r} needs an offset: add Z for UTC")
    return int(moment.timestamp() * 1000)
