"""Keeps flows running: starts them as processes, starts them again when they die, ends them when asked.

Rules: a flow that ends with 0 (drained) is done; 3 ends the supervisor with that code, and so does 2 at
the first start, since a restart would only say it again; anything else is started again after a growing
wait, also 2 later on: Kafka or ClickHouse may be away. The processes of one flow's cluster live and die
together. Ctrl-C and SIGTERM let every flow end at an epoch's edge, asked once. When we are killed the kernel
kills the flows with us: their state is safe at any moment, and whoever starts them next need not wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from embedded.process import ROOT, TIED, TUNED, free_port, signals_held
from topics.errors import BadInput, NeedsOperator

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
HEALTHY_S = 30.0  # a flow that ran this long runs well; a start that finds nobody ends before
GRACE_S = 30.0  # for the last snapshot after SIGTERM
PEERS_S = 3.0  # for the others of a cluster to say why they end too; there is no last snapshot without all
SETTINGS, OPERATOR = BadInput.exit_code, NeedsOperator.exit_code
LOOK_S = 0.05
TIE = (sys.executable, "-I", "-S", str(TIED), "--kill")  # + our process id + the program
PROGRAM = (sys.executable, "-m", "flows.process")


@dataclass(slots=True)
class Flow:
    """One flow's processes and when they may start."""

    name: str
    processes: int
    drain: bool
    settings: Mapping[str, str] = field(default_factory=dict)  # variables besides our own environment
    at_first: Mapping[str, str] = field(default_factory=dict)  # the same, until it has run well once
    log: Path | None = None  # where its stderr goes; None: to ours
    program: tuple[str, ...] = ()  # what runs instead of the flow of this name
    once: bool = False  # someone waits for its end: what only they can mend ends it also when it ran well
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    started: float = 0.0
    wait_s: float = FIRST_WAIT_S
    not_before: float = 0.0
    proven: bool = False  # it has run well
    begun: bool = False  # it has ended otherwise than at once by its settings, so they are right
    asked: bool = False  # to end
    code: int | None = None

    def start(self) -> None:
        """Start all processes of the flow."""
        addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(self.processes))
        cluster = ["--addresses", addresses] if self.processes > 1 else []
        drain = {"GAMEWAX_DRAIN": "1"} if self.drain else {}
        first = {} if self.proven else self.at_first
        environment = {**TUNED, **os.environ, **self.settings, **first, **drain}  # noqa: TID251
        self.started, self.asked = time.monotonic(), False
        with self.log.open("ab") if self.log else nullcontext() as log, signals_held():
            self.running = [
                subprocess.Popen(  # noqa: S603  our own program
                    [*TIE, str(os.getpid()), *self._command(number, cluster)],
                    stdin=subprocess.DEVNULL,
                    stderr=log,
                    cwd=ROOT,
                    env=environment,
                    start_new_session=True,
                )
                for number in range(self.processes)
            ]

    def _command(self, number: int, cluster: list[str]) -> tuple[str, ...]:
        return self.program or (*PROGRAM, self.name, "--process", str(number), *cluster)

    def look(self) -> None:
        """Start what is due; note what ended."""
        now = time.monotonic()
        if not self.running:
            if now >= self.not_before:
                self.start()
            return
        codes = [process.poll() for process in self.running]
        if any(codes):
            running = self.running
            self.end(PEERS_S)
            self._after(worst(process.returncode for process in running), now)
        elif all(code == 0 for code in codes):
            self.running, self.code = [], 0

    def _after(self, code: int, now: float) -> None:
        healthy = now - self.started > HEALTHY_S
        self.proven |= healthy
        self.begun |= healthy or code != SETTINGS
        if code == OPERATOR or (code == SETTINGS and (self.once or not self.begun)):
            self.code = code
            return
        self.wait_s = FIRST_WAIT_S if healthy else self.wait_s
        self.not_before = now + self.wait_s
        structlog.get_logger().warning(
            "flow ended, starting again", flow=self.name, code=code, wait_s=self.wait_s
        )
        self.wait_s = min(2 * self.wait_s, LONGEST_WAIT_S)

    def ask(self) -> None:
        """Ask the flow to end at an epoch's edge, once: a second signal could cut its end short."""
        if not self.asked:
            self.asked = True
            for process in self.running:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)

    def end(self, within_s: float = GRACE_S) -> None:
        """Ask the flow to end, wait for it, and kill what does not end in time."""
        self.ask()
        give_up_at = time.monotonic() + within_s
        for process in self.running:
            try:
                process.wait(max(give_up_at - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []


def worst(codes: Iterable[int]) -> int:
    """Give the code that says why a cluster ended: what a person must mend before what a peer's end broke."""
    failed = [code for code in codes if code]
    return next((code for code in (OPERATOR, SETTINGS) if code in failed), failed[0])


def supervise(flows: list[Flow]) -> int:
    """Run flows until all are done, one cannot go on, or we are asked to stop; gives the exit code."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))
    try:
        while not asked:
            for flow in flows:
                if flow.code is None:
                    flow.look()
            stuck = [flow.code for flow in flows if flow.code]
            if stuck:
                return stuck[0]
            if all(flow.code == 0 for flow in flows):
                return 0
            time.sleep(LOOK_S)
    finally:
        for flow in flows:
            flow.ask()
        for flow in flows:
            flow.end()
    return 0
