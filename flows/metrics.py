"""All metrics of a flow's process, made from one look: the same for the endpoint and for the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flows.health_verdict import Look
from sinks import metrics as names
from sinks.metric import Metric, Sample
from sources.figures import PartitionFigures


@dataclass(frozen=True, slots=True)
class Surrounding:
    """What the look does not hold: the present, the process, and what follows from other looks."""

    now_ms: int
    started_s: float  # seconds since 1970
    resident_bytes: int
    cpu_s: float
    store_bytes: int
    ready: bool
    missed: int  # writes to `pipeline_metrics`
    shown_ms: dict[tuple[str, int], int]  # newest event time in acknowledged rows, by topic and partition


def samples(look: Look, around: Surrounding) -> list[Sample]:
    """Give every metric's values; a value that is not known yet is left out."""
    found = [*_process(look, around), *_sink(look)]
    for source in look.sources:
        if source.answered_s is not None:
            found.append(Sample(names.SOURCE_ANSWER_AGE, look.now_s - source.answered_s, source.topic))
        for of in source.partitions:
            found += _partition(of, around)
    return found


def _partition(of: PartitionFigures, around: Surrounding) -> Iterator[Sample]:
    shown_ms = around.shown_ms.get((of.topic, of.partition))
    watermark_ms = of.watermark_ms
    values: list[tuple[Metric, float | None]] = [
        (names.READ, of.read),
        (names.DEAD, of.dead),
        (names.DUPLICATES, of.duplicates),
        (names.NEXT_OFFSET, of.next_offset),
        (names.END_OFFSET, of.end_offset),
        (names.LAG, of.lag),
        (names.WATERMARK, None if watermark_ms is None else watermark_ms / 1000),
        (names.WATERMARK_AGE, None if watermark_ms is None else (around.now_ms - watermark_ms) / 1000),
        (names.FRESHNESS, None if shown_ms is None else (around.now_ms - shown_ms) / 1000),
        (names.IDLE, of.idle),
        (names.UNREAD, of.unread),
        (names.PAUSED, of.paused),
    ]
    for metric, value in values:
        if value is not None:
            yield Sample(metric, float(value), of.topic, of.partition)
    for size, count in of.late.items():
        yield Sample(names.LATE, float(count), of.topic, of.partition, size)


def _sink(look: Look) -> Iterator[Sample]:
    sink = look.sink
    for table, rows in sink.rows.items():
        yield Sample(names.ROWS, float(rows), table)
    since = sink.unacknowledged_since_s
    yield Sample(names.INSERTS, float(sink.inserts))
    yield Sample(names.RETRIES, float(sink.retries))
    yield Sample(names.WAITED, sink.waited_s)
    yield Sample(names.QUEUE, float(sink.queue_bytes))
    yield Sample(names.UNACKNOWLEDGED_AGE, 0.0 if since is None else look.now_s - since)
    if sink.acknowledged_s is not None:
        yield Sample(names.ACKNOWLEDGED_AGE, look.now_s - sink.acknowledged_s)


def _process(look: Look, around: Surrounding) -> Iterator[Sample]:
    begun = [of.snapshot_s for of in look.partitions if of.snapshot_s is not None]
    yield Sample(names.READY, float(around.ready))
    yield Sample(names.LOOP_AGE, look.still_s)
    yield Sample(names.SNAPSHOTS, float(max((of.snapshots for of in look.partitions), default=0)))
    if begun:
        yield Sample(names.SNAPSHOT_AGE, look.now_s - max(begun))
    yield Sample(names.STORE, float(around.store_bytes))
    yield Sample(names.RSS, float(around.resident_bytes))
    yield Sample(names.CPU, around.cpu_s)
    yield Sample(names.STARTED, around.started_s)
    yield Sample(names.MISSED, float(around.missed))
