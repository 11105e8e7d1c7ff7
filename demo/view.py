"""How a demo looks on a terminal: flows on top, use cases side by side, fraud and dead letters below.

Rules: draws a `Moment`, asks nobody. It fits 80 columns and 24 lines; more lines show more rows, more columns
more figures.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from demo.fraud_panel import fraud
from demo.moment import Moment, clock
from demo.panels import dead_letters, engagement, flows, sales, servers

FIXED_LINES = 18  # all but the rows of the use cases
FEWEST_ROWS, MOST_ROWS = 3, 20
WIDE = 96  # columns


def screen(moment: Moment, columns: int, lines: int) -> RenderableType:
    """Draw the whole view for a terminal of this size."""
    room = max(FEWEST_ROWS, min(MOST_ROWS, lines - FIXED_LINES))
    wide = columns >= WIDE
    cases = Table.grid(expand=True, padding=(0, 2, 0, 0), pad_edge=False)
    for share in (22, 28, 27):
        cases.add_column(ratio=share)
    cases.add_row(
        engagement(moment.figures, room),
        sales(moment.figures, room, wide=wide),
        servers(moment.figures, room, wide=wide),
    )
    return Group(head(moment), flows(moment), cases, fraud(moment), dead_letters(moment.figures))


def head(moment: Moment) -> RenderableType:
    """Say what the demo does now, how much comes in, and for how long."""
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(justify="right", no_wrap=True)
    said = f"{moment.in_rate:,.0f} msg/s into Kafka, {moment.in_kafka:,} so far"
    doing = "waiting for the last messages" if moment.ended else said
    state = Text(moment.trouble, "bold red") if moment.trouble else Text(doing)
    of = f" of {clock(moment.limit_s)}" if moment.limit_s else ""
    row.add_row(
        Text.assemble(("Gamewax demo  ", "bold cyan"), state),
        Text.assemble((f" {clock(moment.traffic_s)}{of}", "bold"), ("  Ctrl-C ends it", "dim")),
    )
    return row
