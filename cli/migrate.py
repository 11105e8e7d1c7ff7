"""`gamewax migrate`: bring the ClickHouse database to the shape that this version needs."""

from __future__ import annotations

from typing import Annotated

import typer

import settings
from sinks.migrations import migrate as apply_missing
from sinks.migrations import pending


def migrate(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name what would be applied.")] = False,
) -> None:
    """Create the database and its tables and views; applies what is missing, changes nothing else."""
    loaded = settings.load()
    if dry_run:
        names = [migration.name for migration in pending(loaded)]
        done = "would be applied"
    else:
        names = apply_missing(loaded)
        done = "applied"
    for name in names:
        print(f"{name} {done}")
    where = f"{loaded.clickhouse.database} at {loaded.clickhouse.url}"
    print(f"{len(names)} migrations {done} to {where}" if names else f"{where} is up to date")
