"""`gamewax slos`: what is promised of game servers, how much may still go wrong, what wakes somebody."""

from __future__ import annotations

from typing import Annotated

import typer

HELP = """Say what good service is, and be woken only when it is at stake.

An objective is a few lines of YAML in grafana/slos:

  id: server_latency

  objective: 99                  (percent, in any 30 days; the other 1 % is the error budget)

  indicator: {kind: latency, below: 150}       (or: kind: availability)

Alerts fire when the budget burns too fast: 14.4x over an hour or 6x over six (pages), 1x over three days (a
ticket). How all of it is computed: docs/slos.md
"""

app = typer.Typer(help=HELP, rich_markup_mode="rich")


@app.command()
def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]…", help="Objectives; those of grafana/slos if none is named."),
    ] = None,
) -> int:
    """Check objectives: each fault with file and line; and that what is built from them is up to date.

    Needs no services. Exit code 2: an objective is wrong; 1: something is not as `build` would write it.
    """
    from cli.slos_built import check_files, check_own

    return check_files(files) if files else check_own()


@app.command()
def build() -> None:
    """Write what follows from the objectives: alert rules, dashboard, runbooks. The same bytes each time.

    Grafana reads them when it starts. Runbooks of objectives that are gone are removed.
    """
    from cli.slos_built import build_own

    build_own()


@app.command()
def show(*, as_json: Annotated[bool, typer.Option("--json", help="Write it as JSON.")] = False) -> None:
    """Show burn rates, budgets left and which alerts fire, as Grafana would see them now.

    Asks ClickHouse, as the reader where one is set. Numbers end with the newest complete minute.
    """
    from cli.slos_now import show_now

    show_now(as_json=as_json)
