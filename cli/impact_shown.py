"""What incidents cost as people and programs read it.

Rules: names came from outside, so they are escaped before they are shown (`cli.harmless`). Money is shown
with two decimals, in JSON with all four.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.harmless import harmless, moment
from cli.impact_hurt import Found, Hurt, Money

WIDE = 150  # columns when nobody says how wide the output is
ID = 8  # characters of an incident's id
SHOWN = 3  # servers that are named
STYLES = {"critical": "bold red", "warning": "yellow"}
ABOUT = ("onset (UTC)", "incident", "server", "what")
FIGURES = ("lasts", "players", "quit", "missing", "at risk an hour")
TIMES = {"onset_ms": "onset", "until_ms": "until", "resolved_ms": "resolved_at"}
LINKS = {
    "region": "players of the whole region: no player event tells a server",
    "nothing": "players unknown: no player event tells a server, no server its region",
}


def show(found: Found, since: str) -> None:
    """Print a table, the newest incidents first."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    if not found.hurt:
        console.print(f"no incident was opened since {harmless(since, 40)} (--since 7d looks further back)")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ABOUT:
        table.add_column(name, no_wrap=name == ABOUT[0])
    for name in FIGURES:
        table.add_column(name, justify="right")
    for of in found.hurt:
        table.add_row(*_cells(of))
    console.print(table)
    for link in sorted({of.linked_by for of in found.hurt} & LINKS.keys()):
        console.print(Text(f"linked by {link}: {LINKS[link]}", "dim"))
    if found.all > len(found.hurt):
        console.print(Text(f"and {found.all - len(found.hurt):,} older ones (--limit)", "dim"))


def show_json(found: Found) -> None:
    """Print all of it, times as RFC 3339."""
    told = [_plain(of) for of in found.hurt]
    print(msgspec.json.format(msgspec.json.encode({"impact": told, "all": found.all}), indent=1).decode())


def _plain(of: Hurt) -> dict[str, object]:
    told: dict[str, object] = msgspec.to_builtins(of)
    for at, name in TIMES.items():
        ms = told.pop(at)
        told[name] = moment(ms) if isinstance(ms, int) else None
    return told


def _cells(of: Hurt) -> tuple[Text, ...]:
    kinds = harmless(", ".join(of.kinds).replace("_", " "), 40)
    silent = f" ({of.players_silent:,} silent)" if of.players_silent else ""
    players = (f"{of.players:,}", f"{of.players_quit:,}{silent}")
    missing = [f"{_money(m.missing_revenue)} of {_money(m.expected_revenue)} {_code(m)}" for m in of.money]
    return (
        Text(moment(of.onset_ms)[:19].replace("T", " ")),
        Text(of.incident_id[:ID]),
        Text(_servers(of)),
        Text(kinds, STYLES.get(of.severity, "")),
        Text(_lasts(of)),
        *map(Text, ("?", "?") if of.linked_by == "nothing" else players),
        Text("\n".join(missing) or "-"),
        Text("\n".join(f"{_money(m.revenue_at_risk)} {_code(m)}" for m in of.money) or "-"),
    )


def _servers(of: Hurt) -> str:
    more = len(of.servers) - SHOWN
    named = ", ".join(harmless(server, 24) for server in of.servers[:SHOWN])
    named += f" and {more:,} more" if more > 0 else ""
    return (
        named if of.linked_by == "server" or not of.region else f"{named} (region {harmless(of.region, 24)})"
    )


def _lasts(of: Hurt) -> str:
    end_ms = of.until_ms if of.resolved_ms is None else of.resolved_ms
    minutes, seconds = divmod((end_ms - of.onset_ms) // 1000, 60)
    told = f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
    return told if of.resolved_ms is not None else f"{told}, open"


def _code(money: Money) -> str:
    return harmless(money.currency, 8)


def _money(amount: str) -> str:
    return f"{Decimal(amount):,.2f}"
