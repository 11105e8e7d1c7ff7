"""The features of purchases: what rules and the model see, the same for the flow, training and backtest.

Rules:
- A purchase is judged from what has arrived: it counts at the later of its event time and the newest time
  already seen of its player (address, device …), in windows (t - w, t] on that axis, itself included.
- Features are a pure function of the purchases and labels in their order, whatever the batches.
- The history is the last 30 days; a player without purchases in it is new. A purchase that comes more than
  a day behind the newest of its history may find less.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_catalogue import COLUMNS, FEATURES
from models.fraud_history import GroupHistory
from models.fraud_kinds import GROUPS, Feature, Group
from models.fraud_label_book import Labels, items_of
from models.fraud_rows import Rows, named, rows_of, shard_of

__all__ = [
    "COLUMNS",
    "FEATURES",
    "GROUPS",
    "SCHEMA",
    "Feature",
    "GroupHistory",
    "Histories",
    "Labels",
    "Rows",
    "assemble",
    "named",
    "rows_of",
    "shard_of",
]

Column = npt.NDArray[np.float64] | npt.NDArray[np.bool_]
Pieces = Mapping[Group, Mapping[str, Column]]

_TYPES = {"number": pl.Float64(), "flag": pl.Boolean(), "text": pl.String()}
SCHEMA: dict[str, pl.DataType] = {name: _TYPES[feature.kind] for name, feature in FEATURES.items()}
NUMBERS = [name for name, feature in FEATURES.items() if feature.kind == "number"]
LABEL_FEATURES = frozenset(
    name for name in FEATURES if name.startswith(("item_labelled_", "item_fraud_share_", "item_since_"))
)
UNITS = 10_000  # of a price of 1
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
THURSDAY, SATURDAY = 3, 5  # 1970-01-01 was a Thursday; Monday is 0


class Histories:
    """What has been bought in the last 30 days, and what is known of it."""

    def __init__(self) -> None:
        self.groups: dict[Group, GroupHistory] = {group: GroupHistory(group) for group in GROUPS}
        self.labels = Labels()

    def learn(self, labels: pl.DataFrame) -> None:
        """Take labels: item_id, game_id, currency, event_time, fraud, known_ms (epoch ms)."""
        self.labels.learn(labels)

    def fold(self, purchases: pl.DataFrame) -> pl.DataFrame:
        """Fold purchases in their order; gives the features of each, in columns `FEATURES`.

        `purchases` has the columns of decoded purchase-events, and may have `kafka_time_ms`, the time at
        which labels are asked for (else the event time), and `account_created_ms`.
        """
        hashes = named(purchases)
        pieces = {group: history.fold(hashes.rows(group)) for group, history in self.groups.items()}
        return assemble(purchases, pieces, self.labels)


def assemble(
    purchases: pl.DataFrame,
    pieces: Pieces,
    labels: Labels | None = None,
    only: Collection[str] = FEATURES,
) -> pl.DataFrame:
    """Put the groups' features beside the purchases' own, in the order of `FEATURES`; NaN becomes null.

    `only` names the features that somebody looks at: a small batch costs less with few of them.
    """
    columns = _own(purchases)
    for group in GROUPS:
        columns.update(pieces[group])
    if not LABEL_FEATURES.isdisjoint(only):
        columns.update((labels or Labels()).features(items_of(purchases), _judged_ms(purchases)))
    wanted = FEATURES if only is FEATURES else [name for name in FEATURES if name in only]
    numbers = _numbers({name: columns[name] for name in NUMBERS if name in wanted}, len(purchases))
    return pl.DataFrame(
        [numbers[name] if name in numbers else pl.Series(name, columns[name]) for name in wanted]
    )


def _numbers(columns: Mapping[str, Column | pl.Series], rows: int) -> dict[str, pl.Series]:
    """Make columns of all numbers at once, which is five times as fast as one by one."""
    if not columns:
        return {}
    together = pl.Series(np.concatenate(list(columns.values())), nan_to_null=True)
    return {name: together.slice(place * rows, rows).alias(name) for place, name in enumerate(columns)}


def _own(purchases: pl.DataFrame) -> dict[str, Column | pl.Series]:
    """Give the features that a purchase has of itself."""
    times = purchases["event_time"].to_numpy()
    texts = ("currency", "country", "region", "item_id", "player_id", "game_id", "ip_address")
    return {
        **{name: purchases[name] for name in texts},
        "price": purchases["price"].to_numpy() / UNITS,
        "hour": (times // HOUR_MS % 24).astype(np.float64),
        "weekend": (times // DAY_MS + THURSDAY) % 7 >= SATURDAY,
        "since_account_created_s": _account_age(purchases, times),
    }


def _account_age(purchases: pl.DataFrame, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    if "account_created_ms" not in purchases.columns:
        return np.full(len(times), np.nan)
    created = purchases["account_created_ms"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    age_s: npt.NDArray[np.float64] = (times - created) / 1000
    return age_s


def _judged_ms(purchases: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Give the time at which each purchase is judged: Kafka's, else its own."""
    if "kafka_time_ms" not in purchases.columns:
        return purchases["event_time"].to_numpy()
    judged: npt.NDArray[np.int64] = purchases["kafka_time_ms"].fill_null(purchases["event_time"]).to_numpy()
    return judged
