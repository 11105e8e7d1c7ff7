"""Marks of rules, on a truth of a few cases."""

from dataclasses import replace

import pytest

from simulator.fraud import KINDS
from simulator.fraud_truth import Case, Shared
from verify.fraud_marks import OTHER, Marks, Raised, marked

CASES = tuple(
    Case(number, kind, 2, 1_000, 2_000, [f"p{number}"], [f"t{number}"], [f"e{number}", f"f{number}"])
    for number, kind in enumerate(KINDS)
)
SHARED = (Shared("cafe", "192.0.2.1", ["honest", "friend"]),)


def raised(rule_id: str, player_id: str, event_id: str, at_ms: int = 1_500) -> Raised:
    return Raised(rule_id, player_id, {event_id}, at_ms)


def marks(*alerts: Raised, cases: tuple[Case, ...] = CASES) -> Marks:
    return marked(alerts, cases, SHARED, 100)


ALL = tuple(raised(f"{case.kind}_v1", case.players[0], case.event_ids[0]) for case in CASES)


def test_rules_that_find_all_and_nothing_else_pass() -> None:
    found = marks(*ALL)
    assert [(mark.cases, mark.found, mark.alerts, mark.right) for mark in found.kinds] == [(1, 1, 1, 1)] * 5
    assert (found.nat_alerts, found.false, found.missed, found.passes) == (0, (), (), True)


@pytest.mark.parametrize("missing", range(5))
def test_a_kind_that_is_not_found_falls_short(missing: int) -> None:
    found = marks(*(alert for number, alert in enumerate(ALL) if number != missing))
    assert found.missed == (CASES[missing],)
    assert [mark.recall for mark in found.kinds] == [float(number != missing) for number in range(5)]
    assert not found.passes


def test_any_rule_may_find_a_case_but_precision_is_that_of_the_rules_named_after_the_kind() -> None:
    found = marks(*ALL[1:], raised("ring-2", "p0", "e0"), raised("ring", "stranger", "x"))
    kinds = {mark.kind: mark for mark in found.kinds}
    assert kinds["stolen_account"].recall == 1
    assert (kinds["ring"].alerts, kinds["ring"].right, kinds["stolen_account"].alerts) == (3, 2, 0)
    assert not found.passes


def test_a_rule_of_another_name_is_judged_by_itself() -> None:
    found = marks(*ALL, raised("anything", "stranger", "x"))
    assert (found.kinds[-1].kind, found.kinds[-1].precision, found.passes) == (OTHER, 0.0, False)
    assert marks(*ALL, raised("anything", "p1", "e1")).passes


@pytest.mark.parametrize(("player", "nat"), [("honest", 1), ("stranger", 0)])
def test_an_alert_on_an_honest_player_who_shares_an_address_is_one_too_many(player: str, nat: int) -> None:
    alerts = [*ALL, *(raised("ring", "p2", "e2") for _ in range(20)), raised("ring", player, "x")]
    found = marks(*alerts)
    assert (found.nat_alerts, found.passes, len(found.false)) == (nat, not nat, 1)


@pytest.mark.parametrize(("at_ms", "false"), [(999, 1), (1_000, 0), (9_000, 0)])
def test_naming_a_player_is_right_once_the_case_has_begun(at_ms: int, false: int) -> None:
    assert len(marks(raised("ring", "p2", "honest purchase", at_ms)).false) == false


def test_a_case_of_which_only_a_part_was_sent_is_neither_asked_for_nor_wrong() -> None:
    part = replace(CASES[0], number=9, planned=3, players=["p9"], event_ids=["e9"])
    assert marks(*ALL, cases=(*CASES, part)).passes
    assert marks(*ALL, raised("stolen_account", "p9", "e9"), cases=(*CASES, part)).passes


def test_a_run_without_cases_proves_nothing() -> None:
    assert (marks(cases=()).passes, marks(cases=()).unasked) == (False, KINDS)
    assert marks(*ALL[:3], cases=CASES[:3]).unasked == KINDS[3:]
