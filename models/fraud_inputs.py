"""Which features the model takes.

Rules: numbers and flags whose past can be read back from what is stored, so that training sees what the flow
saw. Those that say nothing in the training days (one value throughout) are left out of a model.
"""

from __future__ import annotations

import numpy as np

from models.fraud_matrix import USABLE, Matrix

NOT_STORED = frozenset({"since_account_created_s"})  # players' records are not kept as of a time
TOO_SHORT = ("_1m", "_10m")  # bursts are what rules are for; a week holds too few to learn from
INPUTS: tuple[str, ...] = tuple(
    name for name in USABLE if name not in NOT_STORED and not name.endswith(TOO_SHORT)
)


def telling(rows: Matrix) -> list[int]:
    """Give the columns that have more than one value."""
    return np.flatnonzero((rows != rows[:1]).any(axis=0)).tolist()
