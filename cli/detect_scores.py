"""What `./gamewax detect` writes: scores of one series with all that was found, or of many series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.anomaly import CHANGES, KINDS, LEARNING, MISSING, NO_KIND, SCORED, STALE, Scored, Streams
from models.anomaly_fold import Codes
from models.server_alarm import Change
from sources.series import NAME, TIME, VALUE, read_series
from topics.errors import BadInput

BATCH = 200_000  # samples
SHOWN = 20  # alarms
VERDICTS = {SCORED: "scored", LEARNING: "learning", STALE: "stale", MISSING: "missing"}


def score_file(file: Path) -> pl.DataFrame:
    """Score one series.

    Columns: timestamp and value as they stand, score, verdict, change, kind, since, low, high.

    Raises:
        BadInput: the file does not hold what is needed.

    """
    samples = read_series(file)
    found = scored(samples.with_columns(stream=pl.lit(0, pl.Int64)))
    alarm = found.kind != NO_KIND
    since = pl.from_epoch(pl.Series(found.since_ms), time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return samples.select(
        TIME,
        VALUE,
        score=pl.Series(found.score),
        verdict=_words(found.verdict, VERDICTS),
        change=_words(found.change, CHANGES),
        kind=_words(found.kind, KINDS),
        since=pl.select(pl.when(pl.Series(alarm)).then(since)).to_series(),
        low=pl.Series(found.low).fill_nan(None),
        high=pl.Series(found.high).fill_nan(None),
    )


def _words(codes: Codes, words: Mapping[int, str]) -> pl.Series:
    """Spell codes; one without a word is nothing."""
    return pl.Series([words.get(code) for code in codes.tolist()], dtype=pl.String)


def score_many(file: Path) -> pl.DataFrame:
    """Score many series: columns file, row (from 0 in each) and score, in the file's order.

    Raises:
        BadInput: the file does not hold what is needed.

    """
    samples = read_series(file, (NAME, TIME, VALUE))
    numbered = samples.with_columns(stream=pl.col(NAME).rank("dense").cast(pl.Int64) - 1)
    row = pl.int_range(pl.len()).over(NAME).alias("row")
    return numbered.select(NAME, row, score=pl.Series(scored(numbered).score))


def scored(samples: pl.DataFrame) -> Scored:
    """Let the detector see samples (stream, time_ms, number), as the flow does: in batches, in order."""
    streams = Streams(int(samples["stream"].max()) + 1)  # type: ignore[arg-type]
    columns = TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    parts = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=samples.height)
        for some in samples.iter_slices(BATCH):
            parts.append(streams.score(*(some[name].to_numpy() for name in ("stream", "time_ms", "number"))))
            bar.advance(task, some.height)
    return Scored(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def write(scores: pl.DataFrame, file: Path) -> None:
    """Write scores as CSV.

    Raises:
        BadInput: the file cannot be written.

    """
    try:
        scores.write_csv(file)
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror or error}") from error


def alarms_of(scores: pl.DataFrame) -> Iterator[str]:
    """Tell of one series' alarms, the last ones of many."""
    counts = dict(scores["verdict"].value_counts().iter_rows())
    words = (f"{counts[word]:,} {word}" for word in VERDICTS.values() if word in counts)
    opened = scores.filter(pl.col("change") == Change.OPENED)
    resolved = int((scores["change"] == Change.RESOLVED).sum())
    yield f"{scores.height:,} samples: {', '.join(words)}"
    yield f"{opened.height:,} alarms, {resolved:,} of them resolved" + (":" if opened.height else "")
    if opened.height > SHOWN:
        yield f"  … the last {SHOWN}:"
    for time, value, score, kind, low, high in (
        opened.tail(SHOWN).select(TIME, VALUE, "score", "kind", "low", "high").iter_rows()
    ):
        yield f"  {time}  {kind:<8}  score {score:.2f}  saw {value}, expected {low:,.6g} to {high:,.6g}"
