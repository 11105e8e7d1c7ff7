"""The features of purchases: what rules and the model see, the same for the flow, training and backtest.

Rules:
- A purchase is judged from what has arrived: it counts at the later of its event time and the newest time
  already seen of its player (address, device …), in windows (t - w, t] on that axis, itself included.
- Features are a pure function of the purchases and labels in their order, whatever the batches.
- The history is the last 30 days; a player without purchases in it is new.
"""

from __future__ import annotations

import polars as pl

from models.fraud_catalogue import COLUMNS, FEATURES
from models.fraud_kinds import GROUPS, Feature
from models.fraud_plain import PlainHistories

__all__ = ["COLUMNS", "FEATURES", "GROUPS", "Feature", "Histories"]

_TYPES = {"number": pl.Float64(), "flag": pl.Boolean(), "text": pl.String()}
SCHEMA: dict[str, pl.DataType] = {name: _TYPES[feature.kind] for name, feature in FEATURES.items()}


class Histories:
    """What has been bought in the last 30 days, and what is known of it."""

    def __init__(self) -> None:
        self._plain = PlainHistories()

    def learn(self, labels: pl.DataFrame) -> None:
        """Take labels: item_id, game_id, currency, event_time, fraud, known_ms."""

    def fold(self, purchases: pl.DataFrame) -> pl.DataFrame:
        """Fold purchases in their order; gives the features of each, in columns `FEATURES`."""
        rows = [self._plain.features(row) for row in purchases.iter_rows(named=True)]
        found = pl.DataFrame(rows, schema={name: SCHEMA[name] for name in SCHEMA}, infer_schema_length=None)
        own = _own(purchases)
        return found.with_columns(own.get_columns()).select(list(FEATURES))


def _own(purchases: pl.DataFrame) -> pl.DataFrame:
    created = (
        pl.col("account_created_ms") if "account_created_ms" in purchases.columns else pl.lit(None, pl.Int64)
    )
    time = pl.from_epoch("event_time", time_unit="ms")
    return purchases.select(
        (pl.col("price") / 10_000).alias("price"),
        *("currency", "country", "region", "item_id", "player_id", "game_id", "ip_address"),
        time.dt.hour().cast(pl.Float64).alias("hour"),
        (time.dt.weekday() > 5).alias("weekend"),  # noqa: PLR2004
        ((pl.col("event_time") - created) / 1000).cast(pl.Float64).alias("since_account_created_s"),
    )
