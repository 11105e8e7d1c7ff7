"""The last 30 days of one group's purchases, folded one by one into features.

Rules:
- The state is a pure function of the rows folded, in their order: folding the rows that are still kept
  (or any more before them) into a new history gives the same features from there on.
- Tables grow and shrink with what is live; rows more than `KEPT_MS` behind the newest event time are freed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from models import fraud_fold as core
from models.fraud_catalogue import COLUMNS
from models.fraud_kinds import SESSION_GAP_MS, Group, known_group
from models.fraud_rows import HASHED, Rows, rows_of, shard_of

__all__ = ["CHAINS", "KEPT_MS", "GroupHistory", "Rows", "ready", "rows_of", "shard_of"]

Floats = npt.NDArray[np.float64]
Number = TypeVar("Number", np.int64, np.uint64)

LEAST_ROWS, LEAST_ENTITIES, LEAST_PAIRS, LEAST_BLOCKS = 256, 1024, 512, 16
ROOMY = 16  # a table shrinks when not one slot in so many is used
KEPT_MS = core.KEPT_MS


def _chain(group: Group, key: str, beside: str = "", *, out: Mapping[str, str], **numbers: int) -> list[int]:
    """Describe a chain: whose rows it links, and the first feature of each number that it gives.

    `out` names it by "count", "sum", "mean", "ratio", "since" or the hash whose different values count.
    """
    hashes, columns = HASHED[group], COLUMNS[group]
    sets = [name for name in out if name in hashes]
    row = [-1] * core.CHAIN_COLUMNS
    row[core.KEY] = hashes.index(key)
    row[core.BESIDE] = hashes.index(beside) if beside else -1
    row[core.GAP] = numbers.get("gap_ms", 0)
    row[core.TIME] = numbers.get("time", core.AT)
    row[core.LEADS] = int(not beside)
    row[core.FROM] = numbers.get("first_window", 0)
    for column, name in _NUMBERS.items():
        row[column] = columns.index(out[name]) if name in out else -1
    row[core.MANY] = len(sets)
    for which, name in enumerate(sets):
        row[core.SET + which] = hashes.index(name)
        row[core.OUT + which] = columns.index(out[name])
    row[core.FLAG] = numbers.get("flag", 0)
    return row


_NUMBERS = {core.COUNT: "count", core.SUM: "sum", core.MEAN: "mean", core.RATIO: "ratio", core.SINCE: "since"}
_OF_NETWORK = core.HASHES + len(HASHED["address"])  # a network's time axis is not that of its addresses


def _means(who: str) -> dict[str, str]:
    return {"mean": f"{who}_mean_24h", "ratio": f"amount_to_{who}_mean_24h"}


CHAINS: Mapping[Group, Sequence[Sequence[int]]] = MappingProxyType(
    {
        "player": [
            _chain(
                "player",
                "player",
                out={
                    "count": "player_purchases_1m",
                    "since": "since_last_purchase_s",
                    "address": "player_ips_1m",
                    "device": "player_devices_1m",
                    "goods": "player_items_1m",
                },
            ),
            _chain("player", "player", "currency", out={"sum": "player_spend_1m", **_means("player")}),
            _chain(
                "player",
                "player",
                "session",
                out={
                    "address": "session_ips",
                    "country": "session_countries",
                    "currency": "session_currencies",
                },
                gap_ms=SESSION_GAP_MS,
                first_window=core.LAST,
                flag=3,
            ),
        ],
        "address": [
            _chain("address", "address", out={"count": "ip_purchases_1m", "player": "ip_players_1m"}),
            _chain("address", "address", "currency", out={"sum": "ip_spend_1m"}),
            _chain(
                "address",
                "network",
                out={"count": "subnet_purchases_1m", "player": "subnet_players_1m"},
                time=_OF_NETWORK,
                flag=1,
            ),
        ],
        "device": [
            _chain("device", "device", out={"count": "device_purchases_1m", "player": "device_players_1m"}),
            _chain("device", "device", "currency", out={"sum": "device_spend_1m"}),
        ],
        "item": [
            _chain(
                "item",
                "item",
                out={
                    "count": "item_purchases_1m",
                    "sum": "item_spend_1m",
                    "player": "item_players_1m",
                    **_means("item"),
                },
            ),
        ],
        "receipt": [
            _chain(
                "receipt",
                "transaction",
                out={"count": "receipt_purchases_30d", "player": "receipt_players_30d"},
                first_window=core.LAST,
            ),
        ],
    }
)


class GroupHistory:
    """What one group's purchases have been in the last 30 days; one thread at a time."""

    def __init__(self, group: str) -> None:
        self.group: Group = known_group(group)
        group = self.group
        width = core.HASHES + len(HASHED[group]) + int(group == "address") + 2
        rows, entities = np.zeros((LEAST_ROWS, width), np.uint64), _table(LEAST_ENTITIES, core.ENTITY_WORDS)
        self._store = core.Store(
            chains=np.array(CHAINS[group], np.int64),
            rows=rows,
            links=rows.view(np.uint32),
            entities=entities,
            ends=entities.view(np.uint32),
            pairs=_table(LEAST_PAIRS, 2),
            blocks=np.zeros((LEAST_BLOCKS, core.BLOCK_WORDS), np.int64),
            meta=np.zeros(core.META, np.int64),
            scratch=np.zeros(core.BLOCK_WORDS, np.int64),
        )
        self._store.blocks[:, 0] = np.arange(1, LEAST_BLOCKS + 1)

    @property
    def newest_ms(self) -> int:
        """Give the newest event time folded, 0 before the first."""
        return int(self._store.meta[core.NEWEST])

    @property
    def live_rows(self) -> int:
        """Count the purchases kept."""
        return int(self._store.meta[core.NEXT] - self._store.meta[core.HEAD])

    @property
    def live_entities(self) -> int:
        """Count the entities (of all chains) kept."""
        return int(self._store.meta[core.ENTITIES])

    @property
    def bytes_held(self) -> int:
        """Give the memory of all tables."""
        return sum(table.nbytes for table in (*self._tables(), self._store.blocks))

    def fold(self, rows: Rows) -> dict[str, npt.NDArray[np.float64] | npt.NDArray[np.bool_]]:
        """Fold purchases; gives each feature of the group as a column, NaN where it is missing."""
        block = self.fold_block(rows)
        found: dict[str, npt.NDArray[np.float64] | npt.NDArray[np.bool_]] = dict(
            zip(COLUMNS[self.group], block, strict=True)
        )
        if self.group == "player":
            found["first_purchase"] = found["first_purchase"].astype(np.bool_)
        return found

    def fold_block(self, rows: Rows) -> Floats:
        """Fold purchases; gives the features in one array, by feature (as `COLUMNS`) and row."""
        columns = COLUMNS[self.group]
        found = np.full((len(columns), len(rows)), np.nan)
        batch = core.Batch(_read_only(rows.times), _read_only(rows.prices), _read_only(rows.hashes), found)
        done = core.fold_rows(self._store, batch, 0)
        while done < len(rows):
            core.free_old(self._store)
            self._grow()
            done = core.fold_rows(self._store, batch, done)
        self._shrink()
        if self.group == "player":
            _derive(found)
        return found

    def drop_before(self, horizon_ms: int) -> None:
        """Free the purchases before a time; it stays the horizon for what comes, also for late purchases."""
        meta = self._store.meta
        meta[core.HORIZON] = max(int(meta[core.HORIZON]), horizon_ms)
        core.free_old(self._store)
        self._shrink()

    def _tables(self) -> tuple[npt.NDArray[np.uint64], ...]:
        return self._store.rows, self._store.entities, self._store.pairs

    def _grow(self) -> None:
        """Double what is (almost) full."""
        store, meta = self._store, self._store.meta
        chains = len(store.chains)
        if self.live_rows == len(store.rows):
            self._move_rows(2 * len(store.rows))
        if (self.live_entities + chains) * 4 > len(store.entities) * 3:
            self._rehash_entities(2 * len(store.entities))
        if (meta[core.PAIRS] + chains * core.SETS * (core.SMALL + 1)) * 4 > len(store.pairs) * 3:
            self._rehash_pairs(2 * len(store.pairs))
        if meta[core.BLOCKS] + chains > len(store.blocks):
            self._move_blocks(2 * len(store.blocks))

    def _shrink(self) -> None:
        """Halve, as often as it takes, what is almost empty."""
        store, meta = self._store, self._store.meta
        for used, table, least, resized in (
            (meta[core.NEXT] - meta[core.HEAD], store.rows, LEAST_ROWS, self._move_rows),
            (meta[core.ENTITIES], store.entities, LEAST_ENTITIES, self._rehash_entities),
            (meta[core.PAIRS], store.pairs, LEAST_PAIRS, self._rehash_pairs),
            (meta[core.BLOCKS], store.blocks, LEAST_BLOCKS, self._move_blocks),
        ):
            size = len(table)
            while size > least and int(used) * ROOMY < size:
                size //= 2
            if size < len(table):
                resized(2 * size if size > least else size)

    def _move_rows(self, size: int) -> None:
        store = self._store
        rows = np.zeros((size, store.rows.shape[1]), np.uint64)
        core.moved(store.rows, rows, int(store.meta[core.HEAD]), int(store.meta[core.NEXT]))
        self._store = store._replace(rows=rows, links=rows.view(np.uint32))

    def _rehash_entities(self, size: int) -> None:
        entities = _table(size, core.ENTITY_WORDS)
        core.rehashed(self._store.entities, entities)
        self._store = self._store._replace(entities=entities, ends=entities.view(np.uint32))

    def _rehash_pairs(self, size: int) -> None:
        pairs = _table(size, 2)
        core.rehashed(self._store.pairs, pairs)
        self._store = self._store._replace(pairs=pairs)

    def _move_blocks(self, size: int) -> None:
        """Put the blocks in use together in another table, and chain up the free ones."""
        store = self._store
        owners = np.flatnonzero((store.entities[:, 0] != 0) & (store.ends[:, core.BLOCK] != 0))
        blocks = np.zeros((size, core.BLOCK_WORDS), np.int64)
        blocks[: len(owners)] = store.blocks[store.ends[owners, core.BLOCK].astype(np.int64) - 1]
        blocks[len(owners) :, 0] = np.arange(len(owners) + 1, size + 1)
        store.ends[owners, core.BLOCK] = np.arange(1, len(owners) + 1, dtype=np.uint32)
        store.meta[core.FREE_BLOCK] = len(owners)
        self._store = store._replace(blocks=blocks)


def ready() -> None:
    """Compile what folding needs: 10 s of CPU on the first run of a version, then read from the cache."""
    hashes = np.arange(1, 2 * LEAST_ROWS * len(HASHED["player"]) + 1, dtype=np.uint64)
    times = np.arange(2 * LEAST_ROWS)
    history = GroupHistory("player")
    history.fold(Rows("player", times, times, hashes.reshape(len(times), -1)))
    history.drop_before(len(times))


def _read_only(column: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Give the same view of arrays that may be written and others: each kind would be compiled for itself."""
    seen = np.ascontiguousarray(column).view()
    seen.flags.writeable = False
    return seen


def _table(size: int, words: int) -> npt.NDArray[np.uint64]:
    return np.zeros((size, words), np.uint64)


_WEEK, _MONTH, _TREND, _FIRST, _SINCE = (
    COLUMNS["player"].index(name)
    for name in (
        "player_mean_7d",
        "player_mean_30d",
        "player_mean_7d_to_30d",
        "first_purchase",
        "since_last_purchase_s",
    )
)


def _derive(found: Floats) -> None:
    """Work out what follows from other features of the player."""
    month = np.where(found[_MONTH] > 0, found[_MONTH], np.nan)
    found[_TREND] = found[_WEEK] / month
    found[_FIRST] = np.isnan(found[_SINCE])
