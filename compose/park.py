"""Runs `python -m cli WORDS`; when a person must decide, waits in its place instead of ending.

A container that ends is started again: `restart: unless-stopped` brings it back after a reboot, and a flow
that finds no Kafka yet (exit code 2) tries later. But exit code 3 means that an operator must decide: then
the container stays, unhealthy, with the reason last in its log, until it is stopped.

Rules: only the standard library. SIGTERM and SIGINT go on to the program; every other end is passed on.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from types import FrameType

PROGRAM = (sys.executable, "-m", "cli")
OPERATOR = 3
ASKED = {signal.SIGTERM, signal.SIGINT}


class Parked:
    """One program and what was asked of it meanwhile."""

    def __init__(self) -> None:
        self.asked = False
        self._program: subprocess.Popen[bytes] | None = None
        for number in ASKED:
            signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self._program and self._program.poll() is None:
            self._program.send_signal(number)

    def run(self, words: list[str]) -> int:
        """Run the program to its end; gives its exit code, after a wait when it is an operator's turn."""
        signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
        self._program = subprocess.Popen([*PROGRAM, *words], preexec_fn=unblock)  # noqa: PLW1509,S603  no threads
        unblock()
        code = self._program.wait()
        if code == OPERATOR and not self.asked:
            sys.stderr.write("gamewax: waiting for an operator: the line above says why\n")
            signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
            if not self.asked:
                signal.sigwait(ASKED)
        return code if code >= 0 else 128 - code


def unblock() -> None:
    """Let signals through again, here or in the new process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)


if __name__ == "__main__":
    sys.exit(Parked().run(sys.argv[1:]))
