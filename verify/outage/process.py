"""A flow as a process of its own, and what it says of itself: over its health endpoint and by its memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from embedded.process import ROOT, TIED, TUNED
from flows.health_file import endpoints
from sinks import metrics as names
from topics.errors import Broken

START_WITHIN_S = 60.0
LOOK_S = 0.1
ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at a flow: messages read since the log's first, messages before the end, seconds, bytes."""

    at_s: float
    read: int
    lag: int
    fresh_s: float
    rss: int
    reasons: tuple[str, ...]  # why it is not ready


class FlowProcess:
    """A running flow."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], recovery: Path) -> None:
        self.name = name
        self._process, self._recovery = process, recovery
        self._system = psutil.Process(process.pid)
        self._client = httpx.Client(base_url=self._url(), timeout=ANSWER_S, trust_env=False)

    def look(self) -> Figures:
        """Ask it how it is.

        Raises:
            Broken: it has ended, or does not answer.

        """
        try:
            page = self._client.get("/metrics").raise_for_status().text
            verdict = self._client.get("/readyz")
            rss = self._system.memory_info().rss
        except (httpx.HTTPError, psutil.Error) as error:
            raise Broken(
                f"flow {self.name} does not answer ({error!r}); it ended with {self.code}"
            ) from error
        found = _samples(page)
        reasons = (
            [json.loads(line)["reason"] for line in verdict.text.splitlines()] if verdict.is_error else ()
        )
        return Figures(
            at_s=time.monotonic(),
            read=int(sum(found.get(names.READ.name, ()))),
            lag=int(sum(found.get(names.LAG.name, ()))),
            fresh_s=max(found.get(names.FRESHNESS.name, ()), default=0.0),
            rss=rss,
            reasons=tuple(reasons),
        )

    @property
    def code(self) -> int | None:
        """Give its exit code; None while it runs."""
        return self._process.poll()

    def end(self) -> int:
        """Ask it to end at an epoch's edge; gives its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def _url(self) -> str:
        def answering() -> list[str]:
            found = endpoints(self._recovery)
            return [of.url for of in found if of.pid == self._process.pid and of.lives]

        wait_for(answering, START_WITHIN_S, lambda: f"flow {self.name} does not start ({self.code})")
        return answering()[0]


@contextmanager
def flow_process(name: str, environment: Mapping[str, str], log: TextIO) -> Iterator[FlowProcess]:
    """Run a flow as long as the `with` block lasts; what it says goes to `log`."""
    process = subprocess.Popen(  # noqa: S603  our own program
        [
            sys.executable,
            "-I",
            "-S",
            str(TIED),
            str(os.getpid()),
            sys.executable,
            "-m",
            "flows.process",
            name,
        ],
        cwd=ROOT,
        env={**TUNED, **os.environ, **environment},  # noqa: TID251  a child needs our environment
        stdin=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield FlowProcess(name, process, Path(environment["GAMEWAX_RECOVERY__DIR"]))
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(happened: Callable[[], object], within_s: float, what: Callable[[], str]) -> None:
    """Wait for something.

    Raises:
        Broken: it does not happen in time.

    """
    give_up_at = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > give_up_at:
            raise Broken(f"{what()} within {within_s:.0f} s")
        time.sleep(LOOK_S)


def _samples(page: str) -> Mapping[str, list[float]]:
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.value)
    return found
