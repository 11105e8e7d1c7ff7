"""Freshness: from produce() of an event until a SELECT shows its row, while 20,000 events/s flow.

Ten probes a second, each on a level of its own; the view is asked for them every 20 ms. The flow is the
product's `engagement`, both tables and both window sizes, as `./gamewax run` starts it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
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


def freshness(services: Services, seconds: int, store: Path) -> Freshness:
    """Run the flow under live traffic and time the probes."""
    environment = {**TUNED, **os.environ, **services.environment(), "GAMEWAX_RECOVERY__DIR": str(store)}
    drain = {**environment, "GAMEWAX_DRAIN": "1"}
    subprocess.run([sys.executable, "-m", "flows.process", "engagement"], cwd=ROOT, env=drain, check=True)
    stream = ["bench.stream", services.bootstrap_servers, TOPIC, str(seconds + WARM_S + 5)]
    with _running(environment, "flows.process", "engagement"), _running(environment, *stream):
        time.sleep(WARM_S)
        return _probe(services, seconds)


def _probe(services: Services, seconds: int) -> Freshness:
    client, run = writer(services), f"probe-{int(time.time())}"
    producer = Producer({"bootstrap.servers": services.bootstrap_servers, "linger.ms": 0})
    sent: dict[str, float] = {}
    seen: dict[str, float] = {}
    began, wanted = time.monotonic(), PER_S * seconds
    while len(seen) < wanted and time.monotonic() < began + seconds + 10:
        now = time.monotonic()
        while len(sent) < min(wanted, int((now - began) * PER_S)):
            level = f"{run}-{len(sent)}"
            producer.produce(TOPIC, _event(level), key=level)
            sent[level] = time.monotonic()
        producer.poll(0)
        found = client.query(
            "SELECT DISTINCT level_id FROM gamewax.engagement_by_level "
            "WHERE window_seconds = 10 AND startsWith(level_id, {run:String})",
            parameters={"run": run + "-"},
        )
        shown = time.monotonic()
        for (level,) in found.result_rows:
            seen.setdefault(level, shown)
        time.sleep(0.02)
    return Freshness([seen[level] - sent[level] for level in seen], len(sent))


def _event(level: str) -> bytes:
    event = {"player_id": level, "event_type": "move", "level_id": level, "map_id": "m"}
    return json.dumps(event | {"timestamp": int(time.time() * 1000)}).encode()


@contextmanager
def _running(environment: dict[str, str], *module: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
