"""Files of rules looked at before they count: every fault with its place, and what is good to know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from models.fraud_catalogue import FEATURES
from models.fraud_rule import Rule
from models.fraud_rule_text import spanning
from settings import from_caller
from sources.rule_files import RuleFile, read_rule_file
from topics.errors import BadInput

ADVICE = "docs/fraud-rules.md tells how to write a rule, docs/fraud-features.md names the features"


def check_files(names: Sequence[str]) -> None:
    """Print what is in files of rules.

    Raises:
        BadInput: a file is no good; every fault is on stderr.

    """
    for file in read_files(names):
        for rule in file.rules:
            print(f"{file.path}: {rule.name} is good: {told(rule)}")
            for note in notes(rule):
                print(f"  note: {note}")


def read_files(names: Sequence[str]) -> list[RuleFile]:
    """Read files that must be good.

    Raises:
        BadInput: one is not; every fault is on stderr.

    """
    files = [RuleFile(Path(name), read_rule_file(from_caller(name)).read) for name in names]
    faults = [file.told(fault) for file in files for fault in file.read.faults]
    faults += _twice(files)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise BadInput(f"{count} in {', '.join(names)}; {ADVICE}")
    return files


def told(rule: Rule) -> str:
    """Say what a rule does in a few words."""
    does = f"weight {rule.weight:g}" if rule.decision is None else rule.decision
    shadow = ", shadow" if rule.shadow else ""
    retired = ", retired" if rule.state == "retired" else ""
    return f"{does}{shadow}{retired}, looks at {', '.join(rule.when.names)}"


def notes(rule: Rule) -> list[str]:
    """Say what is good to know about a rule before it counts."""
    found = []
    if names := spanning(rule):
        groups = ", ".join(dict.fromkeys(FEATURES[name].group for name in names))
        found.append(
            f"counts over all partitions ({groups}), in the order they are read: {', '.join(names)}; "
            "an alert keeps the values that it saw, a backtest may see others"
        )
    if not rule.owner:
        found.append("it has no owner: nobody knows whom to ask about its alerts")
    if not rule.description:
        found.append("it has no description: those who read its alerts must guess what it finds")
    return found


def _twice(files: Sequence[RuleFile]) -> list[str]:
    """Name the versions that stand in two files."""
    places: dict[str, str] = {}
    found = []
    for file in files:
        for line, rule in file.read.rules:
            place = f"{file.path}:{line}"
            if rule.name in places and not places[rule.name].startswith(f"{file.path}:"):
                found.append(f"{place}:1: rule {rule.name} stands in {places[rule.name]} too")
            places.setdefault(rule.name, place)
    return found
