"""What the anomaly detector finds, what it calls it, when it is over, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from models.anomaly import FLATLINE, OPENED, RESOLVED, SHIFT, SPIKE, WORSE, Scored, Streams
from tests.models.anomaly_oracle import HOUR_MS, Oracle

START_MS, DAY_MS = 1_795_383_000_000, 24 * HOUR_MS
ROWS, AT = 2_000, 1_200


def noise(seed: int, rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(seed).normal(50, 2, rows)


def scored(value: np.ndarray, every_ms: int = 10_000) -> Scored:
    rows = value.size
    return Streams(1).score(np.zeros(rows, np.int64), START_MS + np.arange(rows) * every_ms, value)


def told(found: Scored) -> list[tuple[int, int, int]]:
    """Give rows, changes and kinds of what is told."""
    rows = np.flatnonzero(found.change)
    return [(int(row), int(found.change[row]), int(found.kind[row])) for row in rows]


@pytest.mark.parametrize("every_ms", [1_000, 10_000, 60_000, 300_000])
def test_a_leap_of_a_minute_is_one_spike_that_ends(every_ms: int) -> None:
    value = noise(1)
    value[AT : AT + 6] += 60
    (opened, *_), (resolved, *_), *_ = told(found := scored(value, every_ms))
    assert found.change[[opened, resolved]].tolist() == [OPENED, RESOLVED]
    assert found.kind[[opened, resolved]].tolist() == [SPIKE, SPIKE]
    assert AT <= opened < AT + 4
    assert opened < resolved < AT + 200
    since = np.unique(found.since_ms[opened : resolved + 1])
    assert since.tolist() == [START_MS + AT * every_ms]
    assert found.high[opened] < value[opened]
    assert (found.score >= 0.5).nonzero()[0].tolist() == [opened]


def test_one_slow_answer_among_many_is_nobodys_trouble_and_an_absurd_one_is() -> None:
    value = noise(2)
    value[AT] += 14
    assert told(scored(value, 1_000)) == []
    value[AT] += 5_000
    assert [change for _, change, _ in told(scored(value, 1_000))][:1] == [OPENED]


def test_a_level_that_moved_is_open_until_it_is_usual() -> None:
    value = noise(3)
    value[AT:] += 7
    (opened, *_), (resolved, change, _) = told(scored(value))
    assert AT <= opened < AT + 10
    assert change == RESOLVED
    assert 500 <= resolved - opened < 560


def test_a_level_that_comes_back_is_resolved_soon() -> None:
    value = noise(4)
    value[AT : AT + 200] += 10
    (opened, *_), (resolved, change, _), *_ = told(scored(value))
    assert AT <= opened < AT + 10
    assert change == RESOLVED
    assert AT + 200 < resolved < AT + 260


def test_a_leak_is_a_shift_long_before_it_is_full() -> None:
    value = noise(5)
    value[AT:] += np.linspace(0, 40, ROWS - AT)
    row, change, kind = told(found := scored(value))[0]
    assert (change, kind) == (OPENED, SHIFT)
    assert value[row] < 65
    assert START_MS + AT * 10_000 < found.since_ms[row] < START_MS + row * 10_000


def test_a_metric_that_stands_still_is_a_flatline_until_it_moves() -> None:
    value = noise(6)
    value[AT : AT + 100] = value[AT]
    found = scored(value)
    flat = [(row, change) for row, change, kind in told(found) if kind == FLATLINE]
    (opened, first), (resolved, last) = flat[:2]
    assert (first, last) == (OPENED, RESOLVED)
    assert AT + 5 <= opened <= AT + 30
    assert AT + 100 < resolved <= AT + 120
    assert found.since_ms[opened] == START_MS + AT * 10_000


def test_a_metric_that_often_stands_still_is_left_alone() -> None:
    value = np.repeat(noise(7, 100).round(), 20)
    assert [row for row, _, kind in told(scored(value)) if kind == FLATLINE] == []


def test_an_open_alarm_is_told_again_only_when_it_is_much_worse() -> None:
    value = noise(8)
    value[AT : AT + 100] += 9
    value[AT + 50 : AT + 100] += 90
    (opened, *_), (worse, *_), (resolved, *_) = told(found := scored(value))
    assert found.change[[opened, worse, resolved]].tolist() == [OPENED, WORSE, RESOLVED]
    assert AT <= opened < AT + 10
    assert AT + 50 <= worse < AT + 55
    assert resolved > AT + 100
    assert (found.score >= 0.5).nonzero()[0].tolist() == [opened, worse]
    assert np.unique(found.opened_ms[found.opened_ms > 0]).size == 1


def test_noise_of_many_kinds_seldom_alarms() -> None:
    random, rows = np.random.default_rng(9), 8_640  # a day
    heavy, steady = random.standard_t(3, rows), random.normal(0, 1, rows)
    memory = np.zeros(rows)
    for row in range(1, rows):
        memory[row] = 0.9 * memory[row - 1] + steady[row]
    days = [scored(20 + 2 * series) for series in (heavy, steady, memory, np.exp(0.5 * steady))]
    assert sum(int((day.change == OPENED).sum()) for day in days) <= 2


def test_what_is_usual_at_noon_is_not_at_night_once_days_are_seen() -> None:
    every_ms, days = 300_000, 28
    rows = days * DAY_MS // every_ms
    hour = (START_MS + np.arange(rows) * every_ms) % DAY_MS / HOUR_MS
    value = np.random.default_rng(10).normal(50, 1, rows) + 30 * np.cos((hour - 12) / 12 * np.pi)
    night = np.flatnonzero((hour >= 2) & (hour < 3) & (np.arange(rows) > rows - DAY_MS // every_ms))
    usual = scored(value, every_ms)
    value[night] = 75 + value[night] % 1
    assert (usual.change == OPENED).sum() <= 1  # in four weeks
    opened = np.flatnonzero(scored(value, every_ms).change == OPENED)
    assert opened[-1] == night[0]


@pytest.mark.parametrize(("every_ms", "seed"), [(1_000, 1), (20_000, 2), (60_000, 3), (600_000, 4)])
def test_scores_are_what_the_formulas_say(every_ms: int, seed: int) -> None:
    rows = 1_500
    value = noise(seed, rows) + 5 * np.sin(np.arange(rows) / 80)
    value[1_300] += 300
    found = scored(value, every_ms)
    times = (START_MS + np.arange(rows) * every_ms).tolist()
    strength = np.array(list(Oracle().strengths(zip(times, value.tolist(), strict=True), every_ms)))
    changes = np.flatnonzero(found.change)
    until = int(changes[0]) if changes.size else rows
    right = strength / (1 + strength)
    np.testing.assert_allclose(found.score[150:until] * 2, right[150:until], rtol=1e-9, atol=1e-12)
    assert (strength[150:until] < 1).all()
    if changes.size:
        np.testing.assert_allclose(found.score[until], right[until], rtol=1e-9)
