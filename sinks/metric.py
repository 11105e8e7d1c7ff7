"""What a metric is: a name with its kind, its labels, its meaning and what to do; and one value of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WHOLE = -1  # the column `partition` of a value that is of no single partition


class Kind(StrEnum):
    """What a number does: a counter only grows (and may restart at 0), a gauge goes up and down."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One named number; `labels` come after `flow` and `process`, which every metric has."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    help: str
    act: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric's value; `subject` is the topic, table or endpoint that it is about, '' for the process."""

    metric: Metric
    value: float
    subject: str = ""
    partition: int = WHOLE
    window_seconds: int = 0
    result: str = ""
