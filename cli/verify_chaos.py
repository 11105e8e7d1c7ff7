"""`./gamewax verify chaos`: kill anything at any time, then compare every number."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SEED = 20261122


def chaos(
    kills: Annotated[int, typer.Option(min=1, help="How many SIGKILLs; about 4 s each.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses messages, targets and moments.")] = SEED,
    report: Annotated[Path, typer.Option(help="Where the JSON report goes.")] = Path("chaos-report.json"),
    data: Annotated[
        Path | None, typer.Option(help="An empty folder to work in and to keep; else a temporary one.")
    ] = None,
) -> int:
    """Kill flows, supervisors, Kafka and ClickHouse at random moments under load; nothing may be lost.

    Kafka, ClickHouse and four flows run as processes of their own and read three topics: 600 messages a
    second with duplicates, disorder, late events and poison. Besides the kills processes are stopped for
    seconds, and a proxy before ClickHouse refuses, delays, swallows, cuts and answers errors. In the end
    every row of ten views is compared with a truth computed from the topics read back.
    """
    from contextlib import ExitStack
    from random import Random
    from shutil import rmtree
    from tempfile import mkdtemp

    from cli.topics import create_topics
    from settings import from_caller
    from sinks.migrations import migrate
    from verify.chaos.parts import running
    from verify.chaos.report import as_report, line, write
    from verify.chaos.run import FLOW_SETTINGS
    from verify.chaos.run import chaos as run
    from verify.chaos.screen import Screen
    from verify.chaos.wreak import Wreaking

    folder = from_caller(data) if data else Path(mkdtemp(prefix="gamewax-chaos-"))
    with ExitStack() as ends:
        if not data:
            ends.callback(rmtree, folder, ignore_errors=True)
        screen = ends.enter_context(Screen())
        screen.tell("starting Kafka and ClickHouse")
        parts = ends.enter_context(running(folder, Random(seed), FLOW_SETTINGS))  # noqa: S311  ports
        create_topics(parts.settings(), 4)
        migrate(parts.settings())
        ran = run(parts, Wreaking(kills, seed), screen)
    write(from_caller(report), as_report(ran))
    for example in ran.found.examples:
        print(example)
    print(line(ran))
    return 0 if ran.right else 1
