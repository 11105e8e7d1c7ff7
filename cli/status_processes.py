"""What the processes of flows say of themselves, asked over HTTP at the addresses in the recovery folder.

Rules: every question has a time limit; a file whose process is gone says that it died.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from cli.status_model import FlowHealth, PartitionStatus, ProcessStatus
from flows.health_file import Endpoint, endpoints, endpoints_in
from flows.health_verdict import Reason
from sinks import metrics as names

ANSWER_S = 2.0
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Heard:
    """One process's answers; `read` counts messages, to tell a rate from two of them."""

    flow: str
    status: ProcessStatus
    partitions: tuple[PartitionStatus, ...] = ()
    read: float = 0.0
    notes: tuple[str, ...] = ()


def hear(recovery: Path, beside: Path) -> list[Heard]:
    """Ask every process that a file names, in the folders of the stores or in one beside them."""
    found = [*endpoints(recovery), *endpoints_in(beside)]
    with httpx.Client(timeout=ANSWER_S, trust_env=False) as client, ThreadPoolExecutor(AT_ONCE) as asking:
        return list(asking.map(lambda endpoint: _hear(client, endpoint), found))


def worst(heard: Iterable[Heard]) -> FlowHealth:
    """Give a flow's health: that of its worst process."""
    order: Sequence[FlowHealth] = ("died", "no answer", "not ready", "ready")
    there = {of.status.health for of in heard}
    return next(health for health in order if health in there)


def _hear(client: httpx.Client, endpoint: Endpoint) -> Heard:
    if not endpoint.lives:
        return Heard(endpoint.flow, _status(endpoint, "died", ["it died and was not started again"]))
    try:
        verdict = client.get(f"{endpoint.url}/readyz")
        page = client.get(f"{endpoint.url}/metrics").raise_for_status().text
        reasons = [_told(line) for line in verdict.content.splitlines()] if verdict.is_error else []
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        trouble = f"{endpoint.url} does not answer ({error.__class__.__name__})"
        return Heard(endpoint.flow, _status(endpoint, "no answer", [trouble]))
    found = _samples(page)
    status = _status(endpoint, "not ready" if reasons else "ready", reasons)
    read = sum(value for (name, *_), value in found.items() if name == names.READ.name)
    return Heard(endpoint.flow, status, tuple(_partitions(found)), read, tuple(_notes(found)))


def _told(line: bytes) -> str:
    reason = msgspec.json.decode(line, type=Reason)
    since = f" (for {reason.for_s:.0f} s)" if reason.for_s >= 1 else ""
    return f"{reason.text}{since}"


def _status(endpoint: Endpoint, health: FlowHealth, reasons: Sequence[str]) -> ProcessStatus:
    since = datetime.fromtimestamp(endpoint.started, UTC).isoformat(timespec="seconds")
    return ProcessStatus(endpoint.process, endpoint.pid, since, endpoint.url, health, tuple(reasons))


Samples = Mapping[tuple[str, str, str], float]  # by metric, topic, partition


def _samples(page: str) -> Samples:
    return {
        (of.name, of.labels.get("topic", ""), of.labels.get("partition", "")): of.value
        for family in text_string_to_metric_families(page)
        for of in family.samples
    }


def _notes(found: Samples) -> Iterable[str]:
    """Say in words what a flow judges by, where it judges."""
    rules, model = (found.get((of.name, "", "")) for of in (names.FRAUD_RULES, names.FRAUD_MODEL))
    if rules is not None:
        yield f"{rules:.0f} rules judge " + (
            f"with model version {model:.0f}" if model else "alone: no model is loaded"
        )
    for (name, topic, _), refused in found.items():
        if name == names.SIDE_REFUSED.name and refused:
            yield f"{refused:.0f} records of {topic} were no good: the flow's log names them"


def _partitions(found: Samples) -> Iterable[PartitionStatus]:
    for name, topic, partition in found:
        if name != names.READ.name:
            continue
        lag = found.get((names.LAG.name, topic, partition))
        yield PartitionStatus(
            topic=topic,
            partition=int(partition),
            lag=None if lag is None else int(lag),
            watermark_age_s=found.get((names.WATERMARK_AGE.name, topic, partition)),
            freshness_s=found.get((names.FRESHNESS.name, topic, partition)),
            idle=bool(found.get((names.IDLE.name, topic, partition))),
            paused=bool(found.get((names.PAUSED.name, topic, partition))),
        )
