"""What more and more keys cost: the CPU of an event by the number of players who are live at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.drained import Drained

FEW, MANY = "KEYS-1000", "KEYS-1000000"
FLAT = 1.10  # the most that CPU per event may be with a million keys, of that with a thousand


@dataclass(frozen=True, slots=True)
class ManyKeys:
    """The sizes of one run, compared."""

    sizes: Sequence[Drained]
    name: str = "KEYS"

    @property
    def figures(self) -> dict[str, float]:
        """Give CPU per event by size, and `flat`: a million's over a thousand's."""
        found = {size.name: size.figures.get("cpu_us", 0.0) for size in self.sizes}
        if not all(found.values()):
            return {}
        return {"flat": found[MANY] / found[FEW], **{f"cpu_us_{name}": us for name, us in found.items()}}

    @property
    def reached(self) -> bool:
        """Tell whether all sizes came through with right rows, and the cost stayed flat."""
        return bool(self.figures) and self.figures["flat"] <= FLAT

    def __str__(self) -> str:
        """Say it in one line."""
        if not self.figures:
            return f"{self.name}: rows differ from the truth, so no figure counts"
        return f"{self.name} flat={self.figures['flat']:.2f} (CPU of 1,000,000 over 1,000 keys, goal {FLAT})"
