"""Ends the process when the host's clock was set back: the engine wakes by it and would sleep that long.

Rules: no result depends on a clock. But the engine keeps the wall time at which a source or a window wants
to be called next, and when an epoch ends, so after a step back by an hour nothing would happen for an
hour. What no snapshot holds is read again, so ending at once is safe; the supervisor starts the flow
anew. A step forward does no harm, nor one back that is shorter than a start takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

LOOK_S = 0.25
HARMLESS_S = 3.0


@dataclass(slots=True)
class ClockWatch:
    """Compares two clocks, both in seconds: the wall's, and one that nobody can set."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]

    def wait_for_step_back(self, ended: Event) -> float:
        """Wait until the wall clock is set back, and give by how many seconds; 0 once `ended` is set."""
        apart = self.wall() - self.monotonic()
        while not ended.wait(LOOK_S):
            before, apart = apart, self.wall() - self.monotonic()
            if before - apart > HARMLESS_S:
                return before - apart
        return 0.0
