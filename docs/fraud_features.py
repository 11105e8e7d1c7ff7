"""Writes `docs/fraud-features.md` from the code: `python -m docs.fraud_features`; a test compares the two.

In: what a purchase's features are (`models/fraud_catalogue.py`) and the rules that are built in
(`models/fraud_rules`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from os.path import commonprefix
from pathlib import Path

from docs.reference import cell
from models.fraud_catalogue import FEATURES
from models.fraud_kinds import WINDOWS, Feature, Group
from models.fraud_rule import Rule
from sources.rule_files import built_in

PAGE = Path(__file__).with_name("fraud-features.md")
HEAD = """# Features of purchases

Written by `python -m docs.fraud_features` from `models/fraud_catalogue.py` and `models/fraud_rules`; a test
fails when they differ. What rules may look at: [fraud rules](fraud-rules.md) tells how.

A window reaches back from the purchase, itself included: `player_purchases_1h` is 1 for a purchase that
is the player's only one within an hour. History is the last 30 days. A feature that is *missing* makes every
comparison with it false; `missing(NAME)` asks for it.
"""
WHOSE: dict[Group, str] = {
    "event": "The purchase itself",
    "player": "The player (replays to the same values)",
    "address": "The address (counts over all partitions)",
    "device": "The device (counts over all partitions)",
    "item": "The item (counts over all partitions)",
    "receipt": "The receipt (counts over all partitions)",
}
WINDOW = re.compile(rf"_({'|'.join(WINDOWS)})$")


def page() -> str:
    """Give the whole page as Markdown."""
    return "\n".join([HEAD, *features(), *rules()])


def features() -> Iterator[str]:
    """Tell of every feature, by whose it is; those that differ in their window only share a row."""
    for group, title in WHOSE.items():
        yield f"## {title}\n\n| feature | type | meaning |\n|---|---|---|"
        own = [feature for feature in FEATURES.values() if feature.group == group]
        for _, alike in groupby(own, lambda feature: WINDOW.sub("", feature.name)):
            yield from _rows(list(alike))
        yield ""


def rules() -> Iterator[str]:
    """Tell of every rule that is built in."""
    yield "## Rules that are built in\n\n| rule | does | finds |\n|---|---|---|"
    for rule in built_in():
        yield f"| `{rule.name}` | {_does(rule)} | {cell(rule.description)} |"
    yield ""


def _rows(alike: list[Feature]) -> Iterator[str]:
    """Give one row for features that differ in their window only, else a row for each."""
    same = commonprefix([feature.doc for feature in alike])  # noqa: RUF071  of texts
    spans = [feature.doc.removeprefix(same) for feature in alike]
    if len(alike) > 1 and all(len(span) <= len("10 minutes") for span in spans):
        names = ", ".join(f"`{feature.name}`" for feature in alike)
        yield f"| {names} | {alike[0].kind} | {cell(same)} {', '.join(spans)} |"
    else:
        yield from (f"| `{feature.name}` | {feature.kind} | {cell(feature.doc)} |" for feature in alike)


def _does(rule: Rule) -> str:
    does = rule.decision or f"weight {rule.weight:g}"
    return f"{does}, shadow" if rule.shadow else does


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
