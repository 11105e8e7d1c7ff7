"""`./gamewax fraud`: the model that scores purchases beside the rules."""

from __future__ import annotations

import typer

from cli import fraud_evaluate, fraud_model

app = typer.Typer(
    help="Purchase fraud: train, evaluate and promote the model beside the rules.", rich_markup_mode="rich"
)
app.command("train")(fraud_model.train)
app.command("evaluate")(fraud_evaluate.evaluate)
app.command("promote")(fraud_model.promote)
app.command("rollback")(fraud_model.rollback)
