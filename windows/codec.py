"""State to bytes and back: our own versioned codec, never a pickled class.

Rules:
- Each snapshot is one msgpack document with its format number, behind a checksum (`windows.seal`); an
  unknown or damaged one is refused.
- What a release has written stays readable: a new field has a default (`tests/golden/`).
- A slot's snapshot also carries the shard count, a canary of the hash function and the names of what is
  kept: hashes of another function, other shards or other columns would count wrong, so they are refused.
  Columns that came since are added, with nothing in them.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from topics.errors import NeedsOperator
from windows.cell import Cell
from windows.columns import hash_canary
from windows.grown import grown, kept_columns
from windows.packed import CellState
from windows.plan import SHARDS, CellId, Plan
from windows.seal import document_of, is_whole, sealed
from windows.slot import Slot

State = TypeVar("State", bound=msgspec.Struct)
FORMAT = 1
CANARY = hash_canary()
SLOT_FORMAT = 2  # 2: windows without the hashes of many groups
HELP = "start the version that wrote it"


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
    told: dict[int, int] = {}


def pack_slot(slot: Slot) -> bytes:
    """Write a slot's whole state."""
    state = SlotState(
        format=SLOT_FORMAT,
        shards=SHARDS,
        canary=CANARY,
        cell=(slot.cell.table, slot.cell.size_s, slot.cell.slot, slot.cell.shard),
        partitions=slot.partitions,
        closed_ms=slot.closed_ms,
        guarantees=slot.guarantees,
        windows=[window.state() for window in slot.windows.values()],
        columns=kept_columns(slot.aggregate),
        written=slot.written,
        log=slot.log,
        told=slot.told,
    )
    return packed_state(state)


def unpack_slot(plan: Plan, packed: bytes) -> Slot:
    """Read a slot back; all its rows count as changed, unless it was written when its input ended.

    Raises:
        NeedsOperator: the bytes are damaged, or of another format, shard count, hash function or columns.

    """
    state = read_state(packed, SlotState, "window state", SLOT_FORMAT)
    if state.shards != SHARDS or state.canary != CANARY:
        raise NeedsOperator(f"window state was cut by another hash function or shard count: {HELP}")
    cell = CellId(*state.cell)
    if cell.table not in {of.table for of in plan.aggregates}:
        raise NeedsOperator(f"window state of table {cell.table!r}, which this flow has not: {HELP}")
    slot = Slot(plan, cell, state.partitions, state.closed_ms, dict(state.guarantees))
    slot.log, slot.told = state.log, dict(state.told)
    windows = grown(slot.aggregate, state.columns, state.windows)
    if windows is None:
        raise NeedsOperator(f"window state of table {cell.table!r} was kept for other columns: {HELP}")
    slot.windows = {of.start_ms: Cell(slot.aggregate, of.start_ms, of) for of in windows}
    if state.written:
        slot.note_written()
    return slot


def packed_state(state: msgspec.Struct) -> bytes:
    """Write one state as all are written."""
    return sealed(msgspec.msgpack.encode(state))


def read_state(packed: object, kind: type[State], what: str, newest: int = FORMAT) -> State:
    """Decode one msgpack document of a known format, or refuse with one clear line."""
    if not isinstance(packed, bytes):
        raise NeedsOperator(f"{what} in the recovery store is no bytes: {HELP}")
    if not is_whole(packed):
        raise NeedsOperator(f"{what} in the recovery store is damaged: its checksum does not fit")
    try:
        state = msgspec.msgpack.decode(document_of(packed), type=kind)
    except (TypeError, msgspec.DecodeError) as error:
        raise NeedsOperator(f"{what} in the recovery store cannot be read ({error}): {HELP}") from error
    found = getattr(state, "format", None)
    if found not in range(FORMAT, newest + 1):
        raise NeedsOperator(f"{what} in the recovery store has format {found}, not {newest}: {HELP}")
    return state
