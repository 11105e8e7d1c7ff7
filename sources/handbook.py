"""Card transactions of the Fraud Detection Handbook as purchases: customers buy, terminals are items.

Rules: columns are found by name, others are left alone; ids may be numbers or text; times may be any
timestamp or text (UTC where they name no zone). Purchases come in order of time, then of TRANSACTION_ID.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from topics.decode import schema_of
from topics.errors import BadInput
from topics.purchase_events import TOPIC

NEEDED = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")
CURRENCY = "EUR"  # the file names none
_MONEY = 10_000


def read_handbook(file: Path) -> pl.DataFrame:
    """Read transactions as decoded purchases, with TRANSACTION_ID as it stands and `fraud` (0 or 1).

    Raises:
        BadInput: it is no Parquet file, or a column is missing or holds what it should not.

    """
    try:
        read = pl.read_parquet(file, columns=list(NEEDED), use_pyarrow=False)
        found = read.select(
            "TRANSACTION_ID",
            pl.col("CUSTOMER_ID").cast(pl.String).alias("player_id"),
            pl.col("TERMINAL_ID").cast(pl.String).alias("item_id"),
            (pl.col("TX_AMOUNT").cast(pl.Float64) * _MONEY).round().cast(pl.Int64).alias("price"),
            pl.col("TX_FRAUD").cast(pl.Int64).alias("fraud"),
            _epoch_ms(read.schema["TX_DATETIME"]).alias("event_time"),
        )
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {file}") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"{file} must be Parquet with columns {', '.join(NEEDED)}: {reason}") from error
    return _as_purchases(_checked(found, file))


def _epoch_ms(kind: pl.DataType) -> pl.Expr:
    time = pl.col("TX_DATETIME")
    if isinstance(kind, pl.String):
        time = time.str.to_datetime(time_unit="ms", time_zone="UTC")
    elif isinstance(kind, pl.Date):
        time = time.cast(pl.Datetime("ms"))
    return time.dt.epoch("ms")


def _checked(found: pl.DataFrame, file: Path) -> pl.DataFrame:
    empty = [name for name, count in found.null_count().row(0, named=True).items() if count]
    if empty:
        raise BadInput(f"{file}: {', '.join(empty)} must not be empty")
    if not found.height:
        raise BadInput(f"{file} has no rows")
    if found.get_column("TRANSACTION_ID").is_duplicated().any():
        raise BadInput(f"{file}: TRANSACTION_ID must name one row each")
    if not set(found.get_column("fraud").unique()) <= {0, 1}:
        raise BadInput(f"{file}: TX_FRAUD must be 0 or 1")
    return found.sort("event_time", "TRANSACTION_ID")


def _as_purchases(found: pl.DataFrame) -> pl.DataFrame:
    fixed = {"currency": CURRENCY, "game_id": "", "ip_address": ""}
    missing = [
        pl.lit(fixed.get(name), kind).alias(name)
        for name, kind in schema_of(TOPIC).items()
        if name not in found.columns
    ]
    return found.with_columns(missing)
