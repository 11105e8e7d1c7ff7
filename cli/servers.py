"""`./gamewax servers`: the health of game servers."""

from __future__ import annotations

import typer

from cli import servers_evaluate

app = typer.Typer(help="Server health: how well alarms find what is wrong.", rich_markup_mode="rich")


@app.callback()
def servers() -> None:
    """Server health: how well alarms find what is wrong."""


app.command("evaluate")(servers_evaluate.evaluate)
