"""The flows of a demo: all started together, watched, and ended together.

Rules: a flow that only a person can mend ends the demo with the flow's own words. Signals wait while flows
are being ended, so that none is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cli.supervise import Flow
from demo.folder import FLOW_LOGS
from demo.streams import STREAMS
from embedded.process import signals_held
from embedded.services import BY_EXIT_CODE, SAID_BY_US
from topics.errors import Broken, GamewaxError

FOR_EVER_S = float("inf")


class Flows:
    """All flows of a demo; what nobody waits to see starts when it is let."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        logs = folder / FLOW_LOGS
        logs.mkdir(exist_ok=True)
        self.log = logs / "restarts.log"
        self._all = tuple(
            Flow(stream.flow, 1, drain=False, settings=settings, log=logs / f"{stream.flow}.log")
            for stream in STREAMS
        )
        for flow, stream in zip(self._all, STREAMS, strict=True):
            flow.not_before = FOR_EVER_S if stream.later else 0.0

    def let_others(self) -> None:
        """Let the others start too; they would only slow down what somebody waits to see."""
        for flow in self._all:
            let(flow)

    def look(self) -> None:
        """Start what is due.

        Raises:
            GamewaxError: a flow cannot go on.

        """
        for flow in self._all:
            flow.look()
            if flow.code is not None:
                raise words_of(flow)

    @property
    def trouble(self) -> str:
        """Say which flow is down now, if any."""
        for flow in self._all:
            if not flow.running and flow.started:
                return f"flow {flow.name} ended and starts again; see {flow.log}"
        return ""

    def end(self) -> None:
        """End all flows, each with a snapshot.

        Raises:
            Broken: one did not end well.

        """
        last = [(flow, process) for flow in self._all for process in flow.running]
        with signals_held(), ThreadPoolExecutor(len(self._all)) as together:
            list(together.map(Flow.end, self._all))
        for flow, process in last:
            if process.returncode:
                raise Broken(f"flow {flow.name} ended with code {process.returncode}; see {flow.log}")


def let(flow: Flow) -> None:
    """Let a flow start that was to wait."""
    if flow.not_before == FOR_EVER_S:
        flow.not_before = time.monotonic()


def words_of(flow: Flow) -> GamewaxError:
    """Give the error that a flow told of last."""
    words = flow.log.read_text(errors="replace").splitlines() if flow.log else []
    said = next((line for line in reversed(words) if line.startswith(SAID_BY_US)), "")
    code = flow.code or 0
    why = said.removeprefix(SAID_BY_US) or f"flow {flow.name} ended with code {code}; see {flow.log}"
    return BY_EXIT_CODE.get(code, Broken)(why)
