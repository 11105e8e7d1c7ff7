"""Where slots rest: what nobody folds into any more is kept as the few bytes that its snapshot holds.

Rules: no result depends on it. A slot that is folded into again wakes by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from windows.plan import CellId
from windows.slot import Slot

RESTS_AFTER = timedelta(seconds=1)  # an epoch, or a little less: what is still folded into is saved in each


class Shelf:
    """The slots of a flow that were saved lately, the oldest first."""

    def __init__(self) -> None:
        self._saved: dict[CellId, tuple[datetime, Slot]] = {}

    def put(self, slot: Slot, now: datetime) -> None:
        """Note that a slot was just saved, and put to rest those that were left alone since they were."""
        self._saved.pop(slot.cell, None)
        while self._saved:
            cell, (saved, alone) = next(iter(self._saved.items()))
            if now - saved < RESTS_AFTER:
                break
            alone.rest()
            del self._saved[cell]
        self._saved[slot.cell] = now, slot
