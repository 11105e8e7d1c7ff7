"""`./gamewax verify outage`: ClickHouse away, ill or slow, and Kafka hanging, under full load."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verify.outage.story import Asked, Found


def outage(
    seconds: Annotated[float, typer.Option(min=5, help="How long ClickHouse is away.")] = 60,
    kafka_seconds: Annotated[
        float, typer.Option(min=0, help="How long Kafka stands still; 0: not at all.")
    ] = 30,
    rate: Annotated[int, typer.Option(min=100, help="Events a second, all the time.")] = 20_000,
) -> int:
    """Take ClickHouse away under full load: memory stays, reading pauses, nothing is lost, nothing double.

    A flow reads 20,000 events a second while ClickHouse is away, then slow (5 s an insert), refuses inserts
    (too many parts, HTTP 500), answers nobody, cuts connections after it has written; then Kafka stands
    still. Another flow on the same machine must not notice. In the end each row and each book is compared
    with a count of what was sent. Services are started for it in a folder that is gone afterwards.
    """
    from cli.topics import create_topics
    from embedded.services import running
    from sinks.migrations import migrate
    from verify.outage.story import Asked, play

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
    """Print the last line and give the exit code."""
    from verify.outage.story import short_of

    short = short_of(asked, found)
    figures = (
        f"outage seconds={asked.seconds:.0f} grew_mb={found.grew_mb} lost={found.wrong.lost} "
        f"double={found.wrong.double} catch_up={found.catch_up:.1f}x"
    )
    print(f"FALLS SHORT {figures} ({', '.join(short)})" if short else f"OK {figures}")
    return 1 if short else 0
