"""Purchases as one group's history keeps them: columns of times, prices and hashes, and their bytes.

Rules: what a text was cannot be read back. Bytes begin with a format number; what a release has written
stays readable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import polars as pl
import zstandard

from models.fraud_addresses import networks_of
from models.fraud_hash import Hashes, hashed, joined, texts_of
from models.fraud_kinds import GROUPS, Group, known_group
from topics.errors import NeedsOperator

Ints = npt.NDArray[np.int64]

FORMAT = b"frd1"
HEAD = len(FORMAT) + 1 + 8  # + the group's number + how many rows, little endian
LEVEL = 1  # hashes hardly become smaller by trying harder
HASHED: Mapping[Group, tuple[str, ...]] = MappingProxyType(
    {  # the first names the entity, by which rows are parted
        "player": ("player", "currency", "address", "device", "goods", "session", "country"),
        "address": ("address", "currency", "player", "network"),
        "device": ("device", "currency", "player"),
        "item": ("item", "player"),
        "receipt": ("transaction", "player"),
    }
)
_TEXTS = {
    "player": "player_id",
    "currency": "currency",
    "device": "device_id",
    "session": "session_id",
    "country": "country",
    "transaction": "transaction_id",
}
_PARTED_BY = {"address": "network"}  # so that a network's addresses stay together


@dataclass(frozen=True, slots=True)
class Rows:
    """Purchases of one group in order: event times (epoch ms), prices (10^-4), a row of hashes for each."""

    group: Group
    times: Ints
    prices: Ints
    hashes: Hashes

    def __len__(self) -> int:
        return len(self.times)

    @property
    def newest_ms(self) -> int:
        """Give the newest event time, 0 for no rows."""
        return int(self.times.max()) if len(self) else 0

    def take(self, indices: npt.NDArray[np.intp] | Ints | slice) -> Rows:
        """Give some of the rows, in the order of `indices`."""
        return Rows(self.group, self.times[indices], self.prices[indices], self.hashes[indices])

    @staticmethod
    def concat(parts: Sequence[Rows]) -> Rows:
        """Put rows of one group one after the other; there must be a part at least."""
        return Rows(
            parts[0].group,
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.prices for part in parts]),
            np.concatenate([part.hashes for part in parts]),
        )

    def pack(self) -> bytes:
        """Write the rows as bytes."""
        head = FORMAT + bytes([GROUPS.index(self.group)]) + len(self).to_bytes(8, "little")
        steps = np.diff(self.times, prepend=np.int64(0))
        columns = [steps.astype("<i8"), self.prices.astype("<i8"), self.hashes.T.astype("<u8")]
        body = b"".join(np.ascontiguousarray(column).tobytes() for column in columns)
        return head + zstandard.ZstdCompressor(level=LEVEL).compress(body)

    @staticmethod
    def unpack(packed: bytes) -> Rows:
        """Read rows back.

        Raises:
            NeedsOperator: the bytes are none that this version knows.

        """
        if packed[: len(FORMAT)] != FORMAT or len(packed) < HEAD or packed[len(FORMAT)] >= len(GROUPS):
            raise NeedsOperator(
                "rows of a purchase history are of another format: start the version that wrote it"
            )
        group = GROUPS[packed[len(FORMAT)]]
        count, width = int.from_bytes(packed[len(FORMAT) + 1 : HEAD], "little"), len(HASHED[group])
        body = _unpacked(packed[HEAD:], 8 * count * (2 + width))
        words = np.frombuffer(body, "<i8").reshape(2 + width, count)
        hashes = np.ascontiguousarray(words[2:].astype("<i8").view(np.uint64).T)
        return Rows(group, np.cumsum(words[0]), words[1].copy(), hashes)


def _unpacked(packed: bytes, size: int) -> bytes:
    try:
        body = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except zstandard.ZstdError as problem:
        raise NeedsOperator(
            f"rows of a purchase history are damaged ({problem}): restore the store"
        ) from problem
    if len(body) != size:
        raise NeedsOperator("rows of a purchase history are cut short: restore the store")
    return body


@dataclass(frozen=True, slots=True)
class Named:
    """The hashes of purchases by what they name, worked out once for all groups; 0 is missing."""

    times: Ints
    prices: Ints
    hashes: Mapping[str, Hashes]

    def rows(self, group: Group) -> Rows:
        """Give the rows of one group."""
        found = np.stack([self.hashes[name] for name in HASHED[group]], axis=1)
        return Rows(group, self.times, self.prices, found)


def named(purchases: pl.DataFrame, groups: Sequence[Group] = GROUPS) -> Named:
    """Hash all that the histories of some groups look at; columns as `topics.decode` gives them."""
    needed = {name for group in groups for name in HASHED[group]}
    hashes = {
        name: hashed(texts_of(purchases[column]))
        for name, column in _TEXTS.items()
        if name in needed or (name == "currency" and "item" in needed)
    }
    if needed & {"goods", "item"}:
        hashes["goods"] = goods_of(purchases)
    if "item" in needed:
        hashes["item"] = joined(hashes["goods"], hashes["currency"])
    if "address" in needed:
        hashes["address"], hashes["network"] = networks_of(purchases["ip_address"])
    return Named(_ints(purchases["event_time"]), _ints(purchases["price"]), hashes)


def goods_of(purchases: pl.DataFrame) -> Hashes:
    """Hash (game, item); never 0."""
    return joined(hashed(texts_of(purchases["item_id"])), hashed(texts_of(purchases["game_id"])))


def rows_of(group: str, purchases: pl.DataFrame) -> Rows:
    """Give the rows of one group; `named(purchases).rows(group)` hashes once for several."""
    return named(purchases, [known_group(group)]).rows(known_group(group))


def shard_of(group: str, rows: Rows, shards: int) -> Ints:
    """Tell each row's shard, by what is shared (address: by network); rows without it fall to shard 0."""
    names = HASHED[known_group(group)]
    column = names.index(_PARTED_BY.get(group, names[0]))
    high = rows.hashes[:, column] >> np.uint64(32)
    return ((high * np.uint64(shards)) >> np.uint64(32)).astype(np.int64)


def _ints(column: pl.Series) -> Ints:
    return column.cast(pl.Int64).to_numpy()
