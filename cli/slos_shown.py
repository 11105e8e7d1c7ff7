"""Objectives as people read them.

Rules: names of games come from events, so they are escaped (`cli.harmless`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.harmless import harmless, now_ms
from cli.slos_standing import Burning, Firing, Now, Standing
from grafana.slo import BURNS, PAGE, Burn, Slo, span

WIDE = 140  # columns when nobody says how wide the output is
LITTLE = 0.25  # of the budget
STALE_S = 300


def print_now(now: Now, slos: Sequence[Slo]) -> None:
    """Print how everything stands."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    console.print(_ends(now.complete_until), soft_wrap=True)
    if now.objectives:
        console.print(_table(now.objectives, {slo.id: slo for slo in slos}))
    else:
        console.print("no samples of servers in any objective's time")
    for of in now.firing:
        console.print(_fires(of), soft_wrap=True)
    if not now.firing:
        console.print(Text("no alert fires", "green"))


def _ends(until: datetime | None) -> Text:
    if until is None:
        return Text("No minute of server_health is complete yet: run the flow server_health.", "yellow")
    age_s = now_ms() / 1000 - until.timestamp()
    told = f"Complete until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {age_s:,.0f} s ago"
    return Text(told, "yellow" if age_s > STALE_S else "dim")


def _table(standings: Sequence[Standing], slos: dict[str, Slo]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("objective", "game"):
        table.add_column(name, overflow="fold")
    for name in ("promised", "budget left", *(_windows(burn) for burn in BURNS)):
        table.add_column(name, justify="right", no_wrap=True)
    for of in standings:
        slo = slos[of.slo]
        left = Text(f"{of.budget_left:.1%} of {slo.window_days}d", _colour(of.budget_left))
        rates = [_rates(each, burn) for each, burn in zip(of.burns, BURNS, strict=True)]
        table.add_row(of.slo, Text(harmless(of.game_id, 30) or "-"), f"{slo.objective:g} %", left, *rates)
    return table


def _windows(burn: Burn) -> str:
    return f"{span(burn.long_s)} / {span(burn.short_s)} (>{burn.rate}x {burn.severity})"


def _rates(of: Burning, burn: Burn) -> Text:
    colour = "" if not of.fires else "bold red" if burn.severity == PAGE else "yellow"
    return Text(f"{of.long_rate:.2f}x / {of.short_rate:.2f}x", colour)


def _colour(left: float) -> str:
    return "bold red" if left <= 0 else "yellow" if left < LITTLE else "green"


def _fires(of: Firing) -> Text:
    game = f" in {harmless(of.game_id, 30)}" if of.game_id else ""
    told = f"{of.severity}: {of.alert}{game}: docs/runbooks/{of.alert}.md"
    return Text(told, "bold red" if of.severity == PAGE else "yellow")
