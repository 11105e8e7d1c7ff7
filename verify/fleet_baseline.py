"""What everybody begins with: three sigma around the last hour, and one timeout for all heartbeats.

Rules: a sample is unusual when it lies more than three standard deviations from the mean of the hour before.
Alarms open, end and rest as the detector's do, so that only the judgement differs. A server that says it
leaves is not missed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.anomaly_fold import CALM, REST
from models.server_alarm import HEARTBEAT, Kind
from simulator.fleet_days import Samples
from simulator.loads import LOADS
from simulator.plan import Floats, Ints
from verify.fleet_marks import Page

SIGMAS = 3.0
HOUR_MS = 3_600_000
LEAST_SHARE = 0.005  # of the mean counts as spread anyway, or a steady metric would alarm at every change
TIMEOUT_MS = 90_000  # three times the slowest rhythm of the fleet


def three_sigma(samples: Samples, in_a_row: int = 1) -> Iterator[Page]:
    """Watch one server's samples, in order of arrival; so many in a row must be unusual."""
    server, every_ms = int(samples.server[0]), int(np.median(np.diff(np.sort(samples.time_ms))))
    for place, metric in enumerate(LOADS):
        found = unusual(samples.loads[:, place], HOUR_MS // every_ms)
        rows = np.flatnonzero(np.convolve(found, np.ones(in_a_row))[: found.size] == in_a_row)
        for row in opened(rows):
            yield Page(server, metric, Kind.SPIKE, int(samples.time_ms[row]))


def unusual(values: Floats, window: int) -> Floats:
    """Flag the values that are more than three sigma from the window before them."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values * values)])
    found = np.zeros(values.size)
    if values.size > window:
        mean = (sums[window:-1] - sums[: -window - 1]) / window
        spread = np.sqrt(((squares[window:-1] - squares[: -window - 1]) / window - mean * mean).clip(min=0))
        far = np.abs(values[window:] - mean)
        found[window:] = far > SIGMAS * np.maximum(spread, LEAST_SHARE * np.abs(mean))
    return found


def opened(rows: Ints) -> Iterator[int]:
    """Give the unusual samples at which an alarm opens; usual ones end it, and then it rests."""
    ends = begun = -REST - 1
    for row in rows.tolist():
        if row <= ends:  # it is open
            ends = row + CALM
        elif row - begun > REST:
            yield row
            begun, ends = row, row + CALM


def timeouts(samples: Samples) -> Iterator[Page]:
    """Miss one server's heartbeats."""
    order = np.argsort(samples.time_ms, kind="stable")
    at_ms, leaving = samples.time_ms[order], samples.leaving[order]
    for row in np.flatnonzero((np.diff(at_ms) > TIMEOUT_MS) & ~leaving[:-1]).tolist():
        yield Page(int(samples.server[0]), HEARTBEAT, Kind.MISSED_HEARTBEAT, int(at_ms[row]) + TIMEOUT_MS)
