"""`./gamewax fraud`: alerts as the fraud team works on them, and the model beside the rules."""

from __future__ import annotations

import typer

from cli import fraud_desk, fraud_evaluate, fraud_model

DESK, MODEL = "Alerts: the fraud team's day", "The model beside the rules"

app = typer.Typer(
    help="Purchase fraud: look at alerts and say what they were; train and promote the model.",
    rich_markup_mode="rich",
)
app.command("cases", rich_help_panel=DESK)(fraud_desk.cases)
app.command("show", rich_help_panel=DESK)(fraud_desk.show)
app.command("label", rich_help_panel=DESK)(fraud_desk.label)
app.command("close", rich_help_panel=DESK)(fraud_desk.close)
app.command("reopen", rich_help_panel=DESK)(fraud_desk.reopen)
app.command("assign", rich_help_panel=DESK)(fraud_desk.assign)
app.command("snooze", rich_help_panel=DESK)(fraud_desk.snooze)
app.command("unsnooze", rich_help_panel=DESK)(fraud_desk.unsnooze)
app.command("snoozes", rich_help_panel=DESK)(fraud_desk.list_snoozes)
app.command("rules-quality", rich_help_panel=DESK)(fraud_desk.rules_quality)
app.command("train", rich_help_panel=MODEL)(fraud_model.train)
app.command("evaluate", rich_help_panel=MODEL)(fraud_evaluate.evaluate)
app.command("promote", rich_help_panel=MODEL)(fraud_model.promote)
app.command("rollback", rich_help_panel=MODEL)(fraud_model.rollback)
