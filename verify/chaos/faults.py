"""Harms the parts and lets them recover, and writes down when, what, and how long it took to go on.

Rules: a part is harmed only after it was seen to move since its last harm, so a kill falls into work, never
into a start. A pause is SIGSTOP and SIGCONT, a trouble is the proxy's. All times are seconds since the start.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import psutil

from verify.chaos.parts import CLICKHOUSE, KAFKA, Parts
from verify.chaos.progress import Progress
from verify.fault_proxy import Trouble

SUPERVISOR = "supervisor of "
KILL, PAUSE = "kill", "pause"


@dataclass(slots=True)
class Fault:
    """One harm; `seconds` is how long it was held, `moved_after_s` when the part was seen to work again."""

    at_s: float
    kind: str
    target: str
    seconds: float = 0.0
    moved_after_s: float | None = None

    def __str__(self) -> str:
        """Say it in a few words."""
        held = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at_s:6.1f} s  {self.kind} {self.target}{held}"


@dataclass(slots=True)
class Watch:
    """A killed part until it moves again; `base` is its progress when its new process was first seen."""

    fault: Fault
    worker: str
    killed: int
    base: int | None = None


@dataclass(slots=True)
class Paused:
    """A stopped process and when it may go on."""

    target: str
    process: psutil.Process
    until: float


def group_of(target: str) -> str:
    """Give the kind of part: kafka, clickhouse, flow or supervisor."""
    if target in {KAFKA, CLICKHOUSE}:
        return target
    return "supervisor" if target.startswith(SUPERVISOR) else "flow"


@dataclass
class Faults:
    """Does harm when told; `tick` ends what is due, and must be called often."""

    parts: Parts
    progress: Progress
    say: Callable[[str], None]
    done: list[Fault] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _watched: list[Watch] = field(default_factory=list)
    _paused: list[Paused] = field(default_factory=list)
    _trouble_until: float = 0.0
    _seen: dict[str, int] = field(default_factory=dict)

    def targets(self) -> list[str]:
        """Name every part that can be harmed; what comes later (a dispatcher) is added here."""
        flows = list(self.parts.flows)
        return [KAFKA, CLICKHOUSE, *flows, *(SUPERVISOR + name for name in flows)]

    def ready(self) -> list[str]:
        """Name the parts that live and have moved since their last harm."""
        busy = {watch.worker for watch in self._watched}
        return [
            target
            for target in self.targets()
            if target.removeprefix(SUPERVISOR) not in busy
            and self.progress.of(target) > self._seen.get(target.removeprefix(SUPERVISOR), 0)
            and self.parts.pid(target) is not None
        ]

    @property
    def recovering(self) -> int:
        """Count the killed parts that were not seen to move since."""
        return len(self._watched)

    @property
    def troubled(self) -> bool:
        """Tell whether the way to ClickHouse is disturbed now."""
        return self.parts.proxy.trouble is not None

    def kill(self, target: str, away_s: float = 0.0) -> None:
        """SIGKILL a part; Kafka or ClickHouse stay away for a while."""
        worker = target.removeprefix(SUPERVISOR)
        pid, worker_pid = self.parts.pid(target), self.parts.pid(worker)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        fault = self._note(Fault(self._now(), KILL, target, away_s))
        self._seen[worker] = self.progress.of(target)
        self._watched.append(Watch(fault, worker, worker_pid or pid))
        if worker in self.parts.absences:
            self.parts.stay_away(worker, away_s)

    def pause(self, target: str, seconds: float) -> None:
        """SIGSTOP a part for a while."""
        pid = self.parts.pid(target)
        if pid is None or any(of.target == target for of in self._paused):
            return
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            process.suspend()
            self._paused.append(Paused(target, process, time.monotonic() + seconds))
            self._note(Fault(self._now(), PAUSE, target, seconds))

    def disturb(self, trouble: Trouble, seconds: float) -> None:
        """Let something be wrong between the flows and ClickHouse for a while."""
        self.parts.proxy.begin(trouble)
        self._trouble_until = time.monotonic() + seconds
        self._note(Fault(self._now(), trouble.value, "way to clickhouse", seconds))

    def tick(self) -> None:
        """End what is due, start again what is dead, see what moves.

        Raises:
            NeedsOperator: a flow stopped for a person to decide.

        """
        now = time.monotonic()
        if self.troubled and now >= self._trouble_until:
            self.parts.proxy.end()
        for of in [of for of in self._paused if now >= of.until]:
            self._resume(of)
        self.parts.keep()
        self._watched = [watch for watch in self._watched if not self._moved(watch)]

    def end(self) -> None:
        """End every pause, trouble and absence at once."""
        self.parts.proxy.end()
        for of in list(self._paused):
            self._resume(of)
        for absence in self.parts.absences.values():
            absence.until = 0.0

    def _resume(self, of: Paused) -> None:
        self._paused.remove(of)
        with suppress(psutil.Error):
            of.process.resume()

    def _moved(self, watch: Watch) -> bool:
        if watch.base is None:
            if self.parts.pid(watch.worker) not in {None, watch.killed}:
                watch.base = self.progress.of(watch.worker)
            return False
        if self.progress.of(watch.worker) <= watch.base:
            return False
        watch.fault.moved_after_s = round(self._now() - watch.fault.at_s, 2)
        return True

    def _note(self, fault: Fault) -> Fault:
        fault.at_s, fault.seconds = round(fault.at_s, 2), round(fault.seconds, 2)
        self.done.append(fault)
        self.say(str(fault))
        return fault

    def _now(self) -> float:
        return time.monotonic() - self.began


def as_json(faults: list[Fault]) -> list[dict[str, object]]:
    """Give faults as a report holds them."""
    return [asdict(fault) for fault in faults]
