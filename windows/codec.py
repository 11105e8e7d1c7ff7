"""State to bytes and back: our own versioned codec, never a pickled class.

Rules:
- Each snapshot is one msgpack document with its format number, behind a checksum (`windows.seal`); an
  unknown or damaged one is refused.
- What a release has written stays readable: a new field has a default (`tests/golden/`).
- A slot's snapshot also carries the shard count, a canary of the hash function and the names of what is
  kept: hashes of another function, other shards or other columns would count wrong, so they are refused.
"""

from __future__ import annotations

import io
from typing import TypeVar

import msgspec
import numpy as np
import polars as pl

from models.aggregates import Aggregate
from topics.errors import NeedsOperator
from windows.arrays import Counted, Hashes
from windows.cell import Cell, Groups
from windows.partials import hash_canary
from windows.plan import SHARDS, CellId, Plan
from windows.seal import document_of, is_whole, sealed
from windows.slot import Slot

State = TypeVar("State", bound=msgspec.Struct)
FORMAT = 1
CANARY = hash_canary()
FEW = 256  # groups of a window whose names are written as plain texts: an IPC file costs more than they do
HELP = "start the version that wrote it"


class CellState(msgspec.Struct, frozen=True):
    """One window: names as an Arrow IPC file (few: `texts`), all else as little-endian 64-bit arrays."""

    start_ms: int
    hash_bits: int
    group: bytes
    check: bytes
    names: bytes
    measures: bytes
    sets: list[bytes]
    sketches: list[tuple[bytes, bytes]] = []
    texts: list[list[str]] | None = None


class SlotState(msgspec.Struct, frozen=True):
    """One slot of one shard."""

    format: int
    shards: int
    canary: int
    cell: tuple[str, int, int, int]
    partitions: int
    closed_ms: int
    guarantees: dict[int, int]
    windows: list[CellState]
    columns: list[str] = []
    written: bool = False
    log: str = ""


def pack_slot(slot: Slot) -> bytes:
    """Write a slot's whole state."""
    state = SlotState(
        format=FORMAT,
        shards=SHARDS,
        canary=CANARY,
        cell=(slot.cell.table, slot.cell.size_s, slot.cell.slot, slot.cell.shard),
        partitions=slot.partitions,
        closed_ms=slot.closed_ms,
        guarantees=slot.guarantees,
        windows=[_pack_cell(window) for window in slot.windows.values()],
        columns=_columns(slot.aggregate),
        written=slot.written,
        log=slot.log,
    )
    return packed_state(state)


def unpack_slot(plan: Plan, packed: bytes) -> Slot:
    """Read a slot back; all its rows count as changed, unless it was written when its input ended.

    Raises:
        NeedsOperator: the bytes are damaged, or of another format, shard count, hash function or columns.

    """
    state = read_state(packed, SlotState, "window state")
    if state.shards != SHARDS or state.canary != CANARY:
        raise NeedsOperator(f"window state was cut by another hash function or shard count: {HELP}")
    cell = CellId(*state.cell)
    if cell.table not in {of.table for of in plan.aggregates}:
        raise NeedsOperator(f"window state of table {cell.table!r}, which this flow has not: {HELP}")
    slot = Slot(plan, cell, state.partitions, state.closed_ms, dict(state.guarantees), log=state.log)
    if state.columns != _columns(slot.aggregate):
        raise NeedsOperator(f"window state of table {cell.table!r} was kept for other columns: {HELP}")
    slot.windows = {of.start_ms: _unpack_cell(slot, of) for of in state.windows}
    if state.written:
        slot.note_written()
    return slot


def _columns(of: Aggregate) -> list[str]:
    """Name all that is kept of a row, in order: what a snapshot's arrays mean."""
    sketches = dict.fromkeys(f"~{term.sketch}" for term in of.terms.values() if term.sketch)
    return [*of.measures(), *of.sets(), *sketches]


def packed_state(state: msgspec.Struct) -> bytes:
    """Write one state as all are written."""
    return sealed(msgspec.msgpack.encode(state))


def read_state(packed: object, kind: type[State], what: str) -> State:
    """Decode one msgpack document of a given format, or refuse with one clear line."""
    if not isinstance(packed, bytes):
        raise NeedsOperator(f"{what} in the recovery store is no bytes: {HELP}")
    if not is_whole(packed):
        raise NeedsOperator(f"{what} in the recovery store is damaged: its checksum does not fit")
    try:
        state = msgspec.msgpack.decode(document_of(packed), type=kind)
    except (TypeError, msgspec.DecodeError) as error:
        raise NeedsOperator(f"{what} in the recovery store cannot be read ({error}): {HELP}") from error
    found = getattr(state, "format", None)
    if found != FORMAT:
        raise NeedsOperator(f"{what} in the recovery store has format {found}, not {FORMAT}: {HELP}")
    return state


def _pack_cell(window: Cell) -> CellState:
    groups = window.settle()
    few = len(groups.group) <= FEW
    return CellState(
        start_ms=window.start_ms,
        hash_bits=groups.hash_bits,
        group=groups.group.astype("<u8", copy=False).tobytes(),
        check=groups.check.astype("<u8", copy=False).tobytes(),
        names=b"" if few else _ipc(groups.names),
        measures=groups.measures.astype("<i8", copy=False).tobytes(),
        sets=[values.astype("<u8", copy=False).tobytes() for values in groups.sets],
        sketches=[
            (of.keys.astype("<u8", copy=False).tobytes(), of.counts.astype("<i8", copy=False).tobytes())
            for of in groups.sketches
        ],
        texts=[names.to_list() for names in groups.names] if few else None,
    )


def _ipc(names: list[pl.Series]) -> bytes:
    file = io.BytesIO()
    pl.DataFrame(names).write_ipc(file, compression="uncompressed")
    return file.getvalue()


def _names(of: Aggregate, state: CellState) -> list[pl.Series]:
    if state.texts is None:
        return pl.read_ipc(io.BytesIO(state.names)).get_columns()
    return [pl.Series(name, texts, pl.String) for name, texts in zip(of.by, state.texts, strict=True)]


def _unpack_cell(slot: Slot, state: CellState) -> Cell:
    measures = np.frombuffer(state.measures, "<i8").astype(np.int64)
    groups = Groups(
        group=_hashes(state.group),
        check=_hashes(state.check),
        names=_names(slot.aggregate, state),
        measures=measures.reshape(len(slot.aggregate.measures()), -1),
        sets=[_hashes(values) for values in state.sets],
        sketches=[
            Counted(_hashes(keys), np.frombuffer(counts, "<i8").astype(np.int64))
            for keys, counts in state.sketches
        ],
        hash_bits=state.hash_bits,
    )
    return Cell(slot.aggregate, state.start_ms, groups)


def _hashes(packed: bytes) -> Hashes:
    return np.frombuffer(packed, "<u8").astype(np.uint64)
