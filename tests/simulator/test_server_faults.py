"""Faults of servers in a run: what is planted is in the messages, and nowhere else."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from simulator.faults import SORTS, TOUCHES, Fault
from simulator.loads import LOADS
from simulator.plan import SERVER_METRICS, Plan
from simulator.run import Run, Stop
from simulator.server_faults import server_faults
from simulator.trouble import trouble
from simulator.truth import Truth
from simulator.truth_file import write_truth
from tests.simulator.reading import Event, ms, read

START_MS = 1_767_225_600_000
COUNT = 20 * 1800  # half an hour of 20 servers
Reports = dict[int, list[tuple[int, Event]]]  # by server: epoch ms, report


@cache
def reported(text: str) -> tuple[Run, Truth, Reports]:
    run = Run(Plan(3, START_MS, 20, (SERVER_METRICS,), trouble=trouble(text)), COUNT, live=False)
    truth = Truth(run.traffic.world)
    by_id: dict[str, list[tuple[int, Event]]] = {name: [] for name in run.traffic.world.servers.ids}
    for block in run.blocks(Stop()):
        truth.add(block)
        for event in map(read, block[0].values):
            by_id[str(event["server_id"])].append((ms(event["timestamp"]), event))
    return run, truth, {row: sorted(of, key=lambda one: one[0]) for row, of in enumerate(by_id.values())}


def faults() -> list[Fault]:
    run = reported("server-faults")[0]
    found = server_faults(run.traffic.world.servers, START_MS, START_MS + 1_800_000)
    return [fault for fault in found if fault.to_ms <= START_MS + 1_700_000]


def told(reports: Reports, fault: Fault, name: str) -> list[float]:
    return [float(e[name]) for at, e in reports[fault.server] if fault.from_ms <= at < fault.to_ms]


def test_sorts_and_servers_take_turns_and_no_server_has_two_at_once() -> None:
    run = reported("server-faults")[0]
    found = server_faults(run.traffic.world.servers, START_MS, START_MS + 86_400_000)
    assert [fault.sort for fault in found[:10]] == [*SORTS, *SORTS]
    assert {(f.sort, f.touches) for f in found} == {(sort, one) for sort in SORTS for one in TOUCHES[sort]}
    last: dict[int, int] = {}
    sorts = {(fault.server, fault.sort) for fault in found}
    assert len(sorts) == 20 * len(SORTS)
    for fault in found:
        assert fault.from_ms >= last.get(fault.server, 0)
        last[fault.server] = fault.to_ms
    assert len(last) == 20


@pytest.mark.parametrize("length_ms", [1, 60_000, 7_000_000])
def test_a_span_of_any_length_names_the_faults_that_touch_it(length_ms: int) -> None:
    servers = reported("server-faults")[0].traffic.world.servers
    every = server_faults(servers, START_MS, START_MS + 30_000_000)
    for from_ms in range(START_MS, START_MS + 20_000_000, 777_777):
        to_ms = from_ms + length_ms
        assert server_faults(servers, from_ms, to_ms) == [
            fault for fault in every if fault.from_ms < to_ms and fault.to_ms > from_ms
        ]


def test_a_calm_run_has_the_same_reports_wherever_no_fault_is() -> None:
    calm, ill = reported("none")[2], reported("server-faults")[2]
    run = reported("server-faults")[0]
    found = server_faults(run.traffic.world.servers, START_MS, START_MS + 3_600_000)
    others = ("disconnects", "event_id")  # a server that comes up has no players who could be lost
    for server in calm:
        touched = [(f.from_ms, f.to_ms + 10_000) for f in found if f.server == server]
        for (at, event), other in (
            (one, dict(ill[server])[one[0]]) for one in calm[server] if not within(one[0], touched)
        ):
            assert {k: v for k, v in event.items() if k not in others} == {
                k: v for k, v in other.items() if k not in others
            }, at


def within(at_ms: int, spans: list[tuple[int, int]]) -> bool:
    return any(first <= at_ms < last for first, last in spans)


def test_spikes_steps_and_leaks_add_what_they_say() -> None:
    calm, ill = reported("none")[2], reported("server-faults")[2]
    seen = set()
    for fault in (one for one in faults() if one.sort in {"spike", "step"}):
        for name, added in fault.adds.items():
            before, during = told(calm, fault, name), told(ill, fault, name)
            if name in {"latency", "tick_ms"}:
                grown = median(after / then for after, then in zip(during, before, strict=True))
                assert grown == pytest.approx(added, rel=0.02)
            else:
                grown = median(after - then for after, then in zip(during, before, strict=True))
                assert grown == pytest.approx(added, abs=1)
            seen.add((fault.sort, name))
    assert seen >= {("spike", "cpu_load"), ("spike", "latency"), ("step", "latency")}
    leak = next(fault for fault in faults() if fault.sort == "leak")
    full, empty = told(ill, leak, "memory_usage"), told(calm, leak, "memory_usage")
    assert full[-1] - empty[-1] == pytest.approx(leak.adds["memory_usage"], abs=1)
    assert full[len(full) // 2] - empty[len(full) // 2] == pytest.approx(leak.adds["memory_usage"] / 2, abs=1)


def test_a_flatline_says_the_same_all_the_time_and_a_silence_nothing() -> None:
    calm, ill = reported("none")[2], reported("server-faults")[2]
    for fault in faults():
        if fault.sort == "flatline":
            for name in LOADS:
                assert (len(set(told(ill, fault, name))) == 1) == (name in fault.touches)
        elif fault.sort == "silence":
            assert told(ill, fault, "latency") == []
            assert len(told(calm, fault, "latency")) == 60
            back = [event for at, event in ill[fault.server] if fault.to_ms <= at < fault.to_ms + 10_000]
            assert {event["state"] for event in back} == {"starting"}
    assert {fault.sort for fault in faults()} >= {"flatline", "silence"}


def test_the_truth_file_names_server_kind_time_and_size_of_each_fault(tmp_path: Path) -> None:
    run, truth, _ = reported("server-faults")
    write_truth(tmp_path / "truth.jsonl", truth)
    facts = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    named = [fact for fact in facts if fact["fact"] == "server_fault"]
    ids = run.traffic.world.servers.ids
    begun = server_faults(run.traffic.world.servers, START_MS, truth.newest_us // 1000)
    assert [
        (fact["kind"], fact["server_id"], ms(fact["from"]), ms(fact["to"]), fact["metrics"], fact["adds"])
        for fact in named
    ] == [(f.sort, ids[f.server], f.from_ms, f.to_ms, list(f.touches), dict(f.adds)) for f in begun]


def test_every_server_names_its_fleet_region_and_room_and_loses_players_when_slow() -> None:
    events = [event for of in reported("server-faults")[2].values() for _, event in of]
    assert {(event["fleet_id"], event["region"]) for event in events} == {
        ("eu-west", "eu"),
        ("us-east", "us"),
        ("ap-south", "ap"),
    }
    assert all(int(event["capacity"]) > 0 and float(event["tick_ms"]) > 0 for event in events)
    busy = [event for event in events if int(event["players"]) > 0]
    assert len(busy) > len(events) / 2
    assert all(0 <= int(event["disconnects"]) <= int(event["players"]) + 3 for event in events)


@pytest.mark.parametrize("rate", [1, 20, 100, 200, 400])
def test_few_servers_have_one_fault_at_a_time_too(rate: int) -> None:
    servers = Run(
        Plan(4, START_MS, rate, trouble=trouble("server-faults")), 1, live=False
    ).traffic.world.servers
    found = server_faults(servers, START_MS, START_MS + 86_400_000)
    for server in range(servers.count):
        its = [fault for fault in found if fault.server == server]
        assert its
        assert all(before.to_ms < after.from_ms for before, after in pairwise(its))
