"""Samples as Prometheus reads them: one family a metric, labelled with the flow and its process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sinks.metric import Kind, Sample
from sinks.metrics import METRICS

ORDER = {metric.name: number for number, metric in enumerate(METRICS)}


def text(flow: str, process: str, samples: Sequence[Sample]) -> bytes:
    """Write samples in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(list(families(flow, process, samples))))
    return generate_latest(registry)


def families(flow: str, process: str, samples: Iterable[Sample]) -> Iterator[Metric]:
    """Give one family for each metric that has samples, in the order in which metrics are named."""
    ordered = sorted(samples, key=lambda sample: ORDER[sample.metric.name])
    for metric, found in groupby(ordered, key=lambda sample: sample.metric):
        made = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
        family = made(metric.name, metric.help, labels=["flow", "process", *metric.labels])
        for sample in found:
            family.add_metric([flow, process, *_labels(sample)], sample.value)
        yield family


def _labels(sample: Sample) -> list[str]:
    values = {
        "topic": sample.subject,
        "table": sample.subject,
        "endpoint": sample.subject,
        "result": sample.result,
        "partition": str(sample.partition),
        "window_seconds": str(sample.window_seconds),
    }
    return [values[label] for label in sample.metric.labels]


class _Given(Collector):
    """Hands over families that are made already."""

    def __init__(self, made: list[Metric]) -> None:
        self._made = made

    def collect(self) -> Iterable[Metric]:
        return self._made
