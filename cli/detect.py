"""`./gamewax detect`: the server-health flow's anomaly detector over a file of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topics.errors import BadInput

File = Annotated[
    Path | None,
    typer.Argument(metavar="FILE.csv", help="One series: columns timestamp and value; .gz is fine, too."),
]
Nab = Annotated[
    Path | None,
    typer.Option("--nab", metavar="DATA.csv", help="Many series instead: columns file, timestamp and value."),
]
Out = Annotated[
    Path, typer.Option("--out", metavar="SCORES.csv", help="Where the scores go, a line a sample.")
]


def detect(out: Out, file: File = None, nab: Nab = None) -> int:
    """Score each sample of a series, and say which alarms would have gone out.

    It is the detector of the flow server_health, with its one threshold: a score from 0.5 on is an alarm. A
    sample is scored by what came before it alone; the first 150 of a series are only learnt from. Later
    samples of the same trouble score low: nobody is told twice, unless it gets much worse.

    FILE.csv has lines like 2026-11-22T21:30:00Z,17.5 (or 2026-11-22 21:30:00, which is UTC, or epoch
    milliseconds), in the order in which they came; an empty value is none. SCORES.csv gets timestamp, value,
    score, verdict (scored, learning, stale: too old for its place, missing: no value), change (opened, worse,
    resolved), kind (spike, shift, flatline), since (when it began), low and high (what was expected).

    --nab reads a benchmark's series in one file, and writes file, row (from 0 in each file) and score.

    ./gamewax detect cpu.csv --out scores.csv

    ./gamewax detect --nab nab_data.csv.gz --out scores.csv
    """
    if (file is None) == (nab is None):
        raise BadInput("give one file: ./gamewax detect FILE.csv --out SCORES.csv, or --nab DATA.csv")
    from cli.detect_scores import alarms_of, score_file, score_many, write
    from settings import from_caller

    series, scores = from_caller(file or nab or ""), from_caller(out)
    if series.resolve() == scores.resolve():
        raise BadInput(f"--out {out} is the file to read: name another")
    if nab is not None:
        write(score_many(series), scores)
        typer.echo(f"wrote {scores}")
        return 0
    found = score_file(series)
    write(found, scores)
    for line in alarms_of(found):
        typer.echo(line)
    typer.echo(f"wrote {scores}")
    return 0
