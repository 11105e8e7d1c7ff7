"""Each kind of trouble is what it says, and only that."""

import re
from collections import Counter
from dataclasses import asdict

import pytest

from simulator.malformed import FAULTS
from simulator.mishaps import DUPLICATE_WITHIN
from simulator.plan import KINDS, PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, TOPICS, Plan
from simulator.run import Run, Stop
from simulator.trouble import CALM, Trouble, trouble
from tests.simulator.reading import ms, read
from topics.errors import BadInput
from topics.rejects import Reason

START_MS = 1_767_225_600_000
Row = tuple[str, bytes | None, int, int, str]  # topic, value, event time told, time sent (epoch ms), kind


def sent(text: str, count: int = 60_000, rate: int = 1000) -> list[Row]:
    run = Run(Plan(3, START_MS, rate, trouble=trouble(text)), count, live=False)
    return [
        (batch.topic, value, at_ms, due_us // 1000, KINDS[kind])
        for block in run.blocks(Stop())
        for batch in block
        for value, (at_ms, due_us, kind) in zip(
            batch.values, batch.facts.select("at_ms", "due_us", "kind").iter_rows(), strict=True
        )
    ]


def behind_ms(rows: list[Row], kind: str) -> list[int]:
    return [sent_ms - at_ms for _, _, at_ms, sent_ms, this in rows if this == kind]


@pytest.mark.parametrize("text", ["none", ""])
def test_without_trouble_every_message_is_a_good_event_of_the_last_second_and_a_half(text: str) -> None:
    rows = sent(text, 20_000)
    assert {row[4] for row in rows} == {"good"}
    assert 0 <= min(behind_ms(rows, "good")) <= max(behind_ms(rows, "good")) <= 1_500
    assert all(row[2] >= START_MS for row in rows)


def test_late_events_come_five_seconds_to_five_minutes_late() -> None:
    rows = sent("late=0.05", 500_000)
    late = behind_ms(rows, "late")
    assert 5_000 <= min(late) < 10_000
    assert 240_000 < max(late) <= 302_000
    assert 0.03 < len(late) / len(rows) < 0.05
    assert {row[0] for row in rows if row[4] == "late"} == set(TOPICS)


def test_beyond_events_are_older_than_any_window_that_is_still_kept() -> None:
    rows = sent("beyond=0.05,skew=0.2", 200_000)
    beyond = behind_ms(rows, "beyond")
    assert 900_000 <= min(beyond) < max(beyond) <= 3_602_000
    newest_good = max(row[2] - row[3] for row in rows if row[4] == "good")
    assert newest_good <= 240_000
    assert min(beyond) - 60_000 - 2_000 > 600_000 - newest_good  # even where other clients are ahead


def test_a_duplicate_is_the_same_message_again_soon_after_on_its_topic() -> None:
    rows = sent("duplicate=0.05")
    first = {(row[0], row[1]): place for place, row in enumerate(rows) if row[4] == "good"}
    assert len(first) == sum(row[4] == "good" for row in rows)
    again = [(place, row) for place, row in enumerate(rows) if row[4] == "duplicate"]
    assert 0.03 < len(again) / len(rows) < 0.06
    for _, row in again:
        assert (row[0], row[1]) in first
    order = {(row[0], row[1]): row[3] for row in rows if row[4] == "good"}
    assert all(0 <= row[3] - order[row[0], row[1]] <= DUPLICATE_WITHIN for _, row in again)


def test_malformed_messages_have_every_fault_of_their_topic() -> None:
    rows = sent("malformed=0.5")
    for topic in TOPICS:
        bad = {row[1] for row in rows if row[0] == topic and row[4] == "malformed"}
        assert bad == {value for _, value in FAULTS[topic]}
        reasons = {reason for reason, _ in FAULTS[topic]}
        assert reasons == {reason.value for reason in Reason} - {"oversize"}
    prices = {re.search(rb'"price":("?[^,]*)', value or b"") for _, value in FAULTS[PURCHASE_EVENTS]}
    written = {match[1] for match in prices if match}
    assert {b'"NaN"', b'"Infinity"', b"1e999", b"-4.99", b"4.99999"} <= written


def test_skewed_clients_are_minutes_off_or_decades_ahead_always_by_the_same() -> None:
    off: dict[str, set[int]] = {}
    for topic, value, at_ms, sent_ms, kind in sent("skew=0.1", 100_000):
        if topic != SERVER_METRICS:
            event = read(value)
            assert ms(event.get("timestamp", event.get("purchase_timestamp", 0))) == at_ms
            assert (kind == "malformed") == (at_ms > START_MS + 10**12)
            off.setdefault(str(event["player_id"]), set()).add((at_ms - sent_ms + 750) // 30_000)
    wrong = {player for player, steps in off.items() if steps not in ({0}, {0, -1})}
    assert 0.07 < len(wrong) / len(off) < 0.13
    assert max(map(len, off.values())) <= 2  # the way to Kafka takes up to 1.5 s


def test_in_an_outage_a_server_is_silent_for_90_s_then_comes_up_without_players() -> None:
    run = Run(Plan(3, START_MS, 1000, trouble=trouble("outage")), 200_000, live=False)
    reports = [
        read(value)
        for block in run.blocks(Stop())
        for batch in block
        if batch.topic == SERVER_METRICS
        for value in batch.values
    ]
    outage = run.traffic.world.servers.outages(START_MS + 100_000)[0]
    its = sorted(
        (ms(event["timestamp"]), event["state"], event["players"])
        for event in reports
        if event["server_id"] == run.traffic.world.servers.ids[outage.server]
    )
    assert [at for at, _, _ in its if outage.from_ms <= at < outage.to_ms] == []
    after = [(state, players) for at, state, players in its if outage.to_ms <= at < outage.to_ms + 10_000]
    assert after == [("starting", 0)] * 10
    others = Counter(str(event["server_id"]) for event in reports)
    assert len(others) == 20
    assert min(others.values()) == len(its)
    assert outage.to_ms - outage.from_ms == 90_000


def test_a_leak_fills_the_memory_of_one_server() -> None:
    run = Run(Plan(3, START_MS, 200, trouble=trouble("leak")), 160_000, live=False)
    last: dict[str, list[float]] = {}
    for block in run.blocks(Stop()):
        for value in block[2].values:
            event = read(value)
            last.setdefault(str(event["server_id"]), []).append(float(event["memory_usage"]))
    fullest = max(last, key=lambda name: max(last[name]))
    assert fullest == run.traffic.world.servers.ids[run.traffic.world.servers.leaky]
    assert max(last[fullest]) > 75
    assert max(load for name in last if name != fullest for load in last[name]) < 70


def test_fraud_rings_share_device_and_address_and_buy_all_day() -> None:
    bought = Counter[str]()
    devices: dict[str, set[tuple[str, str]]] = {}
    for topic, value, *_ in sent("fraud-rings", 150_000):
        if topic == PURCHASE_EVENTS:
            event = read(value)
            bought[str(event["player_id"])] += 1
            if str(event.get("device_id", "")).startswith("shared_"):
                pair = (str(event["device_id"]), str(event["ip_address"]))
                devices.setdefault(str(event["player_id"]), set()).add(pair)
                assert event["item_id"] == "crate_royal"
    rings = {f"player_{number}" for number in range(12)}
    assert devices.keys() == rings
    assert len(set.union(*devices.values())) == 2
    assert rings <= {player for player, _ in bought.most_common(40)}  # of 20,000


def test_lines_hold_no_message_that_is_no_line() -> None:
    run = Run(Plan(3, START_MS, 1000, trouble=Trouble(malformed=0.5), lines=True), 20_000, live=False)
    values = [value for block in run.blocks(Stop()) for batch in block for value in batch.values]
    assert all(value and b"\n" not in value for value in values)


def test_all_is_every_kind_of_trouble_at_its_usual_amount() -> None:
    assert all(asdict(trouble("all")).values())
    assert trouble("all,late=0.5").late == 0.5
    assert trouble("none") == trouble("") == CALM
    assert sum(trouble(name) == CALM for name in ("late", "beyond", "duplicate", "malformed", "skew")) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "lat",
            "malformed, skew, outage, leak, fraud-rings, server-faults, all, none",
        ),
        ("late=much", "late=much: a share is a number from 0 to 1"),
        ("late=-1", "a share is a number from 0 to 1"),
        ("late=nan", "a share is a number from 0 to 1"),
        ("outage=3", "not 'outage=3'"),
        ("late=0.6,malformed=0.6", "add up to more than 1"),
    ],
)
def test_what_no_trouble_is_is_told(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        trouble(text)


def test_players_with_a_right_clock_are_not_touched_by_skew() -> None:
    calm, skewed = sent("none", 5_000), sent("skew=0.3", 5_000)
    same = sum(one[1] == other[1] for one, other in zip(calm, skewed, strict=True) if one[0] == PLAYER_EVENTS)
    assert 0.5 < same / 5_000 < 0.8
