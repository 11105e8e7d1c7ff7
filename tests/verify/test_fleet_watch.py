"""Three sigma by its definition, and both watchers over a small fleet's days."""

from functools import cache
from statistics import fmean, pstdev

import numpy as np
import pytest

from models.anomaly_fold import CALM, REST
from models.server_alarm import HEARTBEAT
from simulator.fleet_days import FleetDays, Lived, Samples, together
from simulator.loads import CPU, LOADS
from verify.fleet_baseline import LEAST_SHARE, opened, three_sigma, timeouts, unusual
from verify.fleet_marks import Page
from verify.fleet_watch import Judged, judged, watched


@cache
def lived() -> list[Lived]:
    return list(FleetDays(9, 2, 5).each())


@cache
def found() -> Judged:
    return judged(FleetDays(9, 2, 5), lambda _done: None)


def test_three_sigma_is_what_its_name_says() -> None:
    random = np.random.default_rng(3)
    values = np.concatenate([random.normal(50, 4, 400), np.full(300, 20.0), random.normal(20, 4, 100)])
    values[[250, 500]] = 90, 20.05
    expected = []
    for row in range(len(values)):
        before = values[row - 60 : row].tolist()
        if len(before) == 60:
            spread = max(pstdev(before), LEAST_SHARE * fmean(before))
            if abs(values[row] - fmean(before)) > 3 * spread:
                expected.append(row)
    assert np.flatnonzero(unusual(values, 60)).tolist() == expected
    assert 250 in expected
    assert 400 in expected
    assert 500 not in expected


def test_an_alarm_of_three_sigma_ends_and_rests_as_the_detectors_do() -> None:
    assert list(opened(np.array([5, 6, 7, 7 + CALM]))) == [5]
    again = 5 + REST + 1
    assert list(opened(np.array([5, again - 1, again, again + 1]))) == [5, again]
    assert list(opened(np.arange(5, 3 * REST, CALM))) == [5]
    assert list(opened(np.array([5, again, again + REST, again + REST + 1]))) == [5, again, again + REST + 1]


def test_a_timeout_misses_who_is_silent_for_90_s_and_does_not_leave() -> None:
    at_ms = np.array([0, 10_000, 90_000, 190_000, 200_000, 400_000]) + 1_000_000
    leaving = np.array([False, False, False, False, True, False])
    samples = Samples(np.full(6, 4), at_ms, at_ms, np.ones((6, len(LOADS))), leaving)
    assert list(timeouts(samples)) == [Page(4, HEARTBEAT, "missed_heartbeat", 1_180_000)]


def test_the_same_pages_come_of_any_cut_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = together([one.samples for one in lived()[:3]])
    whole = sorted(watched(samples))
    monkeypatch.setattr("verify.fleet_watch.AT_ONCE", 997)
    assert sorted(watched(samples)) == whole
    assert whole


def test_silences_are_found_by_the_servers_own_rhythm_sooner_than_by_a_timeout() -> None:
    ours, theirs = found().ours, found().theirs
    silences = sum(one.fault.sort == "silence" for one in found().planted)
    assert silences
    assert ours.of("silence")[0] == theirs.of("silence")[0] == silences
    assert (ours.of("silence")[1] or 0) < (theirs.of("silence")[1] or 0)
    assert all(page.metric != HEARTBEAT for page in ours.false)


def test_marks_count_every_server_and_day_and_every_planted_fault() -> None:
    parts = [one.samples for one in lived()]
    assert found().samples == sum(part.server.size for part in parts)
    assert (found().ours.server_days, found().theirs.server_days) == (10, 10)
    assert set(found().planted) == {planted for one in lived() for planted in one.planted}
    assert len(found().ours.found) == len(found().theirs.found) == len(found().planted)


def test_three_sigma_pages_name_the_metric_that_is_out_of_line() -> None:
    loads = np.tile([50.0, 50.0, 50.0, 50.0], (800, 1))
    loads += np.random.default_rng(1).normal(0, 1, loads.shape)
    loads[700, LOADS.index(CPU)] = 99
    times = np.arange(800) * 10_000
    samples = Samples(np.zeros(800, np.int64), times, times, loads, np.zeros(800, np.bool_))
    assert Page(0, CPU, "spike", 7_000_000) in set(three_sigma(samples))


def test_who_waits_for_three_in_a_row_is_not_told_of_one() -> None:
    loads = np.random.default_rng(2).normal(50, 1, (900, 4))
    loads[[700, 800, 801, 802], LOADS.index(CPU)] = 99
    times = np.arange(900) * 10_000
    samples = Samples(np.zeros(900, np.int64), times, times, loads, np.zeros(900, np.bool_))
    assert [page for page in three_sigma(samples, 3) if page.metric == CPU] == [
        Page(0, CPU, "spike", 8_020_000)
    ]


def test_progress_goes_from_nothing_to_the_end() -> None:
    told: list[float] = []
    judged(FleetDays(9, 1, 5), told.append)
    assert told == sorted(told)
    assert (told[0], told[-1] < 1) == (0.0, True)
    assert len(told) == 9


@pytest.mark.parametrize("seed", [2026, 2027])
def test_servers_are_watched_better_than_by_three_sigma_both_ways(seed: int) -> None:
    week = judged(FleetDays(seed, 7, 12), lambda _done: None)
    assert week.passes
    assert week.ours.recall > 0.7
    assert week.ours.false_a_day < 2
    assert week.ours.of("silence")[0] >= week.theirs.of("silence")[0]
