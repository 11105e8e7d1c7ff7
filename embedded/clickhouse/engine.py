"""The one chDB of this process: a fresh handle for every request, with its user's limits set on it.

Rules: a handle costs 0.07 ms and holds all that a request can set (database, settings, parameters), so
nothing leaks from one request to the next; chDB even hands rows of a failed query to the next one on
the same handle. A keeper handle holds the engine open. An INSERT's data is read by the engine from a
file without a name (`spool`). What a reader may do is decided in `readers`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import chdb
from chdb._exceptions import ChdbError
from chdb.state.sqlitelike import Connection

from embedded.clickhouse.compression import Bytes
from embedded.clickhouse.errors import (
    READONLY,
    SYNTAX_ERROR,
    TOO_MANY_SIMULTANEOUS_QUERIES,
    UNKNOWN_EXCEPTION,
    QueryError,
    from_engine,
    refused,
)
from embedded.clickhouse.readers import READER_LIMITS, ReaderRules, check_reader, reader_seconds, rules_of
from embedded.clickhouse.statements import STREAMED, Insert, quoted, result_format
from embedded.clickhouse.users import User

QUERIES_AT_ONCE = 16
WAIT_FOR_TURN_S = 10.0
NOT_STREAMABLE = "Streaming query is not supported"
_open: Callable[[str], Connection] = chdb.connect


@dataclass(frozen=True, slots=True)
class Wanted:
    """Around one query: who asks, where, and what is set for it alone.

    Args:
        user: decides what is allowed.
        database: '' is `default`.
        settings: ClickHouse settings by name.
        parameters: values of `{name:Type}`, in ClickHouse's escaped form.
        default_format: of a result that names none.
        changes_allowed: False for GET and HEAD, as in ClickHouse.

    """

    user: User
    database: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    default_format: str
    changes_allowed: bool


class View(Protocol):
    """A window on the engine's memory."""

    def view(self) -> memoryview: ...  # noqa: D102


class Result(Protocol):
    """A block or a whole result of chDB, which has no types of its own."""

    def bytes(self) -> bytes: ...  # noqa: D102
    def get_memview(self) -> View: ...  # noqa: D102
    def size(self) -> int: ...  # noqa: D102
    def elapsed(self) -> float: ...  # noqa: D102
    def rows_read(self) -> int: ...  # noqa: D102
    def rows_written(self) -> int: ...  # noqa: D102
    def bytes_written(self) -> int: ...  # noqa: D102
    def storage_rows_read(self) -> int: ...  # noqa: D102
    def storage_bytes_read(self) -> int: ...  # noqa: D102


@dataclass(slots=True)
class Summary:
    """What a query read and wrote, as far as it has come; the names are ClickHouse's."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    elapsed_ns: int = 0


@dataclass(slots=True)
class Answer:
    """A result: its format, whether it can have rows, its pieces (taken once), its growing summary."""

    format: str
    has_rows: bool
    pieces: Generator[Bytes, None, None]
    summary: Summary
    kept: Result | None = None


class Engine:
    """Owns a chDB folder.

    Args:
        folder: chDB's own folder; made when absent.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keeper = _open(str(self.folder))
        self.reader_rules = rules_of(self._keeper)
        self._turns = threading.BoundedSemaphore(QUERIES_AT_ONCE)
        self.version = str(self._keeper.query("SELECT version()", "TSVRaw").bytes().decode().strip())

    def close(self) -> None:
        """Wait for running queries (the caller bounds that), then close the folder."""
        for _ in range(QUERIES_AT_ONCE):
            self._turns.acquire()
        self._keeper.close()

    @contextmanager
    def handle(self, wanted: Wanted) -> Iterator[Connection]:
        """Open a handle for one request, everything set; errors inside come out as `QueryError`."""
        if not self._turns.acquire(timeout=WAIT_FOR_TURN_S):
            raise refused(
                TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many simultaneous queries. Maximum: {QUERIES_AT_ONCE}"
            )
        try:
            handle = _open(str(self.folder))
            try:
                _prepare(handle, wanted)
                yield handle
            finally:
                handle.close()
        except QueryError:
            raise
        except (RuntimeError, ChdbError) as error:
            raise from_engine(error) from error
        finally:
            self._turns.release()


def _prepare(handle: Connection, wanted: Wanted) -> None:
    settings = dict(wanted.settings)
    first = {"async_insert": "0"}  # chDB has no queue: every insert is synchronous, and says so
    last = {f"param_{name}": value for name, value in wanted.parameters.items()}
    if wanted.user.reads_only:
        first |= READER_LIMITS | {
            "max_execution_time": reader_seconds(settings.pop("max_execution_time", ""))
        }
        last["readonly"] = "1"
    elif not wanted.changes_allowed:
        last["readonly"] = "2"
    _set(handle, first)
    if wanted.database:
        handle.query(f"USE {_name(wanted.database)}", "TSV")
    if wanted.user.reads_only:
        _set(handle, last)
        _set(handle, settings)  # the engine itself refuses them
    else:
        _set(handle, settings | last)


def _set(handle: Connection, values: Mapping[str, str]) -> None:
    if values:
        handle.query(
            "SET " + ", ".join(f"{_name(name)} = {quoted(value)}" for name, value in values.items()), "TSV"
        )


def _name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def selected(handle: Connection, sql: str, wanted: Wanted, rules: ReaderRules, *, stream: bool) -> Answer:
    """Run one statement that brings no data; a SELECT in a joinable format is streamed.

    The caller closes `pieces`: until then the handle can do nothing else.
    """
    facts = handle._conn.classify_query(sql)  # noqa: SLF001 - chDB's own reading of the statement, not wrapped
    if facts["statement_count"] > 1:
        raise refused(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)")
    if wanted.user.reads_only:
        check_reader(rules, handle, sql, facts["query_class"].name)
    named, joinable = result_format(sql)
    summary, form = Summary(), named or wanted.default_format
    has_rows = facts["query_class"].name == "READ_ONLY"
    if stream and joinable and form.lower() in STREAMED:
        try:
            return Answer(form, has_rows, _streamed(handle, sql, form, summary), summary)
        except ChdbError as error:
            if NOT_STREAMABLE not in str(error):
                raise
    result = handle.query(sql, form)
    _count_result(summary, result)
    return Answer(form, has_rows, _uncopied(result), summary, result)


def _streamed(handle: Connection, sql: str, form: str, summary: Summary) -> Generator[Bytes, None, None]:
    """Fetch the first block now, so that errors come before the answer's first byte; the others lazily."""
    stream = handle.send_query(sql, form)
    first = next(stream, None)

    def pieces() -> Generator[Bytes, None, None]:
        with stream:
            yield from _blocks(chain((first,) if first else (), stream), summary)

    return pieces()


def _uncopied(result: Result) -> Generator[Bytes, None, None]:
    """Give the result in the engine's own memory, which lives as long as the answer keeps the result."""
    yield result.get_memview().view()


def _blocks(results: Iterable[Result], summary: Summary) -> Generator[Bytes, None, None]:
    for result in results:
        _count_result(summary, result)
        yield result.bytes()


def _count_result(summary: Summary, result: Result) -> None:
    summary.result_rows += result.rows_read()
    summary.result_bytes += result.size()
    summary.read_rows = max(summary.read_rows, result.storage_rows_read())
    summary.read_bytes = max(summary.read_bytes, result.storage_bytes_read())
    summary.written_rows += result.rows_written()
    summary.written_bytes += result.bytes_written()
    summary.elapsed_ns = max(summary.elapsed_ns, int(result.elapsed() * 1e9))


def inserted(handle: Connection, insert: Insert, path: str, wanted: Wanted) -> Summary:
    """Insert the data at the path; the counts are the engine's, materialised views included."""
    if wanted.user.reads_only or not wanted.changes_allowed:
        raise refused(READONLY, "Cannot execute query in readonly mode: a reader, or a GET, changes nothing")
    sql = f"{insert.into} FROM INFILE {quoted(path)} {insert.settings} FORMAT {insert.format}"
    done = handle.query(sql, "TSV")
    rows, size = done.rows_written(), done.bytes_written()
    return Summary(rows, size, rows, size, rows, size, int(done.elapsed() * 1e9))


def engine_failed(error: BaseException) -> QueryError:
    """Answer for an exception that nobody foresaw."""
    return refused(UNKNOWN_EXCEPTION, f"{type(error).__name__}: {error}")
