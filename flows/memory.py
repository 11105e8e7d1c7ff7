"""Memory that nobody uses any more goes back to the system: glibc keeps what it was given, unless asked.

Measured: 5M players in a window took 560 MB; 11 s after it was freed 203 MB were resident, 116 MB after this
(107 MB before the first event). It takes 2-16 ms.
"""

from __future__ import annotations

import ctypes
from threading import Event

EVERY_S = 10.0


def give_back_now() -> None:
    """Return free pages; nothing is done where the C library is another one."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def give_back(ended: Event, every_s: float = EVERY_S) -> None:
    """Return free pages now and then, until the end."""
    while not ended.wait(every_s):
        give_back_now()
