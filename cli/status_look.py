"""Puts together what processes, ClickHouse and Kafka say: one `Status` a look.

Rules: a rate needs two looks at least a second apart; the first one takes both itself. Whoever does not
answer costs some seconds, never more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import settings
from cli.harmless import moment, now_ms
from cli.status_model import RUNS, FlowHealth, FlowStatus, PartitionStatus, ServiceStatus, Status
from cli.status_processes import Heard, hear, worst
from cli.status_services import Logs, Stored, logs, stored, unread
from cli.webhooks_place import store_folder
from flows.registry import FLOWS
from flows.store import DATABASE

RATE_OVER_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of all flows besides what their processes say; rates are messages a second."""

    recovery: Path
    known: Stored
    kafka: Logs
    rates: Mapping[str, float]


class Looker:
    """Looks again and again; `wanted` names the flows that must run, none: any."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._recovery = settings.from_caller(settings.load().recovery.dir)
        self._webhooks = store_folder(settings.load())
        self._before: dict[str, float] = {}  # messages read by flow
        self._before_s: float | None = None

    def look(self) -> Status:
        """Ask everybody."""
        if self._before_s is None:
            self._remember(hear(self._recovery, self._webhooks))
        known = stored()
        heard = hear(self._recovery, self._webhooks)
        running = {of.flow for of in heard if of.status.health in RUNS}
        kafka = logs({topic for flow, _, topic, _ in known.places if flow not in running})
        if (rest_s := (self._before_s or 0.0) + RATE_OVER_S - time.monotonic()) > 0:
            time.sleep(rest_s)
            heard = hear(self._recovery, self._webhooks)
        asked = Asked(self._recovery, known, kafka, self._remember(heard))
        names = [*FLOWS, *sorted({of.flow for of in heard} - FLOWS.keys())]
        flows = tuple(
            flow_status(name, [of for of in heard if of.flow == name], asked)
            for name in names
            if not self._wanted or name in self._wanted
        )
        return self._status((kafka.service, known.service), flows, known)

    def _remember(self, heard: Iterable[Heard]) -> dict[str, float]:
        """Keep the counts for the next look; give messages a second since the last."""
        now_s, counts = time.monotonic(), dict[str, float]()
        for of in heard:
            counts[of.flow] = counts.get(of.flow, 0.0) + of.read
        passed_s = now_s - (self._before_s or now_s)
        rates = {
            flow: max(count - self._before[flow], 0.0) / passed_s
            for flow, count in counts.items()
            if flow in self._before and passed_s > 0
        }
        self._before, self._before_s = counts, now_s
        return rates

    def _status(
        self, services: tuple[ServiceStatus, ...], flows: tuple[FlowStatus, ...], known: Stored
    ) -> Status:
        away = [f"{of.name} at {of.address}: {of.trouble}" for of in services if not of.answers]
        said = [f"{flow.flow}: {problem}" for flow in flows for problem in flow.problems]
        idle = [f"{flow.flow} does not run" for flow in flows if self._wanted and flow.health not in RUNS]
        if not self._wanted and not any(flow.health in RUNS for flow in flows):
            idle = ["no flow runs: ./gamewax run FLOW… starts some"]
        well = not (away or idle or any(flow.is_bad for flow in flows))
        return Status(moment(now_ms()), well, services, flows, known.letters, (*away, *said, *idle))


def flow_status(name: str, heard: list[Heard], asked: Asked) -> FlowStatus:
    """Give one flow's status."""
    partitions = tuple(sorted(chain.from_iterable(of.partitions for of in heard), key=_place))
    lags = [of.lag for of in partitions if of.lag is not None]
    awake = [of for of in partitions if not of.idle] or list(partitions)
    ages = [of.watermark_age_s for of in awake if of.watermark_age_s is not None]
    fresh = [of.freshness_s for of in awake if of.freshness_s is not None]
    asleep: FlowHealth = "stopped" if (asked.recovery / name / DATABASE).exists() else "not started"
    return FlowStatus(
        flow=name,
        health=worst(heard) if heard else asleep,
        processes=tuple(of.status for of in heard),
        partitions=partitions,
        lag=sum(lags) if partitions else unread(name, asked.known, asked.kafka),
        events_per_s=asked.rates.get(name),
        watermark_age_s=max(ages, default=None),
        freshness_s=max(fresh, default=None),
        books=tuple(asked.known.books.get(name, ())),
        notes=tuple(dict.fromkeys(chain.from_iterable(of.notes for of in heard))),
    )


def _place(of: PartitionStatus) -> tuple[str, int]:
    return of.topic, of.partition
