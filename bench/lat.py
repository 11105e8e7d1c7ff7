"""Freshness: from produce() of an event until a SELECT shows its row, while others flow.

Ten probes a second, each on a level or server of its own; the view is asked for them every 20 ms. The flow is
the product's as `./gamewax run` starts it: `engagement` at 20,000 events/s or `server_health` at 5,000.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from confluent_kafka import Producer

from bench.rig import ROOT, writer
from embedded.process import TUNED
from embedded.services import Services

TOPIC = "player-events"
PER_S, WARM_S, GOAL_P99_S = 10, 8, 2.0
FEWEST = 100  # no percentile of less


@dataclass(frozen=True, slots=True)
class Freshness:
    """Seconds from produced to readable, one for each probe that was seen."""

    seen: list[float]
    sent: int
    name: str = "LAT"

    @property
    def figures(self) -> dict[str, float]:
        """Give the seconds; nothing when probes were lost."""
        if len(self.seen) < max(self.sent, FEWEST):
            return {}
        return {"p50_s": quantiles(self.seen, n=2)[0], "p99_s": self.p99, "max_s": max(self.seen)}

    @property
    def p99(self) -> float:
        """Give the 99th percentile."""
        return quantiles(self.seen, n=100)[98]

    @property
    def reached(self) -> bool:
        """Tell whether every probe was seen, soon enough."""
        return bool(self.figures) and self.p99 <= GOAL_P99_S

    def __str__(self) -> str:
        """Say it in one line."""
        met = " ".join(f"{name}={seconds:.2f}" for name, seconds in self.figures.items())
        return f"{self.name} {met or 'no figure:'} probes={len(self.seen)}/{self.sent}"


@dataclass(frozen=True, slots=True)
class Live:
    """One flow under live traffic; `seen` asks for the probes whose names begin with `run`."""

    name: str
    flow: str
    topic: str
    stream: str
    seen: str
    probe: Callable[[str, int], dict[str, object]]


def freshness(services: Services, seconds: int, store: Path, live: Live | None = None) -> Freshness:
    """Run the flow under live traffic and time the probes."""
    live = live or ENGAGEMENT
    environment = {**TUNED, **os.environ, **services.environment(), "GAMEWAX_RECOVERY__DIR": str(store)}
    drain, flow = {**environment, "GAMEWAX_DRAIN": "1"}, ["flows.process", live.flow]
    subprocess.run([sys.executable, "-m", *flow], cwd=ROOT, env=drain, check=True)
    stream = [live.stream, services.bootstrap_servers, live.topic, str(seconds + WARM_S + 5)]
    with _running(environment, *flow), _running(environment, *stream):
        time.sleep(WARM_S)
        return _probe(services, seconds, live)


def _probe(services: Services, seconds: int, live: Live) -> Freshness:
    client, run = writer(services), f"probe-{int(time.time())}"
    producer = Producer({"bootstrap.servers": services.bootstrap_servers, "linger.ms": 0})
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    began, wanted = time.monotonic(), PER_S * seconds
    while len(seen) < wanted and time.monotonic() < began + seconds + 10:
        now = time.monotonic()
        while len(sent) < min(wanted, int((now - began) * PER_S)):
            name = f"{run}-{len(sent)}"
            value = json.dumps(live.probe(name, int(time.time() * 1000))).encode()
            producer.produce(live.topic, value, key=name)
            sent[name] = time.monotonic()
        producer.poll(0)
        found = client.query(live.seen, parameters={"run": run + "-"})
        shown = time.monotonic()
        for (name,) in found.result_rows:
            seen.setdefault(name, shown)
        time.sleep(0.02)
    return Freshness([seen[name] - sent[name] for name in seen], len(sent), live.name)


def _event(level: str, time_ms: int) -> dict[str, object]:
    event = {"player_id": level, "event_type": "move", "level_id": level, "map_id": "m"}
    return event | {"timestamp": time_ms}


def _sample(server: str, time_ms: int) -> dict[str, object]:
    loads = {"cpu_load": 50.0, "memory_usage": 40.0, "latency": 20.0}
    return {"server_id": server, "timestamp": time_ms} | loads


ENGAGEMENT = Live(
    "LAT",
    "engagement",
    TOPIC,
    "bench.stream",
    "SELECT DISTINCT level_id FROM gamewax.engagement_by_level "
    "WHERE window_seconds = 10 AND startsWith(level_id, {run:String})",
    _event,
)
SERVERS = Live(
    "LAT-HLT",
    "server_health",
    "server-metrics",
    "bench.server_stream",
    "SELECT DISTINCT server_id FROM gamewax.server_health "
    "WHERE window_seconds = 10 AND startsWith(server_id, {run:String})",
    _sample,
)


@contextmanager
def _running(environment: dict[str, str], *module: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
