"""`./gamewax servers`: the health of game servers, and what it costs when it is bad."""

from __future__ import annotations

import typer

from cli import servers_evaluate, servers_impact

app = typer.Typer(
    help="Server health: what incidents cost, and how well alarms find what is wrong.",
    rich_markup_mode="rich",
)
app.command("impact")(servers_impact.impact)
app.command("evaluate")(servers_evaluate.evaluate)
