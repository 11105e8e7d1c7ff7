"""The little that must be known about a statement before the engine sees it.

Rules: no SQL is understood here beyond where an INSERT's data begins and which format a result has;
all else is the engine's parser. Text is bytes, because what follows an INSERT is data of any format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HEAD_MOST = 1 << 20  # an INSERT whose data does not begin within this many bytes is refused

_TOKEN = re.compile(
    rb"(?P<blank>\s+|--[^\n]*(?:\n|\Z)|\#[!\ ][^\n]*(?:\n|\Z)|/\*.*?\*/)"
    rb"|(?P<quoted>'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\")"
    rb"|(?P<word>[A-Za-z_0-9$]+)"
    rb"|(?P<sign>.)",
    re.DOTALL,
)
_GAP = re.compile(rb"[ \t\f]*\r?\n?")
_LAST_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^']*)?;?\s*$", re.IGNORECASE)
_ANY_FORMAT = re.compile(r"\bFORMAT\s+\w+", re.IGNORECASE)

STREAMED = {
    name.lower() for name in ("Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "TSVRaw")
}  # formats whose blocks can be joined: nothing before the first row or after the last


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose data comes with the request: its clauses, and where the data begins."""

    into: str
    settings: str
    format: str
    data_at: int


@dataclass(frozen=True, slots=True)
class Statement:
    """Anything else; the whole text is the query."""


def recognised(text: bytes, *, whole: bool) -> Insert | Statement | None:
    r"""Tell an INSERT with data from other statements; None: more of the text is needed to tell.

    Args:
        text: what came so far.
        whole: nothing more will come.

    >>> recognised(b"INSERT INTO t (a) FORMAT CSV\n1\n", whole=False)
    Insert(into='INSERT INTO t (a) ', settings='', format='CSV', data_at=29)
    >>> recognised(b"SELECT 1", whole=True)
    Statement()

    """
    words = _outer_words(text, whole=whole)
    first = next(words, None)
    if first is not None and first[0].upper() != b"INSERT":
        return Statement()
    settings_at = None
    for word in words:
        name = word[0].upper()
        if name in (b"SELECT", b"WITH", b"FROM", b"WATCH"):
            return Statement()
        if name == b"SETTINGS":
            settings_at = word.start()
        if name == b"VALUES":
            return _insert(text, (settings_at, word.start()), "Values", word.end())
        if (
            name == b"FORMAT"
            and (form := next(words, None))
            and (data_at := _data_at(text, form, whole=whole))
        ):
            return _insert(text, (settings_at, word.start()), form[0].decode(), data_at)
    return Statement() if whole else None


def _data_at(text: bytes, form: re.Match[bytes], *, whole: bool) -> int | None:
    """Skip blanks and one line end behind the format's name; None: whether they are there is to come."""
    gap = _GAP.match(text, form.end())
    data_at = gap.end() if gap else form.end()
    return data_at if whole or data_at < len(text) else None


def _insert(text: bytes, clauses: tuple[int | None, int], form: str, data_at: int) -> Insert:
    settings_at, end = clauses
    middle = end if settings_at is None else settings_at
    return Insert(text[:middle].decode(), text[middle:end].decode(), form, data_at)


def _outer_words(text: bytes, *, whole: bool) -> Iterator[re.Match[bytes]]:
    """Give the bare words outside of parentheses, except names behind INTO, TABLE, FUNCTION or a dot."""
    depth, names_next = 0, False
    for token in _TOKEN.finditer(text):
        unended = token[0] in (b"'", b'"', b"`") or text.startswith(b"/*", token.start(), token.start() + 2)
        if (token.end() == len(text) and not whole) or (unended and token.lastgroup == "sign"):
            return
        kind, value = token.lastgroup, token[0]
        if kind == "blank":
            continue
        if kind == "sign":
            depth += (value == b"(") - (value == b")")
            names_next = value == b"."
        elif kind == "quoted":
            names_next = False
        elif depth == 0:
            keyword = value.upper() in (b"INTO", b"TABLE", b"FUNCTION")
            if not names_next or keyword:
                yield token
            names_next = keyword


def result_format(sql: str) -> tuple[str, bool]:
    """Give the format that a query names itself ('' when it names none) and whether its blocks can be joined.

    A FORMAT that is not plainly the last clause counts as unknown: such a result is not streamed.

    >>> result_format("SELECT 1 FORMAT Native")
    ('Native', True)
    >>> result_format("SELECT 1 FORMAT JSON SETTINGS max_threads = 1")
    ('JSON', False)

    """
    last = _LAST_FORMAT.search(sql)
    if last:
        return last[1], last[1].lower() in STREAMED
    return "", not _ANY_FORMAT.search(sql)


def quoted(value: str) -> str:
    r"""Write a value as an SQL string literal.

    >>> print(quoted("it's"))
    'it\'s'

    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
