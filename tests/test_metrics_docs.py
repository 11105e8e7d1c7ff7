"""Every metric is named once, well, and on the page."""

from __future__ import annotations

import re

from docs import metrics as page
from flows.metrics_text import text
from sinks.metric import Kind, Sample
from sinks.metrics import METRICS


def test_the_page_is_what_the_code_says() -> None:
    assert page.PAGE.read_text() == page.page(), "write it again: python -m docs.metrics"


def test_every_metric_is_on_the_page_with_what_to_do() -> None:
    told = re.findall(
        r"^### `(\w+)`\n\n(.+)\n\n\*\*What to do:\*\* (.{20,})$", page.PAGE.read_text(), re.MULTILINE
    )
    assert [name for name, _, _ in told] == [metric.name for metric in METRICS]


def test_names_are_prometheus_names_and_there_once() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"gamewax(_[a-z]+)+", name)] == []
    units = [(unit, metric) for metric in METRICS for unit in ("bytes", "seconds") if unit in metric.unit]
    assert [metric.name for unit, metric in units if f"_{unit}" not in metric.name] == []


def test_the_endpoint_shows_each_metric_with_its_kind_and_meaning() -> None:
    shown = text("engagement", "0", [Sample(metric, 1.0) for metric in reversed(METRICS)]).decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", shown, re.MULTILINE))
    assert kinds == {metric.name: str(metric.kind) for metric in METRICS}
    assert [metric.name for metric in METRICS if f"# HELP {metric.name} {metric.help}\n" not in shown] == []
    assert all((metric.kind is Kind.COUNTER) == metric.name.endswith("_total") for metric in METRICS)
