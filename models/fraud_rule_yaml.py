"""Rules as people write them: YAML with the fields of the topic `fraud-rules`, one rule or a list of them.

Rules:
- The text is only parsed: no tag makes an object, nothing is expanded. What is wrong comes back as faults
  with line and column (from 1), all that can be found at once; never as an exception.
- A field that no rule has, or that stands twice, is a fault: a misspelt `shadow` must not go live.
- A fault within the expression is placed in the file, whichever way YAML wraps the text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from models.fraud_expression import BadExpression
from models.fraud_rule import BadRule, Rule
from models.fraud_rule_text import FIELDS, rule_of

LONGEST = 1 << 20  # characters of a file
TAG = "tag:yaml.org,2002:"
WHOLE_TEXT, NUMBERS = {f"{TAG}timestamp"}, {f"{TAG}int", f"{TAG}float"}
LITERALS = NUMBERS | {f"{TAG}bool", f"{TAG}null"}


@dataclass(frozen=True, slots=True, order=True)
class RuleFault:
    """What is wrong at a place of a text; line and column are from 1."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class ReadRules:
    """What a text holds: its good rules, each with its line, and its faults in order."""

    rules: tuple[tuple[int, Rule], ...]
    faults: tuple[RuleFault, ...]


class RuleText:
    """One text of rules."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rules: list[tuple[int, Rule]] = []
        self._faults: list[RuleFault] = []

    def read(self) -> ReadRules:
        """Read all of it."""
        root = self._compose()
        if isinstance(root, SequenceNode):
            for node in root.value:
                self._read_rule(node)
        elif root is not None:
            self._read_rule(root)
        elif not self._faults:
            self._faults.append(RuleFault(1, 1, "there is no rule"))
        self._refuse_twice()
        return ReadRules(tuple(self._rules), tuple(sorted(self._faults)))

    def _compose(self) -> Node | None:
        if len(self._text) > LONGEST:
            self._faults.append(RuleFault(1, 1, f"{len(self._text):,} characters; {LONGEST:,} are the most"))
            return None
        try:
            return yaml.compose(self._text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self._faults.append(RuleFault(line, column, f"this is no YAML: {error.problem or error.context}"))
        except yaml.YAMLError:
            self._faults.append(RuleFault(1, 1, "this is no YAML: it has a character that no text has"))
        except RecursionError:
            self._faults.append(RuleFault(1, 1, "this is no rule: it is nested too deep"))
        return None

    def _read_rule(self, node: Node) -> None:
        """Read a rule, or note what is wrong with it."""
        if not isinstance(node, MappingNode):
            self._fault(node, "a rule is fields with values, such as `id: card_testing`")
            return
        before = len(self._faults)
        found = dict(self._fields(node))
        try:
            rule = rule_of(json.dumps({name: _plain(of) for name, of in found.items()}).encode())
        except BadExpression as error:
            line, column = _place(self._text, found["when"], error)
            self._faults.append(RuleFault(line, column, f"when: {error.message}"))
        except BadRule as error:
            self._fault(found.get(error.field, node), str(error))
        else:
            if before == len(self._faults):
                self._rules.append((node.start_mark.line + 1, rule))

    def _fields(self, node: MappingNode) -> Iterator[tuple[str, Node]]:
        """Give the fields that a rule has, each once."""
        seen = set[str]()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else "?"
            if name not in FIELDS.at:
                near = get_close_matches(name, FIELDS.at, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(FIELDS.at)}"
                self._fault(key, f"a rule has no field {name!r}; {hint}")
            elif name in seen:
                self._fault(key, f"{name} stands twice")
            else:
                seen.add(name)
                yield name, value

    def _refuse_twice(self) -> None:
        """Refuse two rules of the same name."""
        lines: dict[str, int] = {}
        for line, rule in self._rules:
            if rule.name in lines:
                self._faults.append(
                    RuleFault(line, 1, f"rule {rule.name} stands here and in line {lines[rule.name]}")
                )
            lines.setdefault(rule.name, line)

    def _fault(self, node: Node, message: str) -> None:
        self._faults.append(RuleFault(node.start_mark.line + 1, node.start_mark.column + 1, message))


def read_rules(text: str) -> ReadRules:
    r"""Read the rules of a YAML text.

    >>> read_rules("id: odd\nversion: 1\nwhen: prise > 3\ndecision: block\n").faults
    (RuleFault(line=3, column=7, message="when: there is no feature 'prise'; did you mean 'price'?"),)

    """
    return RuleText(text).read()


def _plain(node: Node) -> object:
    """Give a value as JSON has it; what is no plain value is a list, which no field takes."""
    if not isinstance(node, ScalarNode):
        return []
    if node.tag not in LITERALS:
        return node.value if node.tag in WHOLE_TEXT | {f"{TAG}str"} else []
    try:
        value: object = yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value
    return node.value if isinstance(value, float) and not math.isfinite(value) else value


def _place(text: str, node: Node, error: BadExpression) -> tuple[int, int]:
    """Find a place of an expression in the file: the same letter, whatever blanks YAML has folded.

    Where quotes or escapes stand for other letters, it is the place where the expression begins.
    """
    first = node.start_mark.line + 1, node.start_mark.column + 1
    if not isinstance(node, ScalarNode):
        return first
    lines = str(node.value).split("\n")
    before = _letters("".join([*lines[: error.line - 1], lines[error.line - 1][: error.column - 1]]))
    begin = node.start_mark.index + (1 if node.style else 0)
    if node.style in {"|", ">"}:
        begin = text.index("\n", begin)
    places = [at for at in range(begin, node.end_mark.index) if not text[at].isspace()]
    if not places or not "".join(text[at] for at in places).startswith(before):
        return first
    ends = before == _letters(str(node.value))
    at = places[len(before) - 1] + 1 if ends else places[len(before)]
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _letters(text: str) -> str:
    return "".join(text.split())
