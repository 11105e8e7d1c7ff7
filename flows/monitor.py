"""Looks after one flow process from outside: health, metrics and `pipeline_metrics`, all pulled.

Rules:
- The flow knows nothing of it; it asks the flow's sources and sink for their figures, in its own threads.
- It lives as long as the process, over all rounds of a flow whose topic grows; `watch` names the parts of
  the round that runs.
- Its end leaves no file behind, unless an error ended the flow: then `status` says that it died. It waits
  for nobody for long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Protocol, Self

import msgspec
import psutil
from prometheus_client import CONTENT_TYPE_LATEST

from flows.disk import MB, free_bytes
from flows.freshness import Freshness
from flows.health import Answer, HealthServer
from flows.health_file import forget_dead, own_endpoint, remove_endpoint, write_endpoint
from flows.health_verdict import Limits, Look, Reason, not_alive, not_ready
from flows.metrics import Surrounding, samples
from flows.metrics_table import MetricsTable
from flows.metrics_text import text
from settings import Settings
from sinks.clickhouse_figures import SinkFigures
from sinks.metric import Sample
from sources.figures import Measured

LOOK_S = 0.5
KEEP_S = 0.25  # an answer is good for this long
LAST_WRITE_S = 2.0


class MeasuredSink(Protocol):
    """A sink that tells of itself."""

    def figures(self) -> SinkFigures:
        """Tell where it stands."""


class MeasuredBeside(Protocol):
    """What works beside a flow and has metrics of its own."""

    def samples(self) -> list[Sample]:
        """Give them."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts of a flow that is being run, and when it was opened."""

    sources: tuple[Measured, ...]
    sink: MeasuredSink
    beside: tuple[MeasuredBeside, ...]
    opened_s: float


@dataclass(frozen=True, slots=True)
class Who:
    """Which process this is: of which flow, its number, and the folder that holds the flow's store."""

    flow: str
    process: int
    folder: Path


class Monitor:
    """Watches this process while the `with` block lasts; `now` gives the present, `stop` that it is to end.

    Raises:
        BadInput: the port that was set, and those after it, are taken.

    """

    def __init__(self, who: Who, settings: Settings, now: Callable[[], datetime], stop: Event) -> None:
        self._who, self._settings, self._now, self._stop = who, settings, now, stop
        health = settings.health
        least_free = settings.recovery.least_free_mb * MB
        self._limits = Limits(health.away_after_s, health.stuck_after_s, least_free)
        self._begun_s = time.monotonic()
        self._watched: Watched | None = None
        self._process = psutil.Process()
        self._fresh, self._lock = Freshness(), Lock()
        self._page, self._page_s = b"", -KEEP_S
        self._table = MetricsTable(settings.clickhouse, who.flow, str(who.process), time.monotonic)
        self._ended = Event()
        self._thread = Thread(target=self._run, name="monitor", daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer and to write."""
        pages = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}
        self._server = HealthServer(self._settings.health.port, pages)
        self._endpoint = own_endpoint(self._who.flow, self._who.process, self._server.url)
        if self._who.process == 0:
            forget_dead(self._who.folder)
        write_endpoint(self._who.folder, self._endpoint)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the last numbers if ClickHouse takes them at once, and end."""
        if kind is None:
            remove_endpoint(self._who.folder, self._endpoint)
        self._server.close()
        self._ended.set()
        self._thread.join(LAST_WRITE_S)

    def watch(
        self, sources: tuple[Measured, ...], sink: MeasuredSink, beside: tuple[MeasuredBeside, ...] = ()
    ) -> None:
        """Look after these parts from now on."""
        self._watched = Watched(sources, sink, beside, time.monotonic())

    def look(self) -> Look:
        """Take one look at the process."""
        now_s, watched = time.monotonic(), self._watched
        if watched is None:
            return Look(now_s, self._begun_s, (), SinkFigures(), None, self._stop.is_set())
        found = tuple(source.figures() for source in watched.sources)
        look = Look(
            now_s,
            self._begun_s,
            found,
            watched.sink.figures(),
            watched.opened_s,
            self._stop.is_set(),
            self._table.away_since_s,
            free_bytes(self._who.folder),
        )
        with self._lock:
            self._fresh.note(now_s, look.partitions)
        return look

    def samples(self) -> list[Sample]:
        """Take one look and give all metrics."""
        look = self.look()
        around = Surrounding(
            now_ms=int(self._now().timestamp() * 1000),
            started_s=self._process.create_time(),
            resident_bytes=self._process.memory_info().rss,
            cpu_s=sum(self._process.cpu_times()[:2]),
            store_bytes=self._store_bytes(),
            ready=not not_ready(look, self._limits),
            missed=self._table.missed,
            shown_ms=self._shown_ms(look),
        )
        beside = () if self._watched is None else self._watched.beside
        return [*samples(look, around), *(sample for of in beside for sample in of.samples())]

    def _shown_ms(self, look: Look) -> dict[tuple[str, int], int]:
        since = look.sink.unacknowledged_since_s
        acknowledged_s = look.now_s if since is None else since
        before_s = acknowledged_s - self._settings.windows.upsert_every_s
        with self._lock:
            shown = {(of.topic, of.partition): self._fresh.shown_ms(of, before_s) for of in look.partitions}
        return {place: shown_ms for place, shown_ms in shown.items() if shown_ms is not None}

    def _store_bytes(self) -> int:
        found = 0
        for path in self._who.folder.glob("*/part-*"):
            with suppress(OSError):
                found += path.stat().st_size
        return found

    def _run(self) -> None:
        """Look now and then, and write what was seen; once more at the end."""
        every_s = self._settings.health.table_every_s
        due_s = time.monotonic() + every_s
        while not self._ended.wait(LOOK_S):
            self.look()
            if every_s and time.monotonic() >= due_s:
                self._write()
                due_s = time.monotonic() + (min(every_s, 1.0) if self._table.away_since_s else every_s)
        if every_s and self._watched is not None and self._table.away_since_s is None:
            self._write()
        self._table.close()

    def _write(self) -> None:
        self._table.write(self._now(), self.samples())

    def _healthz(self) -> Answer:
        return verdict(not_alive(self.look(), self._limits))

    def _readyz(self) -> Answer:
        return verdict(not_ready(self.look(), self._limits))

    def _metrics(self) -> Answer:
        if time.monotonic() - self._page_s >= KEEP_S:
            self._page = text(self._who.flow, str(self._who.process), self.samples())
            self._page_s = time.monotonic()
        return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, self._page)


def verdict(reasons: list[Reason]) -> Answer:
    """Say that all is well, or why not: one JSON object a line."""
    if not reasons:
        return Answer(HTTPStatus.OK, "text/plain; charset=utf-8", b"ok\n")
    lines = b"".join(msgspec.json.encode(reason) + b"\n" for reason in reasons)
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, "application/x-ndjson", lines)
