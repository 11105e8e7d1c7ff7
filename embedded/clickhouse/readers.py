r"""What a reader may do: look at tables, within limits, and nothing else.

Rules: the engine's `readonly=1` refuses writes, changed settings and table functions that leave the
store. It does not refuse, and we do: `INTO OUTFILE`, KILL QUERY and other control statements, the
*function* `file()`, DESCRIBE of a table function (both measured on chDB 26.9: they read any file). Who
may be named is judged on the engine's own syntax tree, because `\x66ile` in backquotes is `file` too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chdb.state.sqlitelike import Connection

from embedded.clickhouse.errors import ACCESS_DENIED, READONLY, SYNTAX_ERROR, refused

READER_SECONDS = 30.0
READER_LIMITS = {
    "max_result_rows": "1000000",
    "result_overflow_mode": "throw",
    "max_memory_usage": str(2 << 30),
    "max_bytes_before_external_group_by": str(1 << 30),
}
STAYS_IN_THE_STORE = (
    *("numbers", "numbers_mt", "zeros", "zeros_mt", "primes", "generate_series", "generateSeries", "values"),
    *("generateRandom", "null", "view", "viewIfPermitted", "viewExplain", "merge", "format", "dictionary"),
    *("mergeTreeIndex", "mergeTreeProjection", "SQLStandardValues"),
)
_OTHER_TABLE_FUNCTIONS = f"SELECT name FROM system.table_functions WHERE name NOT IN {STAYS_IN_THE_STORE}"  # noqa: S608 - constants
_LEAVING_FUNCTIONS = (
    "SELECT name FROM system.functions WHERE name = 'file' OR startsWith(lower(categories), 'ai')"
)
_OWN_FORMAT = re.compile(r"\bFORMAT\s+\w+\s*;?\s*$", re.IGNORECASE)
_TREE = re.compile(r"[A-Z]\w+(?: \(children \d+\))?\n")


@dataclass(frozen=True, slots=True)
class ReaderRules:
    """The engine's functions that a reader may not name.

    Args:
        suspect: found in a statement's text, it must be judged on its tree; not found, it is harmless.
        refused: found in the tree, it is refused.

    """

    suspect: re.Pattern[str]
    refused: re.Pattern[str]


def rules_of(handle: Connection) -> ReaderRules:
    """Ask the engine which of its functions leave the store: what is not known to stay, leaves."""
    tables, plain = (
        "|".join(handle.query(sql, "TSVRaw").bytes().decode().split())
        for sql in (_OTHER_TABLE_FUNCTIONS, _LEAVING_FUNCTIONS)
    )
    return ReaderRules(
        re.compile(rf"\b(?:{tables}|{plain}|apply)\b|\\", re.IGNORECASE),
        re.compile(
            rf"Function (?:{tables})(?=\s)|(?:Function|Identifier) (?:{plain})(?=\s)|ColumnsApplyTransformer",
            re.IGNORECASE,
        ),
    )


def reader_seconds(asked: str) -> str:
    """Give a reader's time limit: what it asked for, but no more than the cap.

    >>> reader_seconds("5"), reader_seconds("0"), reader_seconds("900"), reader_seconds("x")
    ('5.0', '30.0', '30.0', '30.0')
    """
    try:
        seconds = float(asked)
    except ValueError:
        return str(READER_SECONDS)
    return str(min(seconds, READER_SECONDS) if seconds > 0 else READER_SECONDS)


def check_reader(rules: ReaderRules, handle: Connection, sql: str, query_class: str) -> None:
    """Refuse a reader's statement that the engine's `readonly=1` would let through.

    Args:
        rules: of this engine.
        handle: the reader's own, to parse with.
        sql: one statement.
        query_class: chDB's judgement of it: READ_ONLY, MUTATING, MUTATING_GLOBAL, CONTROL, UNKNOWN.

    Raises:
        QueryError: 164 for what is no plain query, 497 for what leaves the store.

    """
    if query_class == "UNKNOWN":
        raise refused(SYNTAX_ERROR, "Syntax error: the statement cannot be parsed")
    if query_class != "READ_ONLY":
        raise refused(READONLY, "Cannot execute query in readonly mode: this user may only read")
    if not rules.suspect.search(sql):
        return
    tree = handle.query(f"EXPLAIN AST {_OWN_FORMAT.sub('', sql)}", "TSVRaw").bytes().decode(errors="replace")
    if not _TREE.match(tree):
        raise refused(ACCESS_DENIED, "Not enough privileges: the statement cannot be judged, put FORMAT last")
    if found := rules.refused.search(tree):
        name = found[0].split(" ")[-1].replace("ColumnsApplyTransformer", "APPLY")
        raise refused(ACCESS_DENIED, f"Not enough privileges: this user may not use {name}")
