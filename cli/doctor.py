"""`gamewax doctor`: one page that says how everything here is, and what to do about what is not well.

In: the settings, this machine, Kafka, ClickHouse and the folders. Out: a line for each thing looked
at, ok, warn or bad; the last line sums up. Exit code 0 when nothing is bad, else 2. Rules: it never
hangs and never breaks when services are away; no secret is ever printed; it changes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.services import folder_of
from topics.errors import BadInput

if TYPE_CHECKING:
    import settings
    from cli.doctor_lines import Check, Line

ALL_WITHIN_S = 20.0
COLOURS = {"ok": typer.colors.GREEN, "warn": typer.colors.YELLOW, "bad": typer.colors.RED}
Page = Mapping[str, list["Line"]]


def doctor(
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Folder of local services \\[default: your data folder]."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object.")] = False,
) -> int:
    """Look at everything that Gamewax needs, and say what to do about what is not well.

    Python and packages, machine, settings (secrets hidden), Kafka, ClickHouse, folders. Changes nothing.
    """
    page = examine(folder_of(data))
    bad = [line for lines in page.values() for line in lines if line.mark == "bad"]
    if as_json:
        found = {group: [asdict(line) for line in lines] for group, lines in page.items()}
        typer.echo(json.dumps({"ok": not bad, "found": found}, indent=2))
    else:
        show(page)
    return BadInput.exit_code if bad else 0


def examine(data: Path) -> Page:
    """Make every check, all at the same time; gives the lines by group, in the page's order."""
    from cli.doctor_lines import Running, without
    from cli.doctor_settings import secrets_of

    loaded, checks = plan(data)
    secrets = set(secrets_of(loaded)) if loaded else set()
    running = {group: Running(group, check) for group, check in checks.items()}
    give_up_at = time.monotonic() + ALL_WITHIN_S
    return {
        group: [without(secrets, line) for line in check.lines(give_up_at - time.monotonic())]
        for group, check in running.items()
    }


def plan(data: Path) -> tuple[settings.Settings | None, dict[str, Check]]:
    """Give the checks by group; without usable settings only those that need none."""
    import settings
    from cli import doctor_clickhouse, doctor_folders, doctor_kafka, doctor_machine, doctor_settings
    from cli.doctor_lines import bad
    from embedded.process import ROOT

    checks: dict[str, Check] = {
        "machine": partial(doctor_machine.look_at_machine, ROOT / "requirements.lock", data)
    }
    try:
        at = settings.load()
    except BadInput as error:
        wrong = bad("settings", str(error), "correct it; all settings: docs/reference.md")
        return None, {**checks, "settings": lambda: [wrong]}
    checks["kafka"] = partial(doctor_kafka.look_at_kafka, at)
    checks["clickhouse"] = partial(doctor_clickhouse.look_at_clickhouse, at)
    checks["local services"] = partial(doctor_folders.look_at_services, data, at)
    checks["recovery"] = partial(doctor_folders.look_at_recovery, at)
    checks["settings"] = partial(doctor_settings.look_at_settings, at, settings.given())
    return at, checks


def show(page: Page) -> None:
    """Print the page and the line that sums it up."""
    for group, lines in page.items():
        typer.secho(group, bold=True)
        wide = max((len(line.subject) for line in lines), default=0)
        for line in lines:
            mark = typer.style(f"{line.mark:<4}", fg=COLOURS[line.mark])
            typer.echo(f"  {mark}  {line.subject:<{wide}}  {line.text}")
            if line.help:
                typer.echo(f"{'':>{wide + 10}}-> {line.help}")
    typer.echo(summary([line for lines in page.values() for line in lines]))


def summary(lines: Iterable[Line]) -> str:
    """Sum up in one line: OK or BAD, with the names of what is not well."""
    by_mark: dict[str, list[str]] = {"ok": [], "warn": [], "bad": []}
    for line in lines:
        by_mark[line.mark].append(line.subject)
    warnings = f"; warnings: {', '.join(by_mark['warn'])}" if by_mark["warn"] else ""
    if by_mark["bad"]:
        return f"BAD {len(by_mark['bad'])}: {', '.join(by_mark['bad'])}{warnings}"
    return f"OK {len(by_mark['ok'])} things are well{warnings}"
