"""What is known of an item's purchases: labels (fraud or not), each from the moment when it counts.

Rules: a label counts once it is known and its purchase is 7 days old, whichever comes later: it is *ripe*
then. A window (t - w, t] takes the labels that became ripe in it; so nothing that was not known at a purchase
touches its features, whenever the label is learned. An item is (game, item, currency).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_hash import Hashes, hashed, joined, texts_of
from models.fraud_kinds import LABEL_DELAY_MS, LABELLED
from models.fraud_rows import goods_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TIME_BITS = 42  # epoch ms up to 2105 and later
MOST_ITEMS = 2 ** (63 - TIME_BITS)
SINCE = ("item_since_first_fraud_s", "item_since_last_fraud_s")


class Labels:
    """All labels learned; asking costs the same however many there are, nearly."""

    def __init__(self) -> None:
        self._items = np.empty(0, np.uint64)
        self._ripe_ms = np.empty(0, np.int64)
        self._fraud = np.empty(0, np.int64)
        self._known = np.empty(0, np.uint64)
        self._keys = np.empty(0, np.int64)
        self._frauds = np.zeros(1, np.int64)
        self._fraud_keys = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._items)

    def learn(self, labels: pl.DataFrame) -> None:
        """Take labels: item_id, game_id, currency, event_time, fraud, known_ms; without an item: none."""
        labels = labels.filter(pl.col("item_id").is_not_null() & pl.col("event_time").is_not_null())
        ripe = labels.select(pl.max_horizontal(pl.col("event_time") + LABEL_DELAY_MS, "known_ms"))
        items = np.concatenate([self._items, items_of(labels)])
        ripe_ms = np.concatenate([self._ripe_ms, ripe.to_series().cast(pl.Int64).to_numpy()])
        fraud = np.concatenate([self._fraud, labels["fraud"].cast(pl.Int64).to_numpy()])
        order = np.lexsort((ripe_ms, items))
        self._items, self._ripe_ms, self._fraud = items[order], ripe_ms[order], fraud[order]
        self._known, codes = np.unique(self._items, return_inverse=True)
        self._keys = (codes.astype(np.int64) << TIME_BITS) | self._ripe_ms
        self._frauds = np.concatenate([[0], np.cumsum(self._fraud)])
        self._fraud_keys = self._keys[self._fraud > 0]

    def features(self, items: Hashes, at_ms: Ints) -> dict[str, Floats]:
        """Give the label features of purchases, by the time (epoch ms) at which each is judged."""
        if not len(self._known):
            missing = np.full(len(items), np.nan)
            none = np.zeros(len(items)), missing
            return _named(dict.fromkeys(LABELLED, none)) | dict.fromkeys(SINCE, missing)
        codes = np.searchsorted(self._known, items).clip(max=len(self._known) - 1)
        unknown = self._known[codes] != items
        first = codes.astype(np.int64) << TIME_BITS
        end = np.searchsorted(self._keys, first | at_ms, side="right")
        found = {}
        for window, size_ms in LABELLED.items():
            begin = np.searchsorted(self._keys, first | np.maximum(at_ms - size_ms, 0), side="right")
            labelled = np.where(unknown, 0, end - begin)
            frauds = self._frauds[end] - self._frauds[begin]
            share = np.where(labelled > 0, frauds / np.maximum(labelled, 1), np.nan)
            found[window] = (labelled.astype(np.float64), share)
        return _named(found) | self._since(first, at_ms, unknown)

    def _since(self, first: Ints, at_ms: Ints, unknown: Flags) -> dict[str, Floats]:
        """Give the seconds since the item's first and last fraud label of the last 30 days became ripe."""
        if not len(self._fraud_keys):
            return dict.fromkeys(SINCE, np.full(len(first), np.nan))
        oldest = first | np.maximum(at_ms - LABELLED["30d"], 0)
        begin = np.searchsorted(self._fraud_keys, oldest, side="right")
        end = np.searchsorted(self._fraud_keys, first | at_ms, side="right")
        none = unknown | (end <= begin)
        found = {}
        for name, places in zip(SINCE, (begin, end - 1), strict=True):
            ripe_ms = self._fraud_keys[places.clip(0, len(self._fraud_keys) - 1)] - first
            found[name] = np.where(none, np.nan, (at_ms - ripe_ms) / 1000)
        return found


def items_of(purchases: pl.DataFrame) -> Hashes:
    """Hash (game, item, currency) as histories do."""
    return joined(goods_of(purchases), hashed(texts_of(purchases["currency"])))


def _named(found: dict[str, tuple[Floats, Floats]]) -> dict[str, Floats]:
    columns = {}
    for window, (labelled, share) in found.items():
        columns[f"item_labelled_{window}"] = labelled
        columns[f"item_fraud_share_{window}"] = share
    return columns
