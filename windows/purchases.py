"""Purchases parted for their features: each group of features has shards of its own.

Rules:
- A player's features are folded where the partition is: their order is the log's, so they are the same on
  every replay. Address, device, item and receipt span partitions, and are sharded by themselves.
- The number of shards is frozen: it is in the names under which state is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from models.fraud_features import GROUPS, GroupHistory, Rows, named, shard_of
from models.fraud_fold import KEPT_MS
from models.fraud_kinds import Group
from windows.fold import Parting, Piece
from windows.segments import Restoring
from windows.take import Take

SPANNING_SHARDS = 4
OWN: Group = "player"


def parting(stored: Callable[[str], bytes | None]) -> Parting[Rows]:
    """Give how purchases are parted; `stored` reads sealed segments as the recovery store had them."""
    return Parting(pieces, history, Restoring(Rows.concat, Rows.unpack, stored), KEPT_MS)


def pieces(take: Take) -> list[Piece[Rows]]:
    """Part a take's purchases by group and shard."""
    return list(_pieces(take))


def history(shard: str) -> GroupHistory:
    """Give an empty history for a shard, by its name."""
    return GroupHistory(shard.partition("/")[0])


def _pieces(take: Take) -> Iterator[Piece[Rows]]:
    assert take.events is not None  # noqa: S101  only takes with events are parted
    partition, after = take.after.partition, take.after.next_offset
    hashes = named(take.events)
    for group in GROUPS:
        rows = hashes.rows(group)
        if group == OWN:
            yield Piece(f"{group}/{partition:05d}", group, partition, after, np.arange(len(rows)), rows)
            continue
        shards = shard_of(group, rows, SPANNING_SHARDS)
        for shard in np.unique(shards).tolist():
            places = np.flatnonzero(shards == shard)
            yield Piece(f"{group}/{shard:02d}", group, partition, after, places, rows.take(places))
