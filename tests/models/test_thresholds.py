"""Alerts are those that a plain look at each server's samples gives, however the samples are cut."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import thresholds
from models.thresholds import METRICS, Levels, Limits, Sample
from tests.flows.threshold_truth import Told, due
from topics.alerts import Alert
from topics.errors import NeedsOperator
from windows.plan import NO_WINDOW_S, Plan
from windows.rows import Rows
from windows.slot import Folded
from windows.take import LaneState, Take, fresh_state
from windows.watch import LevelsLogic

LOG, TOPIC = "0a1b2c3d", "server-metrics"
PLAN = Plan("thresholds", (), (NO_WINDOW_S,), dedup_offsets=0)
LIMITS = Limits(cpu_load=2.0, latency=1.0)
PLACE = {"log", "topic", "partition", "offset", "time"}

values = st.tuples(*[st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0])] * len(METRICS))
named = st.tuples(st.sampled_from(["", "dragons"]), st.sampled_from(["a", "b"]))
logs = st.lists(st.tuples(named, st.integers(0, 12), values), max_size=40)
Log = list[tuple[tuple[str, str], int, tuple[float, ...]]]


def sampled(log: Log) -> list[Sample]:
    return [Sample(2 * at, *name, ms, given, b"raw") for at, (name, ms, given) in enumerate(log)]


def truth(log: Log, limits: dict[str, float]) -> tuple[dict[str, Any], int]:
    events = [
        Told(1, 2 * at, ms, {"game_id": game, "server_id": server} | dict(zip(METRICS, given, strict=True)))
        for at, ((game, server), ms, given) in enumerate(log)
    ]
    alerts, late = due(LOG, events, limits)
    return dict(alerts), late


def plain(alert: Alert) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(alert))
    return {name: value for name, value in told.items() if name not in PLACE}


class Run:
    """What a step gives for one log, handed over in parts; it is snapshotted and restored between them."""

    def __init__(self, log: Log, cuts: list[int], name: str = LOG) -> None:
        self.alerts: list[Alert] = []
        self.late_offsets: list[int] = []
        self.judged = self.late = 0
        packed: bytes | None = None
        bounds = [0, *sorted(cut % (len(log) + 1) for cut in cuts), len(log)]
        for begin, end in pairwise(bounds):
            logic = LevelsLogic(PLAN, LIMITS, packed)
            after = fresh_state(name, TOPIC, 1, 2 * end)
            found, _ = logic.on_batch([Take(after, samples=tuple(sampled(log)[begin:end]))])
            for of in found:
                self._note(of)
            packed = logic.snapshot()
        self.packed = packed

    def _note(self, of: object) -> None:
        if isinstance(of, Alert):
            self.alerts.append(of)
        elif isinstance(of, Folded):
            self.judged += of.events
        elif isinstance(of, LaneState):
            self.late = of.late[NO_WINDOW_S]
        elif isinstance(of, Rows):
            self.late_offsets += of.frame["offset"].to_list()


@given(logs, st.lists(st.integers(0, 40), max_size=4))
@settings(max_examples=300, deadline=None)
def test_alerts_are_those_that_are_due_however_the_log_is_cut_and_restored(log: Log, cuts: list[int]) -> None:
    run = Run(log, cuts)
    alerts, late = truth(log, {"cpu_load": 2.0, "latency": 1.0})
    assert [plain(of) for of in run.alerts] == [alerts[str(of.id)] for of in run.alerts]
    assert sorted(str(of.id) for of in run.alerts) == sorted(alerts)
    assert (run.late, run.judged, len(run.late_offsets)) == (late, len(log) - late, late)


@given(logs)
@settings(max_examples=50, deadline=None)
def test_a_log_sent_twice_gives_no_second_alert(log: Log) -> None:
    newest = max([ms for _, ms, _ in log], default=0)
    rising = [(name, at + newest, given) for at, (name, _, given) in enumerate(log)]
    once, twice = Run(rising, []), Run(rising + rising, [len(rising)])
    assert (once.late, twice.late) == (0, len(rising))
    assert twice.alerts == once.alerts


def test_the_oldest_server_is_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thresholds, "MOST_SERVERS", 2)
    levels, high = Levels(LIMITS, LOG, TOPIC, 0), (9.0, 0.0, 0.0)
    names = ["a", "b", "a", "c", "a", "b"]  # c pushes b out, not a
    found = [levels.judge(Sample(at, "", name, at, high)) for at, name in enumerate(names)]
    assert [[alert.server_id for alert in of or ()] for of in found] == [["a"], ["b"], [], ["c"], [], ["b"]]
    assert list(levels.servers) == [("", "a"), ("", "b")]


def test_a_topic_that_was_created_anew_has_only_new_servers() -> None:
    log: Log = [(("", "a"), 5, (9.0, 0.0, 0.0)), (("", "a"), 3, (9.0, 0.0, 0.0))]
    logic = LevelsLogic(PLAN, LIMITS, Run(log, []).packed)
    found, _ = logic.on_batch([Take(fresh_state("ffffffff", TOPIC, 1, 1), samples=tuple(sampled(log[1:])))])
    told = [of for of in found if isinstance(of, Alert | LaneState)]
    assert [getattr(of, "log", "") for of in told] == ["ffffffff", "ffffffff"]
    assert [of.late for of in told if isinstance(of, LaneState)] == [{NO_WINDOW_S: 0}]


def test_a_damaged_state_is_refused() -> None:
    packed = Run([(("", "a"), 5, (9.0, 0.0, 0.0))], []).packed
    assert packed
    with pytest.raises(NeedsOperator, match="state of thresholds in the recovery store is damaged"):
        LevelsLogic(PLAN, LIMITS, packed[:-1] + bytes([packed[-1] ^ 1]))


def test_times_are_told_to_the_millisecond() -> None:
    levels, began = Levels(Limits(cpu_load=1.0), LOG, TOPIC, 0), datetime(2026, 1, 1, tzinfo=UTC)
    for ms in range(0, 4_000, 7):
        moment = began + timedelta(milliseconds=ms)
        at_ms = int(began.timestamp()) * 1000 + ms
        (alert,) = levels.judge(Sample(ms, "", f"s{ms}", at_ms, (2.0, 0.0, 0.0))) or []
        assert datetime.fromisoformat(str(alert.time)) == moment
