"""The pages about fraud rules say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from docs import fraud_features
from models.fraud_catalogue import FEATURES
from models.fraud_rule_text import FIELDS
from models.fraud_rule_yaml import read_rules
from sources.rule_files import built_in

RULES = Path(fraud_features.__file__).with_name("fraud-rules.md").read_text()


def test_the_page_of_features_is_what_the_code_says() -> None:
    assert fraud_features.PAGE.read_text() == fraud_features.page(), (
        "write it again: python -m docs.fraud_features"
    )


def test_every_feature_and_built_in_rule_is_on_the_page_once() -> None:
    names = re.findall(r"`(\w+)`", re.sub(r"(?m)^(?!\|).*$", "", fraud_features.page().replace(":1`", "`")))
    assert sorted(names) == sorted([*FEATURES, *(rule.id for rule in built_in())])


def test_the_rule_that_is_shown_is_a_good_one_and_all_fields_are_told() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", RULES, re.DOTALL)
    assert (len(read_rules(shown).rules), read_rules(shown).faults) == (1, ())
    told = {name for row in re.findall(r"(?m)^\| (`.*?) \|", RULES) for name in re.findall(r"`(\w+)`", row)}
    assert told == set(FIELDS.at)
