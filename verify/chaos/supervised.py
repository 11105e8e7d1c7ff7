"""One flow as people run it: `./gamewax run FLOW`, a supervisor and under it the flow's own process.

Rules: a supervisor that ended is started again after a moment, except with exit code 3. What it wrote tells
how often the flow itself was started again, and why.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from embedded.process import ROOT, TIED
from topics.errors import NeedsOperator

AGAIN_AFTER_S = 0.5
ENDS_WITHIN_S = 60.0
PROGRAM = "flows.process"
SAID = re.compile(r"flow ended, starting again.*code=(-?\d+)")


class Supervised:
    """A flow and its supervisor; `ended` counts the supervisor's exit codes."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        self.ended: Counter[int] = Counter()
        self._environment = {**environment}
        self._due: float | None = None
        self._flow: psutil.Process | None = None
        self._supervisor = self._start()

    @property
    def pid(self) -> int | None:
        """The supervisor's process id; None while it is dead."""
        return self._supervisor.pid if self._supervisor.poll() is None else None

    def flow_pid(self) -> int | None:
        """The id of the flow's own process; None while there is none."""
        if self._flow is not None and self._flow.is_running() and self._alive(self._flow):
            return self._flow.pid
        self._flow = None
        with suppress(psutil.Error):
            if self._supervisor.poll() is None:
                children = psutil.Process(self._supervisor.pid).children()
                self._flow = next(
                    (of for of in children if PROGRAM in of.cmdline() and self._alive(of)), None
                )
        return self._flow.pid if self._flow else None

    def keep(self, now: float) -> None:
        """Start a dead supervisor when it is due.

        Raises:
            NeedsOperator: it ended for a person to decide.

        """
        code = self._supervisor.poll()
        if code is None:
            return
        if self._due is None:
            self.ended[code] += 1
            self._due = now + AGAIN_AFTER_S
            if code == NeedsOperator.exit_code:
                raise NeedsOperator(f"flow {self.name} waits for a person: {self.last_words()}")
        elif now >= self._due:
            self._due = None
            self._supervisor = self._start()

    def stop(self) -> int:
        """Ask the flow to end at an epoch's edge; gives the supervisor's exit code."""
        self._supervisor.send_signal(signal.SIGTERM)
        return self._supervisor.wait(ENDS_WITHIN_S)

    def kill(self) -> None:
        """End both processes at once."""
        flow = self.flow_pid()
        for pid in (self.pid, flow):
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._supervisor.wait(ENDS_WITHIN_S)

    def restarts(self) -> Counter[int]:
        """Count how often the supervisor started the flow again, by the exit code before."""
        return Counter(int(code) for code in SAID.findall(self._said()))

    def last_words(self) -> str:
        """Give the last line of ours in the log."""
        lines = [line for line in self._said().splitlines() if line.startswith("gamewax: ")]
        return lines[-1] if lines else f"see {self.log}"

    def _said(self) -> str:
        return self.log.read_text(errors="replace")

    def _start(self) -> subprocess.Popen[bytes]:
        self._flow = None
        tie = [sys.executable, "-I", "-S", str(TIED), str(os.getpid())]
        with self.log.open("ab") as log:
            log.write(f"-- supervisor started at {time.monotonic():.1f}\n".encode())
            log.flush()
            return subprocess.Popen(  # noqa: S603  our own program
                [*tie, sys.executable, "-m", "cli", "run", self.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self._environment,
                start_new_session=True,
            )

    @staticmethod
    def _alive(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return bool(process.status() != psutil.STATUS_ZOMBIE)
        return False
