"""Files of fraud rules: those that come with Gamewax, and any that a person gives.

Rules: a file is YAML (`models/fraud_rule_yaml.py`); each version of a rule stands in one file only. Built-in
rules count for all purchases, unless a higher version on the topic `fraud-rules` takes their place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.fraud_rule import Rule
from models.fraud_rule_yaml import ReadRules, RuleFault, read_rules
from topics.errors import BadInput, Broken

FOLDER = Path(__file__).parents[1] / "models" / "fraud_rules"
LONGEST = 4 << 20  # bytes of a file


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file: its good rules, each with its line, and what is wrong with it."""

    path: Path
    read: ReadRules

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The good rules."""
        return tuple(rule for _, rule in self.read.rules)

    def told(self, fault: RuleFault) -> str:
        """Say what is wrong, with the place as editors understand it."""
        return f"{self.path}:{fault.line}:{fault.column}: {fault.message}"


def read_rule_file(path: Path) -> RuleFile:
    """Read a file of rules.

    Raises:
        BadInput: it is not there, cannot be read, or is no text.

    """
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise BadInput(f"{path} is longer than {LONGEST:,} bytes: that is no file of rules")
        return RuleFile(path, read_rules(content.decode("utf-8-sig")))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is no UTF-8 text: byte {error.start} is wrong") from error


def built_in_files(folder: Path = FOLDER) -> list[RuleFile]:
    """Read the rules that come with Gamewax, in the order of their files' names.

    Raises:
        Broken: one of them is no good, or two are of the same name.

    """
    files = [read_rule_file(path) for path in sorted(folder.glob("*.yaml"))]
    for file in files:
        for fault in file.read.faults:
            raise Broken(file.told(fault))
    names = [rule.name for file in files for rule in file.rules]
    if twice := {name for name in names if names.count(name) > 1}:
        raise Broken(f"{folder}: rule {min(twice)} stands in two files")
    return files


def built_in(folder: Path = FOLDER) -> tuple[Rule, ...]:
    """Give the rules that come with Gamewax."""
    return tuple(rule for file in built_in_files(folder) for rule in file.rules)


def standing(folder: Path | None) -> tuple[Rule, ...]:
    """Give the rules of an operator's folder, or those that come with Gamewax where there is none.

    Raises:
        BadInput: the folder is not there, or one of its rules is no good.

    """
    if folder is None:
        return built_in()
    if not folder.is_dir():
        raise BadInput(f"GAMEWAX_FRAUD__RULES: {folder} is no folder")
    try:
        return built_in(folder)
    except Broken as fault:
        raise BadInput(f"GAMEWAX_FRAUD__RULES: {fault}") from fault
