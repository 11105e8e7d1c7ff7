"""Features of purchases judged again: the histories of all groups, laid out as the fraud flow has them.

Rules: a player's history is that of the partition, in its order; groups that span partitions take purchases
in the order in which they are given. Purchases have a column `partition` beside those that features need.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_features import GROUPS, Column, GroupHistory, Labels, Rows, assemble, named
from models.fraud_history import KEPT_MS
from models.fraud_kinds import Group

OWN: Group = "player"
Answers = dict[str, Column]
Indices = npt.NDArray[np.intp]


class Replay:
    """What was bought before, while purchases are gone through again."""

    def __init__(self) -> None:
        self._players: dict[int, GroupHistory] = {}
        self._spanning = {group: GroupHistory(group) for group in GROUPS if group != OWN}

    def fold(self, purchases: pl.DataFrame) -> dict[Group, Answers]:
        """Fold purchases in their order; gives the columns of each group, row-aligned with them."""
        hashes = named(purchases)
        found: dict[Group, Answers] = {OWN: self._of_players(purchases["partition"], hashes.rows(OWN))}
        for group, history in self._spanning.items():
            found[group] = _folded(history, hashes.rows(group))
        return found

    def _of_players(self, partitions: pl.Series, rows: Rows) -> Answers:
        numbers = partitions.to_numpy()
        found: Answers = {}
        for number in np.unique(numbers).tolist():
            places = np.flatnonzero(numbers == number)
            history = self._players.setdefault(number, GroupHistory(OWN))
            for name, values in _folded(history, rows.take(places)).items():
                if name not in found:
                    found[name] = np.empty_like(values, shape=len(rows))
                found[name][places] = values
        return found


def features_of(
    purchases: pl.DataFrame, pieces: dict[Group, Answers], rows: Indices, labels: Labels
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give some of the purchases, in the order of `rows`, and the features of each."""
    picked = purchases[rows]
    columns = {group: {name: values[rows] for name, values in of.items()} for group, of in pieces.items()}
    return picked, assemble(picked, columns, labels)


def aged(purchases: pl.DataFrame, created: Mapping[str, tuple[int, int]]) -> pl.DataFrame:
    """Put beside each purchase when its player's account was made, where that was known by then.

    `created` has of each player that time, and from which Kafka time on it counts (epoch ms).
    """
    if not created:
        return purchases
    players, at_ms = purchases["player_id"].to_list(), purchases["kafka_time_ms"].to_list()
    made = [
        account[0] if (account := created.get(player)) and account[1] <= kafka_ms else None
        for player, kafka_ms in zip(players, at_ms, strict=True)
    ]
    return purchases.with_columns(pl.Series("account_created_ms", made, pl.Int64))


def _folded(history: GroupHistory, rows: Rows) -> Answers:
    found = history.fold(rows)
    history.drop_before(history.newest_ms - KEPT_MS)
    return found
