"""The fraud team's desk: ClickHouse as its commands read and write it, and who sits there."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import polars as pl
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

import settings
from cli.letters_wanted import AGO, UNITS
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sinks.clickhouse_insert import block, insert
from topics.errors import BadInput
from windows.rows import Rows

TIME = pl.Datetime("ms", "UTC")
Asked = Sequence[Sequence[object]]
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Desk:
    """A connection; a server's error becomes one line."""

    at: settings.Settings
    client: Client

    def ask(self, query: str, values: Mapping[str, object] | None = None) -> Asked:
        """Give the rows of a query; values go beside it, as parameters."""
        try:
            return self.client.query(query, parameters=dict(values or {})).result_rows
        except (ClickHouseError, OSError) as error:
            raise self._told(error) from error

    def put(self, table: str, row: Row) -> None:
        """Write one row, whose names end with `_ms` where they are times; its version is its time."""
        times = {name.removesuffix("_ms"): [row[name]] for name in row if name.endswith("_ms")}
        plain = {name: [value] for name, value in row.items() if not name.endswith("_ms")}
        frame = pl.DataFrame(plain, schema_overrides={"purchases": pl.UInt32, "version": pl.UInt64})
        frame = frame.with_columns(pl.Series(name, ms, pl.Int64).cast(TIME) for name, ms in times.items())
        try:
            insert(self.client, block(Rows(f"{table}_upserts", frame)))
        except (ClickHouseError, OSError) as error:
            raise self._told(error) from error

    def _told(self, error: ClickHouseError | OSError) -> Exception:
        server = self.at.clickhouse
        return as_users_read_it(error, server.url, server.user, server.database)


@contextmanager
def desk() -> Iterator[Desk]:
    """Open the desk by the settings.

    Raises:
        BadInput: ClickHouse does not answer.

    """
    at = settings.load()
    with closing(connect(at.clickhouse, at.clickhouse.database)) as client:
        yield Desk(at, client)


def who(by: str) -> str:
    """Say who does it: as told, else the user of this machine; '' for one without a name."""
    if by:
        return by
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def span_ms(option: str, text: str) -> int:
    """Read a span of time like 30m, 8h, 1d, 2w.

    Raises:
        BadInput: it is none.

    """
    found = AGO.fullmatch(text)
    if found is None or not int(found[1]):
        raise BadInput(f"{option} must be a span like 30m, 8h, 1d or 2w, not {text!r}")
    return int(timedelta(**{UNITS[found[2]]: int(found[1])}) / timedelta(milliseconds=1))
