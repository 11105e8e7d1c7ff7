r"""What a reader may do: look at tables, within limits, and nothing else.

Rules: the engine's `readonly=1` refuses writes, changed settings and table functions that leave the
store. It does not refuse, and we do: `INTO OUTFILE`, KILL QUERY and other control statements, the
*function* `file()`, DESCRIBE of a table function (both measured on chDB 26.9: they read any file). Who
may be named is judged on the engine's own syntax tree, because `\x66ile` in backquotes is `file` too.
"""

from __future__ import annotations

import re

from chdb.state.sqlitelike import Connection

from embedded.clickhouse.errors import ACCESS_DENIED, READONLY, SYNTAX_ERROR, refused

READER_SECONDS = 30.0
READER_LIMITS = {
    "max_result_rows": "1000000",
    "result_overflow_mode": "throw",
    "max_memory_usage": str(2 << 30),
    "max_bytes_before_external_group_by": str(1 << 30),
}
LEAVES_THE_STORE = (
    *(
        "file",
        "fileCluster",
        "url",
        "urlCluster",
        "s3",
        "s3Cluster",
        "gcs",
        "oss",
        "cosn",
        "hdfs",
        "hdfsCluster",
    ),
    *(
        "azureBlobStorage",
        "azureBlobStorageCluster",
        "remote",
        "remoteSecure",
        "cluster",
        "clusterAllReplicas",
    ),
    *("mysql", "postgresql", "mongodb", "redis", "sqlite", "odbc", "jdbc", "executable", "Python", "input"),
    *("iceberg", "icebergLocal", "icebergS3", "icebergAzure", "icebergHDFS", "icebergCluster", "paimon"),
    *(
        "deltaLake",
        "deltaLakeLocal",
        "deltaLakeS3",
        "deltaLakeAzure",
        "hudi",
        "hive",
        "ytsaurus",
        "arrowFlight",
    ),
)
_NAMES = "|".join(LEAVES_THE_STORE)
_SUSPECT = re.compile(rf"{_NAMES}|\\|\bapply\b", re.IGNORECASE)
_REFUSED = re.compile(rf"Function (?:{_NAMES})(?=\s|$)|ColumnsApplyTransformer", re.IGNORECASE | re.MULTILINE)
_OWN_FORMAT = re.compile(r"\bFORMAT\s+\w+\s*;?\s*$", re.IGNORECASE)
_TREE = re.compile(r"[A-Z]\w+(?: \(children \d+\))?\n")


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


def check_reader(handle: Connection, sql: str, query_class: str) -> None:
    """Refuse a reader's statement that the engine's `readonly=1` would let through.

    Args:
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
    if not _SUSPECT.search(sql):
        return
    tree = handle.query(f"EXPLAIN AST {_OWN_FORMAT.sub('', sql)}", "TSVRaw").bytes().decode(errors="replace")
    if not _TREE.match(tree):
        raise refused(ACCESS_DENIED, "Not enough privileges: the statement cannot be judged, put FORMAT last")
    if found := _REFUSED.search(tree):
        name = found[0].removeprefix("Function ").replace("ColumnsApplyTransformer", "APPLY")
        raise refused(ACCESS_DENIED, f"Not enough privileges: this user may not use {name}")
