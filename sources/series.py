"""Series of numbers in a CSV file: a time and a value in each line, of one series or of many.

Rules: columns are found by name, others are left alone; the file may be gzipped. A time is a date and a time
(UTC where it names no zone) or whole epoch milliseconds. An empty value is none. Lines keep their order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from topics.errors import BadInput
from topics.times import from_text, from_texts

TIME, VALUE, NAME = "timestamp", "value", "file"
HEADER = 1  # lines before the first sample
EXAMPLE = "2026-11-22T21:30:00Z, 2026-11-22 21:30:00 or 1795383000000"


def read_series(file: Path, columns: tuple[str, ...] = (TIME, VALUE)) -> pl.DataFrame:
    """Read a file's samples: `columns` as they stand, `time_ms` (epoch ms) and `number` (NaN: no value).

    Raises:
        BadInput: it cannot be read, lacks a column, or a time or value is none; says which line.

    """
    text = _lines(file)
    missing = [name for name in columns if name not in text.columns]
    if missing:
        has = ", ".join(text.columns[:10])
        raise BadInput(f"{file} needs the columns {', '.join(columns)} in its first line; it has {has}")
    if not text.height:
        raise BadInput(f"{file} has a first line, but no samples")
    text = text.select(pl.col(*columns).fill_null("").str.strip_chars())
    return text.with_columns(time_ms=_times(text[TIME], file), number=_numbers(text[VALUE], file))


def _lines(file: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(file, infer_schema=False)
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {file}") from error
    except pl.exceptions.NoDataError as error:
        raise BadInput(f"{file} is empty") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BadInput(
            f"{file} must be CSV in UTF-8, gzipped or not: {str(error).splitlines()[0]}"
        ) from error


def _times(texts: pl.Series, file: Path) -> pl.Series:
    """Read times."""
    whole = texts.str.contains(r"^[0-9]{1,15}$")
    zoned = texts.str.contains(r"([Zz]|[+-][0-9]{2}:[0-9]{2})$")
    named = pl.select(pl.when(zoned).then(texts).otherwise(texts + "Z")).to_series()
    found, sure = from_texts(named)
    epoch = texts.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    found = np.where(whole.to_numpy(), epoch, found)
    for row in np.flatnonzero(~sure & ~whole.to_numpy()).tolist():
        time_ms = from_text(named[row])
        if time_ms is None:
            raise BadInput(f"{file}, line {line(row)}: {texts[row]!r} is no {TIME}, write it like {EXAMPLE}")
        found[row] = time_ms
    return pl.Series(found)


def _numbers(texts: pl.Series, file: Path) -> pl.Series:
    """Read values."""
    found = texts.cast(pl.Float64, strict=False)
    wrong = np.flatnonzero((found.is_null() & (texts != "")).to_numpy())
    if wrong.size:
        row = int(wrong[0])
        raise BadInput(
            f"{file}, line {line(row)}: {texts[row]!r} is no {VALUE}, which must be a number or empty"
        )
    return found.fill_null(float("nan"))


def line(row: int) -> int:
    """Tell in which line of its file a sample is, unless one before it has several."""
    return row + 1 + HEADER
