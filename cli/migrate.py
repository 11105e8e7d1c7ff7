"""`gamewax migrate`: bring the ClickHouse database to the shape that this version needs."""

from __future__ import annotations

from typing import Annotated

import typer


def migrate(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name what would be applied.")] = False,
) -> None:
    """Create the database with its tables and views; what is there already is left alone."""
    import settings
    from sinks.migrations import migrate as apply_missing
    from sinks.migrations import pending

    loaded = settings.load()
    names = [step.name for step in pending(loaded)] if dry_run else apply_missing(loaded)
    done = "would be applied" if dry_run else "applied"
    where = f"{loaded.clickhouse.database} at {loaded.clickhouse.url}"
    for name in names:
        print(f"{name} {done}")
    print(f"{len(names)} migrations {done} to {where}" if names else f"{where} is up to date")
