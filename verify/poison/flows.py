"""The flows as processes, read to the end of the topics, with their exit codes and the memory they took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from embedded.process import ROOT, TIED, TUNED, signals_held
from topics.errors import Broken

FLOWS = ("engagement", "purchases", "server_health", "archive")
LOOK_S = 0.1
MIB = 1 << 20
SETTINGS = {"GAMEWAX_DRAIN": "1", "GAMEWAX_DEAD_LETTERS__PAUSE": "0"}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a flow ended; `peak_mb` is the most memory that it had resident."""

    flow: str
    code: int
    peak_mb: int
    said: str


def drain(environment: Mapping[str, str], within_s: float, flows: Sequence[str] = FLOWS) -> list[Ran]:
    """Run flows side by side until each has read all that was there when it began.

    Args:
        environment: the settings of the services, by their names.
        within_s: how long that may take.
        flows: which ones.

    Raises:
        Broken: a flow does not end.

    """
    folder = Path(environment["GAMEWAX_RECOVERY__DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as ends:
        with signals_held():
            running = {flow: _start(flow, environment, folder, ends) for flow in flows}
        peaks = dict.fromkeys(flows, 0)
        give_up_at = time.monotonic() + within_s
        while any(process.poll() is None for process in running.values()):
            for flow, process in running.items():
                peaks[flow] = max(peaks[flow], _peak_mb(process.pid))
            if time.monotonic() > give_up_at:
                left = [flow for flow, process in running.items() if process.poll() is None]
                raise Broken(f"after {within_s:.0f} s these flows still read: {', '.join(left)}")
            time.sleep(LOOK_S)
        return [
            Ran(flow, process.returncode, peaks[flow], _said(folder, flow))
            for flow, process in running.items()
        ]


def _start(
    flow: str, environment: Mapping[str, str], folder: Path, ends: ExitStack
) -> subprocess.Popen[bytes]:
    log = ends.enter_context(_log(folder, flow).open("wb"))
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-I", "-S", str(TIED), "--kill", str(os.getpid()),
         sys.executable, "-m", "flows.process", flow],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT,
        env={**os.environ, **TUNED, **environment, **SETTINGS},  # noqa: TID251  what the caller has, and ours
    )  # fmt: skip
    ends.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def _log(folder: Path, flow: str) -> Path:
    return folder / f"{flow}.said"


def _said(folder: Path, flow: str) -> str:
    return " ".join(_log(folder, flow).read_text(errors="replace").split())[-500:]


def _peak_mb(pid: int) -> int:
    """Give the most memory that a process had resident, 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    kib = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    return kib[0] // 1024 if kib else 0
