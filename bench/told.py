"""FRD-TOLD: from produce() of a purchase until its signed webhook has reached a receiver, at a live rate.

The flow `fraud` and the dispatcher run as the product starts them, with their stores; the receiver is a
process of its own and checks every signature with another library. No figure counts unless every alert that
is due came, and none of the same rule that is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from uuid import uuid4

from confluent_kafka import Producer

from bench.load import PARTITIONS
from bench.purchase_truth import rules_in
from bench.rig import ROOT, make_anew
from bench.told_stream import Due, purchase
from embedded.process import TUNED
from embedded.services import Services
from topics.errors import Broken
from topics.fraud_outbox import TOPIC as OUTBOX
from topics.purchase_events import TOPIC

GOAL_P50_MS, GOAL_P99_MS = 150.0, 1_000.0
STARTS_WITHIN_S, LAST_WITHIN_S = 120.0, 60.0
FEWEST = 100  # no percentile of less
SECRET = "whsec_" + "A" * 32  # of this benchmark's own receiver
ENDPOINT = """endpoints:
  bench:
    url: http://127.0.0.1:{port}/
    secret: {secret}
    rules: [bench_dear]
    http: true
    loopback: true
"""
Child = subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Told:
    """Milliseconds of each alert that counts; alerts due, missing, not due; signatures that were wrong."""

    per_s: int
    waits_ms: Sequence[float]
    due: int
    missing: int
    strange: int
    wrong: int
    name: str = "FRD-TOLD"

    @property
    def figures(self) -> dict[str, float]:
        """Give the figures; nothing when any message was missing, strange or wrongly signed."""
        if self.missing or self.strange or self.wrong or len(self.waits_ms) < FEWEST:
            return {}
        cuts = quantiles(self.waits_ms, n=100)
        return {"p50_ms": cuts[49], "p99_ms": cuts[98], "max_ms": max(self.waits_ms)}

    @property
    def reached(self) -> bool:
        """Whether every webhook came, soon enough."""
        met = self.figures
        return bool(met) and met["p50_ms"] <= GOAL_P50_MS and met["p99_ms"] <= GOAL_P99_MS

    def __str__(self) -> str:
        """Say it in one line."""
        met = " ".join(f"{name}={figure:.0f}" for name, figure in self.figures.items())
        return (
            f"{self.name} {met or 'no figure:'} webhooks={self.due - self.missing}/{self.due} "
            f"not_due={self.strange} wrong_signatures={self.wrong} purchases_per_s={self.per_s}"
        )


def told(services: Services, rate: int, seconds: int, folder: Path) -> Told:
    """Run flow, dispatcher and receiver, and let purchases flow.

    Raises:
        Broken: one of them did not start, or the producer broke.

    """
    folder = folder.with_name(f"told-{uuid4().hex[:8]}")
    for topic in (TOPIC.name, OUTBOX.name):
        make_anew(services, topic)
    rules = rules_in(folder / "rules")
    environment = {
        **TUNED,
        **os.environ,
        **services.environment(),
        "GAMEWAX_RECOVERY__DIR": str(folder / "recovery"),
        "GAMEWAX_FRAUD__RULES": str(rules),
        "GAMEWAX_WEBHOOKS__ENDPOINTS": str(folder / "endpoints.yaml"),
    }
    with ExitStack() as running:
        receiver = running.enter_context(
            _running(environment, "bench.told_receiver", SECRET, str(folder / "came"))
        )
        port = _line(receiver)
        (folder / "endpoints.yaml").write_text(ENDPOINT.format(port=port, secret=SECRET), encoding="utf-8")
        flow = running.enter_context(_running(environment, "flows.process", "fraud"))
        dispatcher = running.enter_context(_running(environment, "cli", "webhooks", "run"))
        _wait_until_it_tells(services.bootstrap_servers, receiver, (flow, dispatcher))
        due = _sent(services.bootstrap_servers, rate, seconds, folder / "due")
        give_up_at, counted = time.monotonic() + LAST_WITHIN_S, _count(receiver)
        while counted < len(due) and time.monotonic() < give_up_at:
            time.sleep(0.2)
            counted = _count(receiver)
    return _judged(rate, due, json.loads((folder / "came").read_text(encoding="utf-8")))


def _judged(rate: int, due: Due, found: dict[str, dict[str, float]]) -> Told:
    came = found["came"]
    waits = [(came[name] - at) * 1000 for name, (at, counts) in due.items() if counts and name in came]
    strange = [name for name in came if name not in due]
    return Told(
        rate, waits, len(due), len(due.keys() - came.keys()), max(len(strange) - 1, 0), len(found["wrong"])
    )


def _sent(servers: str, rate: int, seconds: int, file: Path) -> Due:
    """Let purchases flow; gives the alerts that are due."""
    stream = ["bench.told_stream", servers, uuid4().hex[:8], str(rate), str(seconds), str(file)]
    ended = subprocess.run([sys.executable, "-m", *stream], cwd=ROOT, check=False)
    if ended.returncode:
        raise Broken("the purchases of FRD-TOLD were not all sent")
    found: Due = json.loads(file.read_text(encoding="utf-8"))
    return found


def _wait_until_it_tells(servers: str, receiver: Child, others: Sequence[Child]) -> None:
    """Send one purchase that alerts: when its webhook is there, all has been read that lay in the topic."""
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(
        TOPIC.name, purchase(f"first-{uuid4()}", 0, int(time.time() * 1000)), partition=PARTITIONS - 1
    )
    producer.flush()
    give_up_at = time.monotonic() + STARTS_WITHIN_S
    while not _count(receiver):
        if any(of.poll() is not None for of in others) or time.monotonic() > give_up_at:
            raise Broken("the flow fraud or its dispatcher did not start")
        time.sleep(0.1)


def _count(receiver: Child) -> int:
    """Ask the receiver how many messages it has."""
    assert receiver.stdin is not None  # it was opened with pipes
    receiver.stdin.write("count\n")
    receiver.stdin.flush()
    found: int = json.loads(_line(receiver))["count"]
    return found


def _line(child: Child) -> str:
    assert child.stdout is not None  # it was opened with pipes
    return child.stdout.readline().strip()


@contextmanager
def _running(environment: dict[str, str], *module: str) -> Iterator[Child]:
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if module[0].endswith("receiver") and process.stdin is not None:
            process.stdin.close()  # it writes what came
        else:
            process.terminate()
        process.wait(60)
