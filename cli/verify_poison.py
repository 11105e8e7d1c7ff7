"""`gamewax verify poison`: thousands of hostile messages through real Kafka, flows and ClickHouse."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def poison(
    messages: Annotated[int, typer.Option(min=0, help="Generated messages, besides the corpus.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed sends the same bytes.")] = 1,
) -> int:
    """Feed the flows poison and count every message.

    Some thousand hand-made forms (bad bytes, bad JSON, bad values, hostile keys, headers and times) and as
    many generated messages as asked for go to three topics, good messages between them. Then each flow
    reads them all. An independent judge says what must become of each: a dead letter with its reason and all
    its bytes, or an event that is counted. Every row of every table is compared; the last line says OK or
    FALLS SHORT.
    """
    from cli.topics import create_topics
    from embedded.services import running
    from sinks.migrations import migrate
    from verify.poison.run import Wanted
    from verify.poison.run import poison as run

    folder = Path(tempfile.mkdtemp(prefix="gamewax-poison-"))
    try:
        with running(folder) as services:
            at = services.settings()
            create_topics(at, 4)
            migrate(at)
            result = run(Wanted(seed, messages, at, services.environment(), say))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in result.lines():
        print(line)
    print("OK" if result.right else "FALLS SHORT", result)
    return 0 if result.right else 1


def say(line: str) -> None:
    """Tell how far it is, where someone looks on."""
    if sys.stderr.isatty():
        print(f"  {line}", file=sys.stderr)
