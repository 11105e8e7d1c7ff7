"""One window as few bytes: what its snapshot holds, and all that a window at rest holds.

Rules:
- The hashes of many groups are left out, as they follow from the names; the canary of the hash function
  (`windows.codec`) vouches for it. Their names and measures are compressed: what is written to the
  recovery store costs twice what compressing it does.
- A distinct value takes 6 bytes, its group being told by its place.
- Numbers are little-endian arrays, of 64 bits if not said otherwise. What 0.1 wrote is still read.
"""

from __future__ import annotations

import io

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from lz4 import block as lz4

from models.aggregates import Aggregate
from windows.arrays import Counted, Hashes, Ints
from windows.columns import hashes_of
from windows.groups import Groups

FEW = 256  # groups whose names are written as plain texts: arrays cost more than they do


class Names(msgspec.Struct, frozen=True, array_like=True):
    """One key column of many groups: the length of each name in bytes, and all names joined; both lz4."""

    lengths: bytes
    joined: bytes


class Members(msgspec.Struct, frozen=True, array_like=True):
    """One set of each group: how many values it has; of each value's hash the low 32 bits, and the rest."""

    sizes: bytes
    low: bytes
    high: bytes  # 16 bits each


class CellState(msgspec.Struct, frozen=True):
    """One window; `texts` are the names of few groups, `columns` those of many, whose measures are lz4."""

    start_ms: int
    hash_bits: int
    group: bytes
    check: bytes
    names: bytes  # before 0.2: an Arrow IPC file
    measures: bytes
    sets: list[bytes]  # before 0.2: group and hash in 64 bits
    sketches: list[tuple[bytes, bytes]] = []
    texts: list[list[str]] | None = None
    columns: list[Names] | None = None
    members: list[Members] = []


def packed(start_ms: int, groups: Groups) -> CellState:
    """Write a window down."""
    few = len(groups.group) <= FEW
    measures = groups.measures.astype("<i8", copy=False).tobytes()
    return CellState(
        start_ms=start_ms,
        hash_bits=groups.hash_bits,
        group=_bytes(groups.group) if few else b"",
        check=_bytes(groups.check) if few else b"",
        names=b"",
        measures=measures if few else lz4.compress(measures),
        sets=[],
        sketches=[(_bytes(of.keys), of.counts.astype("<i8", copy=False).tobytes()) for of in groups.sketches],
        texts=[names.to_list() for names in groups.names] if few else None,
        columns=None if few else [_joined(names) for names in groups.names],
        members=[_members(values, groups) for values in groups.sets],
    )


def unpacked(of: Aggregate, state: CellState) -> Groups:
    """Read a window's groups."""
    measures = state.measures if state.columns is None else lz4.decompress(state.measures)
    names = _names(of, state)
    hashes = (
        (_hashes(state.group), _hashes(state.check))
        if state.columns is None
        else hashes_of(names[: len(of.by)])
    )
    return Groups(
        group=hashes[0],
        check=hashes[1],
        names=names,
        measures=_ints(measures).reshape(len(of.measures()), -1),
        sets=[_hashes(of) for of in state.sets] or [_set(of, state.hash_bits) for of in state.members],
        sketches=[Counted(_hashes(keys), _ints(counts)) for keys, counts in state.sketches],
        hash_bits=state.hash_bits,
    )


def _names(of: Aggregate, state: CellState) -> list[pl.Series]:
    if state.columns is not None:
        return [_parted(name, column) for name, column in zip(of.names, state.columns, strict=True)]
    if state.texts is not None:
        return [pl.Series(name, texts, pl.String) for name, texts in zip(of.names, state.texts, strict=True)]
    return pl.read_ipc(io.BytesIO(state.names)).get_columns()


def _joined(names: pl.Series) -> Names:
    column = names.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, text = column.buffers()
    assert offsets is not None  # noqa: S101  there are names
    bounds = np.frombuffer(memoryview(offsets), "<i8")[column.offset :][: len(names) + 1]
    joined = b"" if text is None else memoryview(text)[bounds[0] : bounds[-1]]
    return Names(lz4.compress(np.diff(bounds).astype("<u4").tobytes()), lz4.compress(joined))


def _parted(name: str, column: Names) -> pl.Series:
    lengths = np.frombuffer(lz4.decompress(column.lengths), "<u4")
    bounds = np.concatenate(([0], np.cumsum(lengths, dtype="<i8")))
    text = pa.py_buffer(lz4.decompress(column.joined))
    names = pa.LargeStringArray.from_buffers(len(lengths), pa.py_buffer(bounds.tobytes()), text)
    return pl.Series(name, names)


def _members(values: Hashes, groups: Groups) -> Members:
    bits, low_bits = np.uint64(groups.hash_bits), np.uint64(2**groups.hash_bits - 1)
    begins = np.searchsorted(values, np.arange(len(groups.group), dtype=np.uint64) << bits)
    return Members(
        sizes=np.diff(begins, append=len(values)).astype("<u4").tobytes(),
        low=values.astype("<u4").tobytes(),
        high=((values & low_bits) >> np.uint64(32)).astype("<u2").tobytes(),
    )


def _set(of: Members, hash_bits: int) -> Hashes:
    sizes = np.frombuffer(of.sizes, "<u4")
    group = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    high = np.frombuffer(of.high, "<u2").astype(np.uint64)
    low = np.frombuffer(of.low, "<u4").astype(np.uint64)
    found: Hashes = (group << np.uint64(hash_bits)) | (high << np.uint64(32)) | low
    return found


def _bytes(values: Hashes) -> bytes:
    return values.astype("<u8", copy=False).tobytes()


def _hashes(written: bytes) -> Hashes:
    return np.frombuffer(written, "<u8").astype(np.uint64)


def _ints(written: bytes) -> Ints:
    return np.frombuffer(written, "<i8").astype(np.int64)
