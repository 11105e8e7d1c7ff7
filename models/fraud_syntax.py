"""Syntax: a rule's text as Python's syntax tree, within bounds, and where in the text a part stands.

Rules:
- Nothing is ever run: the text is only parsed, and what is not in the language of rules is refused
  (`models.fraud_grammar`).
- Whatever the text, the answer is one tree or a `BadExpression`, after a bounded number of steps: the text is
  at most 2,000 characters, the tree 200 parts and 20 deep; a list may have 500 entries, which are no parts.
- The text stands in brackets while it is parsed, so that it may run over lines and cannot get out of them.
"""

from __future__ import annotations

import ast
import re

from topics.errors import BadInput

MOST_CHARACTERS, MOST_PARTS, MOST_DEPTH, MOST_ENTRIES = 2_000, 200, 20, 500
_MOST_SHOWN = 60  # characters of a part, in reasons and errors
_LINE_END = re.compile(r"\r\n|\r|\n")


class BadExpression(BadInput):
    """A rule's expression that cannot be used: where in it (both from 1), and what to do.

    >>> str(BadExpression(1, 7, "there is no feature 'prise'; did you mean 'price'?"))
    "line 1, column 7: there is no feature 'prise'; did you mean 'price'?"

    """

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column
        self.message = message


def parse(text: str) -> ast.expr:
    """Give the tree of an expression.

    Raises:
        BadExpression: it is no expression of Python, or out of bounds.

    """
    if len(text) > MOST_CHARACTERS:
        raise BadExpression(1, 1, f"{len(text):,} characters; {MOST_CHARACTERS:,} are the most")
    if not text.strip():
        raise BadExpression(1, 1, "there is no expression; write what must be true of a purchase")
    try:
        tree = ast.parse(f"[{text}\n]", mode="eval").body
    except SyntaxError as error:
        raise _misread(text, error) from None
    except (ValueError, RecursionError, MemoryError):
        raise BadExpression(1, 1, "this cannot be read: a strange character, or too deep") from None
    if not isinstance(tree, ast.List) or len(tree.elts) != 1:
        raise BadExpression(1, 1, "write one expression; its brackets must match, no comma outside of them")
    _within_bounds(text, tree.elts[0])
    return tree.elts[0]


def place(text: str, node: ast.expr) -> tuple[int, int]:
    """Give the line and column, both from 1, at which a part of the tree stands in the text."""
    lines = _LINE_END.split(f"[{text}")
    before = lines[node.lineno - 1].encode()[: node.col_offset].decode(errors="replace")
    return node.lineno, len(before) + (0 if node.lineno == 1 else 1)


def written(node: ast.expr) -> str:
    """Give a part as it is written, cut where it is long."""
    text = ast.unparse(node)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def entries(node: ast.expr) -> list[ast.expr] | None:
    """Give the entries of a literal list or tuple; None: it is neither."""
    return node.elts if isinstance(node, ast.List | ast.Tuple) else None


def _misread(text: str, error: SyntaxError) -> BadExpression:
    """Tell a syntax error in the words of the text without its brackets."""
    lines = _LINE_END.split(text)
    line, column = error.lineno or 1, (error.offset or 1) - (1 if error.lineno == 1 else 0)
    if line > len(lines):
        line, column = len(lines), len(lines[-1]) + 1
    brackets = "']'" in error.msg or "'['" in error.msg
    what = "the brackets do not match" if brackets else error.msg.replace(" or ':='", "")
    what = what.removesuffix(" Perhaps you forgot a comma?")
    return BadExpression(
        line, min(max(column, 1), len(lines[line - 1]) + 1), f"this is no expression: {what}"
    )


def _within_bounds(text: str, root: ast.expr) -> None:
    """Hold a tree against the most parts, depth and entries, without recursion."""
    parts, waiting = 0, [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        parts += 1
        if parts > MOST_PARTS:
            raise BadExpression(*place(text, node), f"too long: {MOST_PARTS} parts are the most")
        if depth > MOST_DEPTH:
            raise BadExpression(*place(text, node), f"too deep: {MOST_DEPTH} levels are the most")
        listed = entries(node)
        if listed is None:
            below = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
            waiting.extend((child, depth + 1) for child in below)
        elif len(listed) > MOST_ENTRIES:
            raise BadExpression(*place(text, node), f"{MOST_ENTRIES} entries are the most in a list")
