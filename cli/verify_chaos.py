"""`./gamewax verify chaos`: kill anything at any time, then compare every number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verify.chaos.parts import Parts
    from verify.chaos.screen import Screen

SEED = 20261122
PARTITIONS = 4
PREFIX = "gamewax-chaos-"


def chaos(
    kills: Annotated[int, typer.Option(min=1, help="How many SIGKILLs; about 4 s each.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses messages, targets and moments.")] = SEED,
    report: Annotated[Path, typer.Option(help="Where the JSON report goes.")] = Path("chaos-report.json"),
    data: Annotated[
        Path | None, typer.Option(help="An empty folder to work in and to keep; else a temporary one.")
    ] = None,
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write docs/chaos-report.md and .json, too.")
    ] = False,
) -> int:
    """Kill flows, supervisors, Kafka and ClickHouse at random moments under load; nothing may be lost.

    Kafka, ClickHouse and four flows run as processes of their own and read three topics: 600 messages a
    second with duplicates, disorder, late events and poison. Besides the kills processes are stopped for
    seconds, and a proxy before ClickHouse refuses, delays, swallows, cuts and answers errors. In the end
    every row of ten views is compared with a truth computed from the topics read back.
    """
    from settings import from_caller
    from verify.chaos.page import publish as write_page
    from verify.chaos.report import as_report, line, write
    from verify.chaos.run import chaos as run
    from verify.chaos.screen import Screen
    from verify.chaos.wreak import Wreaking

    with Screen() as screen, parts_in(data, screen) as parts:
        ran = run(parts, Wreaking(kills, seed), screen)
    found = as_report(ran)
    write(from_caller(report), found)
    if publish:
        write_page(found)
    return tell(ran.found.examples, line(ran))


@contextmanager
def parts_in(data: Path | None, screen: Screen) -> Iterator[Parts]:
    """Start Kafka and ClickHouse with topics and tables in a folder, which goes at the end if it is ours."""
    import signal
    import sys
    from random import Random
    from tempfile import TemporaryDirectory

    from cli.topics import create_topics
    from settings import from_caller
    from sinks.migrations import migrate
    from verify.chaos.parts import running
    from verify.chaos.run import FLOW_SETTINGS

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of every `finally`
    with ExitStack() as ends:
        folder = from_caller(data) if data else Path(ends.enter_context(TemporaryDirectory(prefix=PREFIX)))
        screen.tell("starting Kafka and ClickHouse")
        parts = ends.enter_context(running(folder, Random(), FLOW_SETTINGS))  # noqa: S311  ports
        create_topics(parts.settings(), PARTITIONS)
        migrate(parts.settings())
        yield parts


def tell(wrong: Iterable[str], line: str) -> int:
    """Print what is wrong and the last line; gives the exit code."""
    for example in wrong:
        print(example)
    print(line)
    return 0 if line.startswith("OK ") else 1
