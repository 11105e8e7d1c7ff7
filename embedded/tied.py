"""Becomes the program in its arguments after asking the kernel to end it when its parent dies.

Run by path, with no import of ours: `python -I -S embedded/tied.py [--kill] PARENT_PID COMMAND…`.
It asks the program to end (SIGTERM), or with `--kill` just ends it. Why a program and not a hook
between fork and exec: that hook is not safe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # Linux prctl(2): the signal that we get when our parent dies


def main(arguments: Sequence[str]) -> None:
    """Tie this process to its parent's life, then become the command."""
    ends_by = signal.SIGKILL if arguments[0] == "--kill" else signal.SIGTERM
    parent, *command = arguments[1:] if ends_by is signal.SIGKILL else arguments
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ends_by)
    if os.getppid() != int(parent):
        sys.exit("gamewax: the parent ended first")
    os.execvp(command[0], command)  # noqa: S606  no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
