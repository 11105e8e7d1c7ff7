"""Planted fraud: the truth is what the bytes say, shares are as asked, honest customers look suspicious."""

import json
from collections import Counter
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from simulator.batch import Batch
from simulator.fraud import KINDS, Fraud
from simulator.fraud_days import Days, ShopDays
from simulator.fraud_truth import Case, FraudTruth, Shared
from simulator.plan import PLAYERS, PURCHASE_EVENTS, TOPICS, Plan
from simulator.run import Run, Stop
from simulator.trouble import trouble
from simulator.truth import Truth
from simulator.truth_file import write_truth
from simulator.truth_rows import SaleKey, SaleRow
from tests.simulator import fraud_oracle
from tests.simulator.fraud_oracle import Bought, bought
from tests.simulator.reading import Event, ms, read
from topics.decode import decode
from topics.registry import TOPICS as REGISTRY

START_MS = 1_767_225_600_000


@cache
def days(seed: int, share: float = 0.08) -> tuple[list[Bought], list[Case], list[Shared]]:
    """Purchases as bytes say, and the truth about them."""
    shop = ShopDays(Days(seed, 12_000, share))
    truth = FraudTruth(shop.world.plan.run, shop.people)
    batches: dict[str, list[bytes | None]] = {PLAYERS: [], PURCHASE_EVENTS: []}
    for block in shop.blocks():
        for batch in block:
            batches[batch.topic] += batch.values
        truth.add(block[1].facts)
    return bought(batches[PURCHASE_EVENTS], batches[PLAYERS]), list(truth.cases()), list(truth.shared())


@pytest.mark.parametrize("seed", [41, 42])
@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_names_exactly_the_purchases_that_are_found_in_the_bytes(seed: int, kind: str) -> None:
    every, cases, _ = days(seed)
    told = [event_id for case in cases if case.kind == kind for event_id in case.event_ids]
    assert len(told) == len(set(told)) > 0
    assert fraud_oracle.KINDS[kind](every) == set(told)


@pytest.mark.parametrize("seed", [41, 42])
def test_a_case_names_its_players_receipts_and_times(seed: int) -> None:
    every, cases, _ = days(seed)
    by_id = {each.event_id: each for each in every}
    for case in cases:
        its = [by_id[event_id] for event_id in case.event_ids]
        assert set(case.players) == {each.player for each in its}
        assert set(case.transaction_ids) == {each.receipt for each in its}
        assert (case.from_ms, case.to_ms) == (min(b.at_ms for b in its), max(b.at_ms for b in its))
        assert len(its) <= case.planned


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_as_much_is_planted_as_asked_for_and_of_every_kind(share: float) -> None:
    every, cases, _ = days(43, share)
    planted = sum(len(case.event_ids) for case in cases)
    assert planted / len(every) == pytest.approx(share, abs=0.004)
    kinds = Counter(case.kind for case in cases)
    assert set(kinds) == (set(KINDS) if share else set())
    assert not kinds or max(kinds.values()) - min(kinds.values()) <= 1


@pytest.mark.parametrize("seed", [41, 42])
def test_honest_players_share_addresses_travel_and_buy_in_bulk(seed: int) -> None:
    every, cases, shared = days(seed)
    planted = {event_id for case in cases for event_id in case.event_ids}
    honest = [each for each in every if each.event_id not in planted]
    together: dict[str, set[str]] = {}
    countries: dict[str, set[str]] = {}
    for each in honest:
        together.setdefault(each.address, set()).add(each.player)
        countries.setdefault(each.player, set()).add(each.country)
    expected = {address: players for address, players in together.items() if len(players) > 1}
    assert {each.address: set(each.players) for each in shared} == expected
    assert max(len(each.players) for each in shared if each.sort == "cafe") > 15
    assert {each.sort for each in shared} == {"cafe", "home", "carrier", "hotel", "other"}
    assert 10 < sum(len(found) > 1 for found in countries.values()) < len(countries) / 5
    assert max(Counter((b.player, b.item, b.at_ms // 3_600_000) for b in honest).values()) >= 8


def test_everybody_is_registered_before_the_first_purchase() -> None:
    shop = ShopDays(Days(44, 3_000, 0.1))
    known: dict[bytes, int] = {}
    for registrations, purchases in shop.blocks():
        for key, due_us in zip(registrations.keys, registrations.due_us, strict=True):
            known.setdefault(key, int(due_us))
        for key, due_us in zip(purchases.keys, purchases.due_us, strict=True):
            assert known[key] + 2_000_000 < due_us


def test_blocks_are_in_the_order_of_time() -> None:
    ends_us = 0
    for batch in live()[0]:
        if len(batch):
            assert batch.due_us.tolist() == sorted(batch.due_us.tolist())
    for block in ShopDays(Days(44, 3_000, 0.1)).blocks():
        begin_us = min(int(batch.due_us[0]) for batch in block if len(batch))
        assert ends_us <= begin_us
        ends_us = max(int(batch.due_us[-1]) for batch in block if len(batch))


def messages(plan: Plan, count: int) -> list[Batch]:
    return [batch for block in Run(plan, count, live=False).blocks(Stop()) for batch in block]


def test_the_same_plan_gives_the_same_bytes_and_other_plans_others() -> None:
    plans = [
        Plan(seed, START_MS, 1000, (*TOPICS, PLAYERS), trouble("all"), fraud=Fraud(share))
        for seed, share in ((3, 0.05), (3, 0.05), (4, 0.05), (3, 0.1))
    ]
    found = [
        sha256(repr([(b.keys, b.values) for b in messages(plan, 20_000)]).encode()).hexdigest()
        for plan in plans
    ]
    assert found[0] == found[1]
    assert len(set(found)) == 3


@cache
def live() -> tuple[list[Batch], Truth]:
    plan = Plan(5, START_MS, 1000, (*TOPICS, PLAYERS), trouble("late,duplicate,malformed"), fraud=Fraud(0.1))
    run = Run(plan, 90_000, live=False)
    truth = Truth(run.traffic.world)
    found: list[Batch] = []
    for block in run.blocks(Stop()):
        truth.add(block)
        found += block
    return found, truth


def test_a_run_beside_players_at_play_keeps_its_rate_and_its_mix() -> None:
    sizes = Counter[str]()
    for batch in live()[0]:
        sizes[batch.topic] += len(batch)
    last_us = max(int(batch.due_us[-1]) for batch in live()[0] if len(batch))
    beside = sum(sizes.values()) - sizes[PLAYERS]
    assert beside / (last_us / 1e6 - START_MS / 1000) == pytest.approx(1000, rel=0.05)
    assert 0.04 < sizes[PURCHASE_EVENTS] / beside < 0.07  # a visit goes on for minutes, so few at first


def test_every_message_is_good_but_those_that_are_meant_to_be_bad() -> None:
    for batch in live()[0]:
        rejects = decode(REGISTRY[batch.topic], batch.values, batch.due_us // 1000).rejects
        assert len(rejects) == int((batch.facts["fault"] >= 0).sum())


def test_sales_are_what_the_bytes_say_also_at_tampered_prices() -> None:
    seen: dict[str, Event] = {}
    for batch in live()[0]:
        for value, kind in zip(batch.values, batch.facts["kind"], strict=True):
            if batch.topic == PURCHASE_EVENTS and kind in {0, 1}:
                event = read(value)
                seen[str(event["event_id"])] = event
    sales: dict[SaleKey, list[Decimal]] = {}
    buyers: dict[SaleKey, set[str]] = {}
    for event in seen.values():
        start = ms(event["purchase_timestamp"]) // 60_000 * 60
        key = SaleKey(str(event.get("game_id", "")), start, str(event["item_id"]), str(event["currency"]))
        sales.setdefault(key, []).append(Decimal(event["price"]))
        buyers.setdefault(key, set()).add(str(event["player_id"]))
    expected = {
        key: SaleRow(len(prices), sum(prices, Decimal(0)), len(buyers[key])) for key, prices in sales.items()
    }
    assert live()[1].item_sales(60) == expected


def test_the_truth_file_names_cases_and_shared_addresses(tmp_path: Path) -> None:
    write_truth(tmp_path / "truth.jsonl", live()[1])
    facts = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    cases = [fact for fact in facts if fact["fact"] == "fraud"]
    sent = {
        json.loads(value)["event_id"]: batch.facts["case"][row]
        for batch in live()[0]
        if batch.topic == PURCHASE_EVENTS
        for row, value in enumerate(batch.values)
        if value and batch.facts["kind"][row] in {0, 1} and batch.facts["case"][row] >= 0
    }
    assert {event_id: case["case"] for case in cases for event_id in case["event_ids"]} == sent
    assert {case["kind"] for case in cases} == set(KINDS)
    shared = [fact for fact in facts if fact["fact"] == "nat"]
    assert all(len(fact["players"]) > 1 for fact in shared)
    assert len({fact["address"] for fact in shared}) == len(shared) > 50
    assert facts[0]["fraud"] == 0.1
