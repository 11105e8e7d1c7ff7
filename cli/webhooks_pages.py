"""How the dispatcher tells that it is well, as flows do: `/healthz`, `/readyz`, `/metrics` on 127.0.0.1."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import settings
from cli.harmless import now_ms
from flows.health import Answer, HealthServer
from flows.health_file import forget_dead, own_endpoint, remove_endpoint, write_endpoint
from flows.health_verdict import Reason
from flows.metrics_text import text
from flows.monitor import verdict
from sinks.metric import Sample
from sinks.metrics import CPU, END_OFFSET, LAG, NEXT_OFFSET, READ, READY, RSS, STARTED
from sinks.outbox_report import reading, samples
from sources.outbox import LOOK_S, Standing
from topics.errors import BadInput

FLOW = "dispatcher"


class Pages:
    """Answers as long as it is entered.

    `standing` is where the reading of the topic stands; `still_s` says how long the loop has stood still.
    """

    def __init__(
        self, at: settings.Settings, store: Path, standing: Standing, still_s: Callable[[], float]
    ) -> None:
        self._at, self._store, self._standing, self._still_s = at, store, standing, still_s
        self._process, self._begun_s = psutil.Process(), time.monotonic()

    def __enter__(self) -> Self:
        pages = {"/healthz": self._healthz, "/readyz": self._readyz, "/metrics": self._metrics}
        self._http = HealthServer(self._at.health.port, pages)
        forget_dead(self._store.parent)
        self._endpoint = own_endpoint(FLOW, 0, self._http.url)
        write_endpoint(self._store.parent, self._endpoint)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_endpoint(self._store.parent, self._endpoint)
        self._http.close()

    @property
    def url(self) -> str:
        """Give the address."""
        return self._http.url

    def _healthz(self) -> Answer:
        still_s = self._still_s()
        hangs = still_s > self._at.health.stuck_after_s
        return verdict([Reason("hangs", still_s, "the loop stands still")] if hangs else [])

    def _readyz(self) -> Answer:
        return verdict(self._not_ready())

    def _metrics(self) -> Answer:
        return Answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, text(FLOW, "0", self._samples()))

    def _not_ready(self) -> list[Reason]:
        """Say why messages do not go out."""
        for_s = time.monotonic() - max(self._standing.answered_s, self._begun_s)
        if self._standing.answered_s > self._begun_s:
            for_s -= LOOK_S
        if for_s > self._at.health.away_after_s:
            return [Reason("kafka_away", for_s, f"Kafka does not answer for topic {self._standing.topic}")]
        if not self._standing.next:
            return [Reason("starting", for_s, "reading has not begun")]
        return []

    def _samples(self) -> list[Sample]:
        of = self._standing
        found = [
            Sample(STARTED, self._process.create_time()),
            Sample(RSS, self._process.memory_info().rss),
            Sample(CPU, sum(self._process.cpu_times()[:2])),
            Sample(READY, not self._not_ready()),
        ]
        for partition, offset in dict(of.next).items():
            high = max(of.high.get(partition, offset), offset)
            found += [
                Sample(READ, of.read.get(partition, 0), of.topic, partition),
                Sample(NEXT_OFFSET, offset, of.topic, partition),
                Sample(END_OFFSET, high, of.topic, partition),
                Sample(LAG, high - offset, of.topic, partition),
            ]
        try:
            with reading(self._store) as db:
                found += samples(db, now_ms())
        except (BadInput, sqlite3.Error):
            return found  # the store is just being made
        return found
