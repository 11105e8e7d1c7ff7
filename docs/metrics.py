"""Writes `docs/metrics.md` from `sinks/metrics.py`: `python -m docs.metrics`; a test compares the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.reference import cell
from sinks.metric import Metric
from sinks.metrics import METRICS

PAGE = Path(__file__).with_name("metrics.md")
HEAD = """# Health and metrics

Written by `python -m docs.metrics` from `sinks/metrics.py`; a test fails when the two differ.

`./gamewax status` shows all of it at a glance. This page is for those who build panels and alerts.

## Where

Every process of a flow answers on 127.0.0.1, at an address that stands in `health-0.json` (`health-1.json` …
in a cluster) in the flow's folder of GAMEWAX_RECOVERY__DIR. GAMEWAX_HEALTH__PORT fixes the port; when it is
taken, by another flow of this machine say, the next free one is used. A file that a killed process left is
known as stale by its process id and start time.

| path | 200 | 503, with one JSON object a line: `reason`, `for_s`, `text` |
|---|---|---|
| `/healthz` | the loop turns, or waits for Kafka or ClickHouse | `hangs`: end the process |
| `/readyz` | Kafka is read, ClickHouse has the rows | those below |
| `/metrics` | always, for Prometheus | |

Reasons of `/readyz`: `starting`, `stopping`, `hangs`, `kafka_away`, `clickhouse_away`, `paused`.
Away means for longer than GAMEWAX_HEALTH__AWAY_AFTER_S (Kafka is asked every 4 s, so up to 4 s more); it
hangs after GAMEWAX_HEALTH__STUCK_AFTER_S. GET and HEAD only, and only for callers that ask for 127.0.0.1 or
localhost by name. The numbers are pulled: nothing on the way of an event knows of them.

The same numbers under the same names go to the table `pipeline_metrics` every GAMEWAX_HEALTH__TABLE_EVERY_S
and at a process's end. There `subject` is the topic or the table, and `partition` is -1 and `window_seconds`
0 where a metric has none. While ClickHouse is away they are left out and counted
(`gamewax_metrics_missed_total`).

```sql
SELECT time, sum(value) AS lag FROM pipeline_metrics
WHERE flow = 'engagement' AND metric = 'gamewax_lag_messages' AND time > now() - INTERVAL 1 HOUR
GROUP BY time ORDER BY time
```

## Two ages

**Watermark age** is the present less the watermark: how far event time has come in what was read.
**Freshness** is the present less the newest event time whose rows ClickHouse has acknowledged: what a reader
sees at least. It is reckoned, not measured row by row: what was handed to the windows
GAMEWAX_WINDOWS__UPSERT_EVERY_S before the oldest unacknowledged row came (before now, when there is none) is
in acknowledged rows. It is known some seconds after a start. Both grow when no events come, and both use the
clock of the flow's machine.

## All metrics

Each has the labels `flow` and `process` besides its own. Counters that are kept in snapshots go on over
restarts; the others begin at 0 with the process.
"""


def page() -> str:
    """Give the whole page as Markdown."""
    return "\n".join([HEAD, *(line for metric in METRICS for line in told(metric))])


def told(metric: Metric) -> Iterator[str]:
    """Tell of one metric."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    yield f"### `{metric.name}`\n"
    yield f"{metric.kind}, {metric.unit}{f', by {labels}' if labels else ''}. {cell(metric.help)}\n"
    yield f"**What to do:** {cell(metric.act)}\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
