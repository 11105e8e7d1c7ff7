"""`./gamewax verify soak`: hours of load and faults, and memory that stays where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SEED = 20261122


def soak(
    minutes: Annotated[float, typer.Option(min=0.5, help="How long; memory is judged from 10 on.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses the messages.")] = SEED,
    report: Annotated[Path, typer.Option(help="Where the JSON report goes.")] = Path("soak-report.json"),
    data: Annotated[
        Path | None, typer.Option(help="An empty folder to work in and to keep; else a temporary one.")
    ] = None,
) -> int:
    """Feed and harm for a long time: memory, recovery stores and file descriptors must stay flat.

    The same load, parts and comparison as `verify chaos`, but one fault a minute, all kinds in turn. After
    the first quarter, which is warm-up, each process's last third must stand where its first third stood.
    """
    from cli.verify_chaos import parts_in, tell
    from settings import from_caller
    from verify.chaos.report import soak_report, write
    from verify.chaos.screen import Screen
    from verify.chaos.soak import soak as run

    with Screen() as screen, parts_in(data, screen) as parts:
        soaked = run(parts, 60 * minutes, seed, screen)
    found = soak_report(soaked)
    write(from_caller(report), found)
    for flat in soaked.flats:
        print(flat)
    return tell(soaked.ran.found.examples, str(found["line"]))
