"""Which features the model takes.

Rules:
- Numbers and flags whose past can be read back from what is stored, so that training sees what the flow saw.
- Few that say the same: a split looks at some of them only, and copies crowd out the others (with all windows
  and sums besides, average precision on the handbook's data was lower).
- Those that say nothing in the training days (one value throughout) are left out of a model.
"""

from __future__ import annotations

import numpy as np

from models.fraud_matrix import Matrix

INPUTS: tuple[str, ...] = (
    "price",
    "hour",
    "weekend",
    *(f"player_purchases_{window}" for window in ("24h", "7d", "30d")),
    *(f"player_mean_{window}" for window in ("24h", "7d", "30d")),
    *(f"amount_to_player_mean{window}" for window in ("_24h", "_7d", "")),
    "player_mean_7d_to_30d",
    "first_purchase",
    "since_last_purchase_s",
    *(f"player_ips_{window}" for window in ("24h", "7d")),
    *(f"player_devices_{window}" for window in ("24h", "7d")),
    "session_ips",
    "session_countries",
    "session_currencies",
    *(f"ip_purchases_{window}" for window in ("1h", "24h")),
    *(f"ip_players_{window}" for window in ("1h", "24h", "7d")),
    "subnet_players_24h",
    *(f"device_purchases_{window}" for window in ("1h", "24h")),
    *(f"device_players_{window}" for window in ("24h", "7d", "30d")),
    *(f"item_purchases_{window}" for window in ("24h", "7d", "30d")),
    *(f"item_mean_{window}" for window in ("24h", "7d", "30d")),
    *(f"amount_to_item_mean{window}" for window in ("_24h", "_7d", "")),
    *(f"item_labelled_{window}" for window in ("1d", "7d", "30d")),
    *(f"item_fraud_share_{window}" for window in ("1d", "7d", "30d")),
    "item_since_first_fraud_s",
    "item_since_last_fraud_s",
    "receipt_purchases_30d",
    "receipt_players_30d",
)


def telling(rows: Matrix) -> list[int]:
    """Give the columns that have more than one value."""
    return np.flatnonzero((rows != rows[:1]).any(axis=0)).tolist()
