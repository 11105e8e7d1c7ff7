"""Fraud in a demo's view: alerts by rule, what the receiver got, and the newest alert in words.

Rules: two lines under a title, whether there is anything yet or not; names come from events and are harmless.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.figures import Alerts, Suspect, Tally
from demo.moment import Moment, count, printable, shown


def fraud(moment: Moment) -> RenderableType:
    """Draw the panel."""
    alerts = moment.figures.alerts
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(justify="right", no_wrap=True)
    row.add_row(rules(alerts), webhooks(moment.webhooks))
    newest = Text("nothing yet", "dim")
    if alerts.newest:
        newest = Text.assemble(("newest ", "dim"), suspect(alerts.newest))
    newest.no_wrap, newest.overflow = True, "ellipsis"
    return Group(Rule(Text("Fraud", "bold"), align="left", style="dim"), row, newest)


def rules(alerts: Alerts) -> Text:
    """Say how many alerts there are, and of which rules most."""
    return Text.assemble(f"{count(alerts.total)} alerts  ", (by_rule(alerts.by_rule), "dim"))


def by_rule(alerts: Mapping[str, int]) -> str:
    """Write counts by rule, in their order.

    >>> by_rule({"card_testing": 1_200, "ring": 3})
    'card_testing 1,200 · ring 3'

    """
    return " · ".join(f"{printable(rule)} {count(number)}" for rule, number in alerts.items())


def webhooks(tally: Tally) -> Text:
    """Say what came to the receiver."""
    said = f"  {count(tally.received)} webhooks, {count(tally.verified)} verified"
    if tally.wrong:
        return Text(f"{said} ✗", "bold red")
    return Text.assemble(said, (" ✓", "bold green") if tally.received else "")


def suspect(alert: Suspect) -> str:
    r"""Write an alert in words.

    >>> suspect(Suspect("p\x1b1", "card_testing", "block", ("player_purchases_1m 9 (limit 8)",)))
    'p·1 card_testing block: player_purchases_1m 9 (limit 8)'

    """
    why = printable(", ".join(alert.reasons))
    return f"{shown(alert.player_id)} {printable(alert.rule_id)} {shown(alert.decision)}: {why}"
