"""A low priority, for work that may wait: processor and disk go to others first."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

LAST = 19


def stay_behind(nice: int) -> None:
    """Give way to other processes, to all of them at 19; threads started from now on do so too.

    A host that groups processes by session (autogroup) lets one session's niceness count inside it only, so
    the group is told as well. What a host does not allow is left as it is.
    """
    if not nice:
        return
    with suppress(OSError):
        os.nice(nice)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
    if nice == LAST:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with suppress(OSError, psutil.Error):
            psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
