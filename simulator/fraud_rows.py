"""Purchases that will happen, as rows: who buys which offer when, where and on which device.

Rules: every purchase has a number of its own; its receipt is that number, but for receipts that are sent
again. `case` numbers the planted cases, `fraud` is the index of their kind, `planned` how many purchases they
will have.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from simulator.fraud import HONEST
from simulator.plan import Ints

COLUMNS = (
    "happened_us",
    "player",
    "offer",
    "address",
    "device",
    "country",
    "session",
    "number",
    "receipt",
    "case",
    "fraud",
    "planned",
)
NO_SESSION = -1


class Numbers:
    """Gives out numbers of purchases and of sessions, none twice."""

    def __init__(self) -> None:
        self.purchases = 0
        self.sessions = 0

    def of_purchases(self, count: int) -> Ints:
        """Take the next numbers."""
        self.purchases += count
        return np.arange(self.purchases - count, self.purchases)

    def of_sessions(self, count: int) -> Ints:
        """Take the next numbers."""
        self.sessions += count
        return np.arange(self.sessions - count, self.sessions)


def planned(columns: Mapping[str, Ints | int], numbers: Numbers) -> pl.DataFrame:
    """Make rows of `COLUMNS`; a single value is every row's. What is not told: honest, its own receipt."""
    at_us = np.asarray(columns["happened_us"])
    number = numbers.of_purchases(at_us.size)
    usual: dict[str, Ints | int] = {
        "number": number,
        "receipt": number,
        "case": HONEST,
        "fraud": HONEST,
        "planned": at_us.size,
    }
    every: dict[str, Ints | int] = {**usual, **columns}
    return pl.DataFrame(
        {name: np.broadcast_to(every[name], at_us.shape).astype(np.int64) for name in COLUMNS}
    )


def no_rows() -> pl.DataFrame:
    """Make no row."""
    return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.Int64))
