"""Brings the database to the shape that this version needs: numbered SQL files, each applied once.

Rules: a file is never changed once it is applied (its checksum is remembered in
`schema_migrations`); a change is a new file. ClickHouse has no transactional DDL, so a statement
must do no harm when it runs twice: a file that failed half-way runs again from its beginning.
Statements end with `;` at a line's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.clickhouse_client import Server, check_database_name, connect
from sinks.clickhouse_errors import as_users_read_it
from topics.errors import BadInput

DDL = Path(__file__).parent / "ddl"
LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY name
"""


class HasServer(Protocol):
    """What is needed of `settings.Settings`."""

    @property
    def clickhouse(self) -> Server:
        """Where ClickHouse answers."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    name: str
    checksum: str
    statements: tuple[str, ...]


def migrate(settings: HasServer, folder: Path = DDL) -> list[str]:
    """Create the database, apply what is missing in order, and give the names of what was applied.

    Raises:
        BadInput: ClickHouse is not reachable or refuses us, or an applied file was changed.
        Broken: a statement failed.

    """
    server = settings.clickhouse
    create_database(server)
    client = connect(server, server.database)
    try:
        client.command(LEDGER)
        missing = unapplied(load(folder), applied(client))
        for migration in missing:
            apply(client, migration)
    except ClickHouseError as error:
        raise as_users_read_it(error, server.url, server.user, server.database) from error
    finally:
        client.close()
    return [migration.name for migration in missing]


def pending(settings: HasServer, folder: Path = DDL) -> list[Migration]:
    """Find what `migrate` would apply, and change nothing.

    Raises:
        BadInput: as `migrate`.

    """
    server = settings.clickhouse
    client = connect(server, None)
    try:
        known = applied(client, server.database) if has_ledger(client, server.database) else {}
    except (ClickHouseError, OSError) as error:
        raise as_users_read_it(error, server.url, server.user, server.database) from error
    finally:
        client.close()
    return unapplied(load(folder), known)


def load(folder: Path) -> list[Migration]:
    """Read `NNN_*.sql` in order of their names."""
    return [read(path) for path in sorted(folder.glob("[0-9][0-9][0-9]_*.sql"))]


def read(path: Path) -> Migration:
    """Read one file and cut it into statements."""
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = "\n".join([*lines, ""]).split(";\n")
    statements = tuple(part.strip() for part in parts if part.strip())
    return Migration(path.stem, sha256(text.encode()).hexdigest(), statements)


def unapplied(files: list[Migration], known: dict[str, str]) -> list[Migration]:
    """Give the files that were not applied yet.

    Raises:
        BadInput: a file is not what was applied under its name.

    """
    for migration in files:
        if known.get(migration.name, migration.checksum) != migration.checksum:
            raise BadInput(
                f"sinks/ddl/{migration.name}.sql was changed after it was applied: "
                "restore it and put the change in a new numbered file"
            )
    return [migration for migration in files if migration.name not in known]


def create_database(server: Server) -> None:
    """Create the database if it is missing (without it, no right to create one is needed)."""
    check_database_name(server.database)
    client = connect(server, None)
    try:
        query = "SELECT count() FROM system.databases WHERE name = {database:String}"
        if not count(client, query, server.database):
            client.command(f"CREATE DATABASE IF NOT EXISTS `{server.database}`")
    except ClickHouseError as error:
        raise as_users_read_it(error, server.url, server.user, server.database) from error
    finally:
        client.close()


def has_ledger(client: Client, database: str) -> bool:
    """Tell whether the database was ever migrated."""
    query = (
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'"
    )
    return count(client, query, database) > 0


def count(client: Client, query: str, database: str) -> int:
    """Run a query that counts something of one database."""
    return int(client.query(query, parameters={"database": database}).result_rows[0][0])


def applied(client: Client, database: str | None = None) -> dict[str, str]:
    """Read checksums by name of what was applied."""
    table = f"`{database}`.schema_migrations" if database else "schema_migrations"
    rows = client.query(f"SELECT name, checksum FROM {table} FINAL").result_rows  # noqa: S608 — a checked identifier
    return {str(name): str(checksum) for name, checksum in rows}


def apply(client: Client, migration: Migration) -> None:
    """Run a file's statements one by one and remember it."""
    for statement in migration.statements:
        client.command(statement)
    client.insert(
        "schema_migrations", [[migration.name, migration.checksum]], column_names=["name", "checksum"]
    )
