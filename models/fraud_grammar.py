"""Grammar: which trees are rules, and what they mean; types are checked here.

Rules:
- Allow-list: a part that is not named here is refused. Features, numbers, texts, True and False; comparisons,
  also chained; `in` and `not in` a literal list; and, or, not; + - * / and unary minus; abs, min, max and
  missing.
- Three types, which never mix: a number is compared, a text is only equal or not, or in a list, a flag
  (yes or no) stands as a condition by itself.
- An error names the place and the feature, and the nearest name where there is none of that name.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import reduce
from math import isfinite

from models.fraud_conditions import Always, Among, Compare, Condition, FlagFeature, Joined, Missing, Not
from models.fraud_kinds import Kind
from models.fraud_syntax import BadExpression, entries, place, written
from models.fraud_terms import (
    Arithmetic,
    Number,
    NumberFeature,
    Size,
    Text,
    TextFeature,
    number_literal,
    text_literal,
)

_SIGNS: dict[type[ast.AST], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_LITERALS: dict[type, str] = {bool: "a flag", int: "a number", float: "a number", str: "a text"}
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Not: "a condition",
    ast.USub: "a number",
    ast.Add: "a number",
    ast.Sub: "a number",
    ast.Mult: "a number",
    ast.Div: "a number",
}
_LANGUAGE = (
    "rules have features, numbers, texts, comparisons, in, and, or, not, + - * /, abs, min, max and missing"
)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one expression's tree; `used` are the features met, in the order written."""

    text: str
    kinds: Mapping[str, Kind]
    used: dict[str, Kind] = field(default_factory=dict)

    def condition(self, node: ast.expr) -> Condition:
        """Read a part that must be true or false."""
        match node:
            case ast.BoolOp():
                parts = tuple(self.condition(part) for part in node.values)
                return Joined(parts, isinstance(node.op, ast.Or))
            case ast.UnaryOp(op=ast.Not()):
                return Not(self.condition(node.operand))
            case ast.Compare():
                return self._chain(node)
            case ast.Constant(value=bool(truth)):
                return Always(truth)
            case ast.Name() if self._feature(node) == "flag":
                return FlagFeature(node.id)
            case ast.Call(func=ast.Name(id="missing")):
                return self._missing(node)
        raise self._bad(node, f"{self._what(node)} is not a condition; compare it with something")

    def number(self, node: ast.expr) -> Number:
        """Read a part that must be a number."""
        match node:
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                return number_literal(self._finite(node))
            case ast.Name() if self._feature(node) == "number":
                return NumberFeature(node.id)
            case ast.UnaryOp(op=ast.USub()):
                return Arithmetic("-", number_literal(0), self.number(node.operand))
            case ast.BinOp() if type(node.op) in _SIGNS:
                return Arithmetic(_SIGNS[type(node.op)], self.number(node.left), self.number(node.right))
            case ast.Call(func=ast.Name(id="abs" | "min" | "max" as name)):
                return self._function(node, name)
        what = self._what(node)
        hint = "; a flag stands by itself, or after not" if "(a flag)" in what else ""
        raise self._bad(node, f"{what} is not a number{hint}")

    def _chain(self, node: ast.Compare) -> Condition:
        """Read `a < b`, or `a < b < c`, which is `a < b and b < c`."""
        sides = [node.left, *node.comparators]
        pairs = tuple(
            self._pair(sign, left, right)
            for sign, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True)
        )
        return pairs[0] if len(pairs) == 1 else Joined(pairs, decided_by=False)

    def _pair(self, sign: ast.cmpop, left: ast.expr, right: ast.expr) -> Condition:
        """Read one comparison."""
        names = (written(left), written(right))
        if isinstance(sign, ast.In | ast.NotIn):
            return self._among(left, right, turned=isinstance(sign, ast.NotIn))
        if type(sign) not in _SIGNS:
            raise self._bad(left, "`is` is not in the language; write == or !=")
        texts = self._is_text(left) + self._is_text(right)
        if not texts:
            return Compare(_SIGNS[type(sign)], self.number(left), self.number(right), names)
        if texts == 1:
            raise self._bad(left, f"{self._what(left)} is compared with {self._what(right)}")
        if not isinstance(sign, ast.Eq | ast.NotEq):
            raise self._bad(
                left, f"{self._what(left)} and {self._what(right)}: texts have only ==, != and in"
            )
        return Compare(_SIGNS[type(sign)], self._text(left), self._text(right), names)

    def _among(self, node: ast.expr, listed: ast.expr, *, turned: bool) -> Condition:
        """Read `x in [1, 2]`: entries of x's type."""
        parts = entries(listed)
        if not parts:
            raise self._bad(listed, "after `in` there must be a list with entries, such as ['DE', 'FR']")
        term = self._text(node) if self._is_text(node) else self.number(node)
        read = [self._entry(part, node) for part in parts]
        return Among(term, frozenset(read), turned, (written(node), written(listed)))

    def _entry(self, entry: ast.expr, node: ast.expr) -> float | str:
        """Read an entry of a list, which is a literal of the type of what is looked for in it."""
        of_text = self._is_text(node)
        match entry:
            case ast.Constant(value=str(text)) if of_text:
                return text
            case ast.Constant(value=int() | float()) if not (of_text or isinstance(entry.value, bool)):
                return self._finite(entry)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as number) if not of_text:
                return -self._entry(number, node)  # type: ignore[operator]
        fits = "texts" if of_text else "numbers"
        raise self._bad(
            entry, f"`{written(entry)}` in a list for {self._what(node)}; it may have {fits} only"
        )

    def _text(self, node: ast.expr) -> Text:
        """Read a part that must be a text."""
        match node:
            case ast.Constant(value=str(text)):
                return text_literal(text)
            case ast.Name() if self._feature(node) == "text":
                return TextFeature(node.id)
        raise self._bad(node, f"{self._what(node)} is not a text")

    def _is_text(self, node: ast.expr) -> bool:
        """Say whether a part is a text by its looks."""
        if isinstance(node, ast.Name):
            return self._feature(node) == "text"
        return isinstance(node, ast.Constant) and isinstance(node.value, str)

    def _function(self, node: ast.Call, name: str) -> Number:
        """Read abs(x), min(x, y, …), max(x, y, …)."""
        if node.keywords or (len(node.args) != 1 if name == "abs" else len(node.args) < 2):  # noqa: PLR2004
            raise self._bad(
                node, "abs takes one number" if name == "abs" else f"{name} takes two numbers or more"
            )
        numbers = [self.number(part) for part in node.args]
        if name == "abs":
            return Size(numbers[0])
        return reduce(lambda left, right: Arithmetic(name, left, right), numbers)

    def _missing(self, node: ast.Call) -> Condition:
        """Read missing(x)."""
        if node.keywords or len(node.args) != 1 or not isinstance(node.args[0], ast.Name):
            raise self._bad(node, "missing takes the name of one feature")
        name = node.args[0]
        return Missing(name.id, self._feature(name))

    def _feature(self, node: ast.Name) -> Kind:
        """Give a feature's type, and note that it is used."""
        kind = self.kinds.get(node.id)
        if kind is None:
            near = get_close_matches(node.id, self.kinds, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise self._bad(node, f"there is no feature '{node.id}'{hint}")
        self.used[node.id] = kind
        return kind

    def _finite(self, node: ast.Constant) -> float:
        """Give a literal number, which must be one that a float can hold."""
        try:
            number = float(node.value)  # type: ignore[arg-type]
        except OverflowError:
            number = float("inf")
        if not isfinite(number):
            raise self._bad(node, "this number is too large")
        return number

    def _what(self, node: ast.expr) -> str:
        """Name a part and its type, for an error."""
        match node:
            case ast.Name():
                return f"'{node.id}' (a {self._feature(node)})"
            case ast.Constant() if type(node.value) in _LITERALS:
                return _LITERALS[type(node.value)]
            case ast.Call(func=ast.Name(id="missing")) | ast.Compare() | ast.BoolOp():
                return "a condition"
            case ast.Call(func=ast.Name(id="abs" | "min" | "max")):
                return "a number"
            case ast.UnaryOp() | ast.BinOp() if type(node.op) in _OPERATORS:
                return _OPERATORS[type(node.op)]
        raise self._bad(node, f"`{written(node)}` is not in the language: {_LANGUAGE}")

    def _bad(self, node: ast.expr, message: str) -> BadExpression:
        """Say what is wrong with a part."""
        return BadExpression(*place(self.text, node), message)
