"""The built-in rules on days made up from seeds that nobody tuned them on; worse rules, which fall short."""

from __future__ import annotations

import pytest

from cli.fraud_simulated import told
from models.fraud_rule import Rule, RuleBook
from models.fraud_rule_yaml import read_rules
from simulator.fraud import KINDS
from simulator.fraud_days import Days
from sources.rule_files import built_in
from verify.fraud_days import judged
from verify.fraud_marks import Marks

PURCHASES, SHARE = 17_000, 0.1
NAIVE = """
- {id: ring, version: 1, when: ip_players_1h >= 5, decision: review}
- {id: card_testing, version: 1, when: player_purchases_10m >= 8, decision: review}
- {id: stolen_account, version: 1, when: player_devices_30d >= 2, decision: review}
- {id: price_tampering, version: 1, when: amount_to_item_mean < 0.9, decision: review}
- {id: duplicate_receipt, version: 1, when: receipt_players_30d >= 2, decision: review}
"""


def marks(seed: int, rules: list[Rule]) -> Marks:
    book = RuleBook()
    for rule in rules:
        book.add(rule)
    return judged(Days(seed, PURCHASES, SHARE), book)


@pytest.mark.parametrize("seed", [2026, 2027])
def test_the_built_in_rules_find_all_kinds_and_leave_shared_addresses_alone(seed: int) -> None:
    found = marks(seed, list(built_in()))
    lines = list(told(found))
    assert found.passes, "\n".join(lines)
    assert lines[-1].startswith("OK recall >= ")
    assert min(mark.cases for mark in found.kinds) >= 20
    assert found.shared_addresses > 400


def test_what_comes_to_mind_first_falls_short_in_every_way() -> None:
    found = marks(2026, [rule for _, rule in read_rules(NAIVE).rules])
    kinds = {mark.kind: mark for mark in found.kinds}
    wrong = {kind for kind in KINDS if kinds[kind].precision < 0.9}
    assert wrong == {"ring", "card_testing", "stolen_account", "price_tampering"}
    assert kinds["duplicate_receipt"].recall < 0.95
    assert found.nat_alerts > 100
    assert list(told(found))[-1].startswith("FALLS SHORT recall >= ")
