"""ALERT: from produce() of a sample until a consumer of `alerts` has the alert, at live rates.

The flow is the product's `thresholds` as `./gamewax run` starts it, with its recovery store and its sinks. No
figure counts unless exactly the alerts that are due have come, each under its id; ids are worked out from
where the producer's samples came to stand, not by the flow.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.alert_stream import LIMIT, TOPIC, Due
from bench.load import PARTITIONS
from bench.rig import ROOT
from embedded.process import TUNED
from embedded.services import Services
from sources.kafka_client import describe
from topics.errors import Broken

GOAL_P50_MS, GOAL_P99_MS = 10.0, 50.0
STARTS_WITHIN_S, LAST_WITHIN_S = 60.0, 60.0
FEWEST = 100  # no percentile of less
Heard = dict[str, float]  # when an alert was received, by its id
Flow = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: milliseconds of each alert that counts; alerts due, missing and not due; the flow's CPU."""

    per_s: int
    waits_ms: Sequence[float]
    due: int
    missing: int
    strange: int
    cores: float

    @property
    def exact(self) -> bool:
        """Whether exactly the due alerts came."""
        return not (self.missing or self.strange) and len(self.waits_ms) >= FEWEST

    @property
    def percentiles(self) -> dict[str, float]:
        """Give the figures."""
        cuts = quantiles(self.waits_ms, n=100)
        return {"p50_ms": cuts[49], "p99_ms": cuts[98], "max_ms": max(self.waits_ms), "cores": self.cores}


@dataclass(frozen=True, slots=True)
class Alerting:
    """All rates."""

    rates: Sequence[Rate]
    name: str = "ALERT"

    @property
    def figures(self) -> dict[str, float]:
        """Give the figures of each rate, as `p99_ms_20000`; nothing when any alert was wrong."""
        if not all(rate.exact for rate in self.rates):
            return {}
        return {
            f"{name}_{rate.per_s}": figure for rate in self.rates for name, figure in rate.percentiles.items()
        }

    @property
    def reached(self) -> bool:
        """Whether every alert came, soon enough at every rate."""
        goals = {"p50_ms": GOAL_P50_MS, "p99_ms": GOAL_P99_MS}
        return bool(self.figures) and all(
            rate.percentiles[name] <= goal for rate in self.rates for name, goal in goals.items()
        )

    def __str__(self) -> str:
        """Say it in one line."""
        met = " ".join(f"{name}={figure:.3g}" for name, figure in self.figures.items())
        due = sum(rate.due for rate in self.rates)
        missing, strange = sum(of.missing for of in self.rates), sum(of.strange for of in self.rates)
        return f"{self.name} {met or 'no figure:'} alerts={due - missing}/{due} not_due={strange}"


@dataclass(slots=True)
class Receiver:
    """Reads the topic `alerts` from its end on, and notes when each came."""

    servers: str
    of: str  # how the ids of the servers begin that it listens to
    heard: Heard = field(default_factory=dict)
    _reader: Consumer = field(init=False)

    def __post_init__(self) -> None:
        """Stand at the end."""
        tuned = {"fetch.queue.backoff.ms": 2, "fetch.wait.max.ms": 100, "enable.auto.commit": False}
        self._reader = Consumer({"bootstrap.servers": self.servers, "group.id": "bench-alert", **tuned})
        places = [TopicPartition("alerts", number) for number in range(PARTITIONS)]
        ends = [self._reader.get_watermark_offsets(place, timeout=10)[1] for place in places]
        self._reader.assign(
            [
                TopicPartition("alerts", number, end)
                for number, end in zip(range(PARTITIONS), ends, strict=True)
            ]
        )

    def listen(self) -> None:
        """Take what has come, or wait a little."""
        for message in self._reader.consume(100, 0.001):
            if message.error() is None and (message.key() or b"").startswith(self.of.encode()):
                self.heard.setdefault(json.loads(message.value() or b"")["id"], time.monotonic())

    def close(self) -> None:
        """Leave."""
        self._reader.close()


def alerting(services: Services, rates: Sequence[int], seconds: int, folder: Path) -> Alerting:
    """Run the flow and let samples flow, for some seconds at each rate.

    Raises:
        Broken: the flow did not start, or the producer broke.

    """
    environment = {
        **TUNED,
        **os.environ,
        **services.environment(),
        "GAMEWAX_RECOVERY__DIR": str(folder / "recovery-alert"),
        "GAMEWAX_THRESHOLDS__CPU_LOAD": str(LIMIT),
        "GAMEWAX_THRESHOLDS__MEMORY_USAGE": "",
        "GAMEWAX_THRESHOLDS__LATENCY": "",
    }
    log = describe(services.settings().kafka, TOPIC).id
    with _running(environment, "flows.process", "thresholds") as flow:
        _wait_until_it_reads(services.bootstrap_servers, flow)
        stage = Stage(services.bootstrap_servers, log, flow, folder / "alerts-due.json")
        return Alerting([_at(stage, rate, seconds) for rate in rates])


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it happens: Kafka, the id of the log of samples, the flow's process, and a file."""

    servers: str
    log: str
    flow: Flow
    told: Path


def _at(stage: Stage, rate: int, seconds: int) -> Rate:
    """Measure one rate."""
    run, told, watched = uuid4().hex[:8], stage.told, psutil.Process(stage.flow.pid)
    stream = ["bench.alert_stream", stage.servers, stage.log, run, str(rate), str(seconds), str(told)]
    with closing(Receiver(stage.servers, run)) as receiver, _running(dict(os.environ), *stream) as sender:
        began, used = time.monotonic(), sum(watched.cpu_times()[:2])
        while sender.poll() is None and time.monotonic() < began + seconds + STARTS_WITHIN_S:
            receiver.listen()
        cores = (sum(watched.cpu_times()[:2]) - used) / (time.monotonic() - began)
        if sender.poll() != 0:
            raise Broken("the samples of ALERT were not all sent")
        due: Due = json.loads(told.read_text(encoding="utf-8"))
        give_up_at = time.monotonic() + LAST_WITHIN_S
        while due.keys() - receiver.heard.keys() and time.monotonic() < give_up_at:
            receiver.listen()
    heard = receiver.heard
    waits = [(heard[name] - at) * 1000 for name, (at, counts) in due.items() if counts and name in heard]
    return Rate(rate, waits, len(due), len(due.keys() - heard.keys()), len(heard.keys() - due.keys()), cores)


def _wait_until_it_reads(servers: str, flow: Flow) -> None:
    """Send samples that alert until one does: the flow has read all that lay there, and is at the end."""
    producer, run = Producer({"bootstrap.servers": servers}), uuid4().hex[:8]
    give_up_at = time.monotonic() + STARTS_WITHIN_S
    with closing(Receiver(servers, run)) as receiver:
        while not receiver.heard:
            if flow.poll() is not None or time.monotonic() > give_up_at:
                raise Broken("the flow thresholds did not start")
            sample = {"server_id": f"{run}{uuid4()}", "cpu_load": LIMIT + 1, "memory_usage": 1, "latency": 1}
            value = json.dumps(sample | {"timestamp": int(time.time() * 1000)})
            producer.produce(TOPIC, value.encode(), partition=0)
            producer.flush()
            until = time.monotonic() + 0.5
            while not receiver.heard and time.monotonic() < until:
                receiver.listen()


@contextmanager
def _running(environment: dict[str, str], *module: str) -> Iterator[Flow]:
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)
