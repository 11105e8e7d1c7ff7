"""Days of a fleet: the same seed gives the same days; what is planted is there, and what is usual is, too."""

from collections import Counter
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from simulator.faults import SORTS, Fault
from simulator.fleet_days import START_MS, FleetDays, Lived, Samples, together
from simulator.fleet_plan import FIRST_FAULT_MS, HOUR_MS, WELL_MS
from simulator.loads import CPU, LATENCY, LOADS, MEMORY, TICK
from simulator.rhythm import DAY_MS

DAYS, SERVERS = 4, 9


@cache
def lived() -> tuple[FleetDays, list[Lived]]:
    fleet = FleetDays(5, DAYS, SERVERS)
    return fleet, list(fleet.each())


def of(server: int, first_ms: int, last_ms: int) -> Samples:
    samples = lived()[1][server].samples
    return samples.of(np.flatnonzero((samples.time_ms >= first_ms) & (samples.time_ms < last_ms)))


def column(samples: Samples, metric: str) -> list[float]:
    values: list[float] = samples.loads[:, LOADS.index(metric)].tolist()
    return values


def faults(sort: str) -> list[Fault]:
    return [one for one in lived()[0].plan.faults if one.sort == sort]


def test_the_same_seed_gives_the_same_days_and_another_one_others() -> None:
    again, other = (list(FleetDays(seed, DAYS, SERVERS).each())[4] for seed in (5, 6))
    for one, same, different in zip(lived()[1][4].samples, again.samples, other.samples, strict=True):
        assert np.array_equal(one, same)
        assert one.dtype == np.bool_ or not np.array_equal(one, different)
    assert again.planted == lived()[1][4].planted


def test_a_server_reports_by_its_rhythm_and_few_samples_are_lost_or_late() -> None:
    for host, (samples, _) in zip(lived()[0].hosts, lived()[1], strict=True):
        gaps = np.diff(samples.time_ms)
        assert np.median(gaps) == pytest.approx(host.every_ms, rel=0.01)
        assert gaps.min() > host.every_ms * 0.7
        lost = ((gaps > host.every_ms * 1.5) & (gaps < host.every_ms * 3.5)).mean()
        assert 0.001 < lost < 0.004
        late = (samples.arrived_ms - samples.time_ms > host.every_ms * 0.5).mean()
        assert 0.002 < late < 0.02
    assert len({host.every_ms for host in lived()[0].hosts}) >= 2


def test_samples_of_all_servers_come_in_the_order_of_arrival() -> None:
    parts = [one.samples for one in lived()[1]]
    whole = together(parts)
    assert np.all(np.diff(whole.arrived_ms) >= 0)
    assert (np.diff(whole.time_ms) < 0).any()
    assert Counter(whole.server.tolist()) == {row: part.server.size for row, part in enumerate(parts)}


def test_faults_keep_away_from_each_other_and_from_restarts_and_sorts_are_even() -> None:
    plan = lived()[0].plan
    counts = Counter(one.sort for one in FleetDays(5, 7, 24).plan.faults)
    assert set(counts) == set(SORTS)
    assert max(counts.values()) - min(counts.values()) <= 1
    for server in range(SERVERS):
        its = [one for one in plan.faults if one.server == server]
        assert all(one.from_ms > START_MS + FIRST_FAULT_MS for one in its)
        assert all(one.to_ms < START_MS + DAYS * DAY_MS for one in its)
        assert all(b.from_ms - a.to_ms >= WELL_MS for a, b in pairwise(its))
        for restart in (one for one in plan.restarts if one.server == server and one.drains_ms < one.dark_ms):
            assert all(
                one.to_ms + HOUR_MS < restart.drains_ms or one.from_ms - HOUR_MS > restart.up_ms
                for one in its
            )


def test_spikes_and_steps_move_the_metrics_that_they_touch() -> None:
    for fault in (*faults("spike"), *faults("step")):
        before = of(fault.server, fault.from_ms - 1_200_000, fault.from_ms)
        within = of(fault.server, fault.from_ms, min(fault.to_ms, fault.from_ms + 1_200_000))
        for metric, added in fault.adds.items():
            then, now = np.median(column(before, metric)), np.median(column(within, metric))
            if metric in {LATENCY, TICK}:
                assert now / then == pytest.approx(added, rel=0.4)
            else:
                assert now - then == pytest.approx(added, abs=9)


def test_a_leak_grows_until_a_crash_that_nobody_announced() -> None:
    for fault in faults("leak"):
        grown = column(of(fault.server, fault.to_ms - 600_000, fault.to_ms - 75_000), MEMORY)
        before = column(of(fault.server, fault.from_ms - 600_000, fault.from_ms), MEMORY)
        assert max(grown) - max(before) > fault.adds[MEMORY] * 0.5
        assert of(fault.server, fault.to_ms - 40_000, fault.to_ms).time_ms.size == 0
        assert not of(fault.server, fault.from_ms, fault.to_ms).leaving.any()
        after = column(of(fault.server, fault.to_ms, fault.to_ms + 600_000), MEMORY)
        assert max(after) < max(grown)
    assert faults("leak")


def test_a_flatline_repeats_one_value_and_a_silence_is_silent() -> None:
    for fault in faults("flatline"):
        within = of(fault.server, fault.from_ms, fault.to_ms)
        for metric in fault.touches:
            assert len(set(column(within, metric))) == 1
    for fault in faults("silence"):
        assert of(fault.server, fault.from_ms, fault.to_ms).time_ms.size == 0
        assert of(fault.server, fault.from_ms - 120_000, fault.from_ms).time_ms.size > 2
    assert faults("flatline")
    assert faults("silence")


def test_who_restarts_says_so_loses_its_players_and_is_dark_for_a_moment() -> None:
    plan = FleetDays(5, DAYS, SERVERS).plan
    announced = [one for one in plan.restarts if one.drains_ms < one.dark_ms]
    assert len(announced) >= SERVERS
    for one in announced:
        assert of(one.server, one.drains_ms, one.dark_ms).leaving.all()
        assert of(one.server, one.dark_ms, one.up_ms).time_ms.size == 0
        assert not of(one.server, one.up_ms, one.up_ms + 600_000).leaving.any()


def test_nobody_reports_in_a_hole() -> None:
    holes = FleetDays(7, 30, SERVERS).plan.holes
    assert 4 <= len(holes) <= 24
    assert all(120_000 <= last - first <= 240_000 for first, last in holes)
    for first, last in lived()[0].plan.holes:
        assert all(of(server, first, last).time_ms.size == 0 for server in range(SERVERS))


def test_sizes_are_told_for_what_is_added_and_are_not_out_of_all_measure() -> None:
    planted = [one for _, its in FleetDays(8, 7, 24).each() for one in its]
    sizes = {sort: [one.size for one in planted if one.fault.sort == sort] for sort in SORTS}
    assert set(sizes["flatline"]) == set(sizes["silence"]) == {0.0}
    assert 5 < np.median(sizes["spike"]) < 16
    assert 3 < np.median(sizes["step"]) < 12


def test_load_follows_the_day_and_noise_has_a_memory() -> None:
    cpu, hours = np.array(column(lived()[1][0].samples, CPU)), lived()[1][0].samples.time_ms // HOUR_MS % 24
    assert cpu[hours == 20].mean() > 1.8 * cpu[hours == 8].mean()
    jumps = np.abs(np.diff(cpu))
    assert 1 < np.median(jumps) < 6
    latency = np.array(column(lived()[1][0].samples, LATENCY))
    assert np.quantile(latency, 0.999) > 2.5 * np.median(latency)
