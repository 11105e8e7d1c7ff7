"""Few messages and many are decoded in two ways, which give the same samples and the same dead letters."""

from __future__ import annotations

import numpy as np
import pytest

from tests.topics.batches import ARRIVED_MS, batch
from topics.server_metrics import TOPIC
from windows.plan import NO_WINDOW_S, Plan
from windows.samples import FEW, SampleLane, in_columns, one_by_one
from windows.take import Arrivals, Take, fresh_state

PLAN = Plan("thresholds", (), (NO_WINDOW_S,), dedup_offsets=0)


def arrived(values: list[bytes | None], first: int = 0) -> Arrivals:
    offsets = np.arange(first, first + 3 * len(values), 3)  # as in a log with gaps
    return Arrivals(values, offsets, np.full(len(values), ARRIVED_MS), [b"k"] * len(values))


def some(seed: int, size: int, clean: float) -> list[bytes | None]:
    return list(batch(TOPIC, seed, size, clean))


@pytest.mark.parametrize("clean", [0.0, 0.5, 0.9, 1.0])
def test_both_ways_give_the_same(clean: float) -> None:
    for seed in range(20):
        arrivals = arrived(some(seed, 60, clean))
        assert one_by_one(arrivals) == in_columns(arrivals)


def test_a_lane_gives_the_same_however_its_messages_are_cut() -> None:
    values = some(5, 3 * FEW, 0.9)
    whole = SampleLane(PLAN, fresh_state("0a1b2c3d", TOPIC.name, 0, 0), 1)
    parts = SampleLane(PLAN, fresh_state("0a1b2c3d", TOPIC.name, 0, 0), 1)

    at_once = whole.take(arrived(values))
    cut = [parts.take(arrived(values[at : at + 40], 3 * at)) for at in range(0, len(values), 40)]

    assert parts.state == whole.state
    assert together(cut) == together([at_once])
    assert (whole.state.read, whole.state.dead) == (len(values), len(at_once.dead))
    assert len(at_once.dead) + len(at_once.samples) == len(values)
    assert at_once.dead
    assert whole.state.newest_ms == max(sample.time_ms for sample in at_once.samples)


def together(takes: list[Take]) -> tuple[list[object], list[object]]:
    return [of for take in takes for of in take.samples], [of for take in takes for of in take.dead]
