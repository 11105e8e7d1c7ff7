"""What the simulator's world is like, told from its messages and from what it says it planted."""

import json
from collections import Counter
from hashlib import sha256
from itertools import islice, pairwise

import numpy as np
import pytest

from simulator.batch import Block, first_of, order, size
from simulator.levels import TRAP
from simulator.pace import paced
from simulator.plan import PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, TOPICS, Plan
from simulator.run import Run, Stop
from simulator.traffic import Traffic
from simulator.trouble import CALM, trouble

START_MS = 1_767_225_600_000
Event = dict[str, str | int | float]


def messages(plan: Plan, count: int) -> dict[str, list[tuple[bytes, bytes | None]]]:
    """The first messages of a run, by topic."""
    found: dict[str, list[tuple[bytes, bytes | None]]] = {topic: [] for topic in plan.topics}
    for block in Run(plan, count, live=False).blocks(Stop()):
        for batch in block:
            found[batch.topic] += zip(batch.keys, batch.values, strict=True)
    return found


def events(plan: Plan, topic: str, count: int) -> list[Event]:
    return [json.loads(value or b"") for _, value in messages(plan, count)[topic]]


def digest(plan: Plan, count: int = 30_000) -> str:
    return sha256(repr(messages(plan, count)).encode()).hexdigest()


def test_the_same_plan_gives_the_same_bytes_and_other_plans_others() -> None:
    plan = Plan(3, START_MS, 1000, trouble=trouble("all"))
    others = [Plan(seed, START_MS, 1000, trouble=trouble("all")) for seed in range(4)]
    assert digest(plan) == digest(plan)
    assert len({digest(other, 500) for other in others}) == len(others)


def test_the_bytes_of_a_seed_never_change() -> None:
    plan = Plan(3, START_MS, 1000, trouble=trouble("all"))
    assert digest(plan) == "de7e08055697ec56d5f5f3ad726fe470d31ccd007e616170106e9c6400301e7e"


def test_a_run_at_the_clocks_speed_sends_the_same_in_small_parts() -> None:
    plan, clock = Plan(3, START_MS, 4000, trouble=trouble("all")), [100.0]

    def wait(seconds: float) -> bool:
        clock[0] += seconds
        return False

    blocks = paced(Traffic(plan).blocks(), START_MS * 1000, lambda: clock[0], wait)
    parts: list[Block] = []
    while sum(map(size, parts)) < 25_000:
        parts.append(next(blocks))
        behind_s = (
            START_MS / 1000
            + clock[0]
            - 100
            - max(batch.due_us[-1] for batch in parts[-1] if len(batch)) / 1e6
        )
        assert 0 <= behind_s < 0.05
    together = {
        topic: [v for part in parts for v in part[place].values] for place, topic in enumerate(TOPICS)
    }
    whole = messages(plan, 25_000)
    assert max(map(size, parts)) < 4000 * 0.05 * 2
    for topic in TOPICS:
        expected = [value for _, value in whole[topic]]
        assert together[topic][: len(expected)] == expected


def test_a_run_of_n_messages_has_the_first_n() -> None:
    block = next(Traffic(Plan(5, START_MS, 1000)).blocks())
    which, rows = order(block)
    due = [int(block[one].due_us[row]) for one, row in zip(which, rows, strict=True)]
    assert due == sorted(due)
    some = first_of(block, 777)
    assert size(some) == 777
    assert max(int(batch.due_us[-1]) for batch in some) == due[776]


def test_a_key_is_the_id_of_player_or_server_and_the_mix_is_as_documented() -> None:
    found = messages(Plan(2, START_MS, 1000), 50_000)
    for topic, name in (
        (PLAYER_EVENTS, "player_id"),
        (PURCHASE_EVENTS, "player_id"),
        (SERVER_METRICS, "server_id"),
    ):
        assert all(json.loads(value or b"")[name] == key.decode() for key, value in found[topic])
    shares = {topic: len(found[topic]) / 50_000 for topic in TOPICS}
    assert shares[SERVER_METRICS] == pytest.approx(0.02, abs=0.002)
    assert 0.04 < shares[PURCHASE_EVENTS] < 0.09


@pytest.mark.parametrize("topic", TOPICS)
def test_one_topic_alone_has_the_whole_rate(topic: str) -> None:
    plan = Plan(2, START_MS, 100, (topic,))
    found = events(plan, topic, 1000)
    field = "purchase_timestamp" if topic == PURCHASE_EVENTS else "timestamp"
    assert len(found) == 1000
    last = Run(plan, 1000, live=False)
    due = max(int(batch.due_us[-1]) for block in last.blocks(Stop()) for batch in block if len(batch))
    assert due / 1e6 - START_MS / 1000 == pytest.approx(10, abs=0.7)
    assert all(field in event for event in found)


@pytest.mark.parametrize("rate", [1, 7, 50])
def test_a_slow_run_keeps_its_rate_too(rate: int) -> None:
    run = Run(Plan(2, START_MS, rate), 400, live=False)
    last_us = max(int(batch.due_us[-1]) for block in run.blocks(Stop()) for batch in block if len(batch))
    assert last_us / 1e6 - START_MS / 1000 == pytest.approx(400 / rate, rel=0.1)


def test_traps_stop_most_attempts_and_other_levels_do_not() -> None:
    plan = Plan(3, START_MS, 1000, (PLAYER_EVENTS,))
    ends: dict[str, Counter[str]] = {}
    for event in events(plan, PLAYER_EVENTS, 150_000):
        if event["event_type"] in {"level_complete", "level_fail"}:
            ends.setdefault(str(event["level_id"]), Counter())[str(event["event_type"])] += 1
    measured = {level: kinds["level_fail"] / kinds.total() for level, kinds in ends.items()}
    traps = set(Traffic(plan).world.levels.traps)
    assert len(traps) == 2
    assert {level for level, share in measured.items() if share > 0.7} == traps
    assert [measured[level] for level in sorted(traps)] == pytest.approx([TRAP, TRAP], abs=0.05)


def test_a_session_is_whole_and_in_order_and_the_skilled_complete_more() -> None:
    plan = Plan(4, START_MS, 200, (PLAYER_EVENTS,))
    sessions: dict[str, list[Event]] = {}
    for event in events(plan, PLAYER_EVENTS, 120_000):
        if "session_id" in event:
            sessions.setdefault(str(event["session_id"]), []).append(event)
    ended = [s for s in sessions.values() if any(event["event_type"] == "session_end" for event in s)]
    assert len(ended) > 200
    for session in ended:
        by_number = sorted(session, key=lambda event: int(str(event["event_id"]).rpartition("-")[2]))
        types = [event["event_type"] for event in by_number]
        assert (types[0], types[-1], len({event["player_id"] for event in session})) == (
            "session_start",
            "session_end",
            1,
        )
        ends = sum(kind in {"level_complete", "level_fail"} for kind in types)
        assert types.count("level_start") == ends
    players, traps = Traffic(plan).world.players, Traffic(plan).world.levels.traps
    wins: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for session in ended:
        for event in session:
            number = int(str(event["player_id"]).rpartition("_")[2])
            if event.get("level_id") not in traps:
                wins[bool(players.skill[number] > 0.5)][str(event["event_type"])] += 1
    rates = [
        kinds["level_complete"] / (kinds["level_complete"] + kinds["level_fail"]) for kinds in wins.values()
    ]
    assert rates[0] > rates[1] + 0.05


def test_some_players_give_up_for_good() -> None:
    run = Traffic(Plan(4, START_MS, 200, (PLAYER_EVENTS,)))
    for block in islice(run.blocks(), 60):
        assert size(block)
    gone = run.world.players.gone.sum()
    assert 0 < gone < run.world.players.count / 2


def test_few_players_spend_most() -> None:
    bought = Counter(e["player_id"] for e in events(Plan(1, START_MS, 1000), PURCHASE_EVENTS, 150_000))
    players = Traffic(Plan(1, START_MS, 1000)).world.players.count
    top_tenth = sum(count for _, count in bought.most_common(players // 10))
    assert top_tenth > 0.6 * bought.total()


def test_households_share_an_address_and_dormitories_hold_many() -> None:
    plan = Plan(1, START_MS, 50, (PURCHASE_EVENTS,))
    addresses = [json.loads(text[1:].join("{}"))["ip_address"] for text in Traffic(plan).world.names.address]
    sizes = Counter(Counter(addresses).values())
    assert 290 < sizes[3] <= 300
    assert sizes[60] == 1
    assert 0.05 < sum(":" in address for address in addresses) / len(addresses) < 0.2
    for event in events(plan, PURCHASE_EVENTS, 3_000):
        assert event["ip_address"] == addresses[int(str(event["player_id"]).rpartition("_")[2])]


def test_a_servers_load_follows_the_players_on_it() -> None:
    plan = Plan(6, START_MS, 1000, daily=True)
    reports = events(plan, SERVER_METRICS, 150_000)
    assert {event["state"] for event in reports} == {"up"}
    columns = np.array(
        [[event["players"], event["cpu_load"], event["latency"]] for event in reports], np.float64
    )
    assert np.corrcoef(columns[:, 0], columns[:, 1])[0, 1] > 0.6
    times: dict[str, list[str]] = {}
    for event in sorted(reports, key=lambda event: str(event["timestamp"])):
        times.setdefault(str(event["server_id"]), []).append(str(event["timestamp"]))
    seconds = [
        np.array(each, "datetime64[ms]").astype(np.int64) / 1000
        for each in ([text.removesuffix("Z") for text in texts] for texts in times.values())
    ]
    assert {round(after - before, 3) for each in seconds for before, after in pairwise(each.tolist())} == {
        1.0
    }


def test_with_the_rhythm_of_a_day_fewer_play_in_the_morning() -> None:
    hours = {}
    for hour in (8, 20):
        plan = Plan(6, START_MS + hour * 3_600_000, 1000, (PLAYER_EVENTS,), CALM, daily=True)
        found = events(plan, PLAYER_EVENTS, 20_000)
        block = next(Traffic(plan).blocks())[0]
        length_s = (int(block.due_us[-1]) - int(block.due_us[0])) / 1e6
        hours[hour] = (len(block) / length_s, len({event["player_id"] for event in found}))
    assert hours[8][0] == pytest.approx(hours[20][0] / 4, rel=0.05)
    assert hours[8][1] < hours[20][1] / 2
