"""The parts of a demo's full-screen view: one for the flows, one for each use case, one for dead letters.

Rules: each draws its part of `Figures` in so many lines, whether there is as much to show or not; nothing
wraps. A wide screen shows more columns, not other ones.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.figures import Figures, Level
from demo.moment import NOTHING, Moment, Pace, amount, count, printable, seconds, shown
from demo.streams import STREAMS
from simulator.plan import TOPICS

FEWEST_TRIES = 10  # of a level before its fail rate says anything
HARD, BUSY = 0.8, 80.0  # fail share, percent of CPU: from here on in red
NOT_STARTED = Pace(0.0, None)
IDENTITY = ("read", "=counted", "+late", "+dead", "+twice", "off")


def part(title: str, *below: RenderableType) -> RenderableType:
    """Put a title on a line above something."""
    return Group(Rule(Text(title, "bold"), align="left", style="dim"), *below)


def columns(*names: str) -> Table:
    """Prepare a table whose first column is a name; names that begin with `<` stand at the left."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, expand=True, header_style="dim")
    for number, name in enumerate(names):
        left = number == 0 or name.startswith("<")
        ratio = 1 if number == 0 else None
        table.add_column(name.lstrip("<"), justify="left" if left else "right", no_wrap=True, ratio=ratio)
    return table


def filled(table: Table, room: int) -> RenderableType:
    """Make a table as high as `room` rows."""
    if not table.row_count:
        return Group(Text("nothing yet", "dim"), *[Text("")] * room)
    for _ in range(room - table.row_count):
        table.add_row()
    return table


def flows(moment: Moment) -> RenderableType:
    """Show for each flow how fast it is, and the accounting identity."""
    table = columns("", "msg/s", "lag", "behind", *IDENTITY)
    for column in table.columns:
        column.ratio = None  # the figures share the room
    for stream in STREAMS:
        progress = moment.figures.flows.get(stream.flow)
        pace = moment.paces.get(stream.flow, NOT_STARTED)
        if progress is None or not progress.books:
            table.add_row(stream.flow, *[Text(NOTHING, "dim")] * 9)
            continue
        book = progress.books[0]
        lag = NOTHING if progress.unsaved is None else count(progress.unsaved)
        kinds = (book.read, book.aggregated, book.late, book.dead, book.duplicates)
        table.add_row(
            stream.flow,
            f"{pace.rate:,.0f}",
            lag,
            seconds(pace.behind_s),
            *map(count, kinds),
            difference(progress.difference),
        )
    return part("Flows: every message accounted for", table)


def difference(messages: int) -> Text:
    """Show what the identity lacks: nothing is good."""
    return Text(f"{messages:+,}", "bold red") if messages else Text("0 ✓", "bold green")


def engagement(figures: Figures, room: int) -> RenderableType:
    """Show how busy levels are, and where players fail: the hardest first."""
    table = columns("level", "ev/min", "fail")
    for level in hardest(figures)[:room]:
        judged = level.tries >= FEWEST_TRIES
        fail = Text(f"{level.fail_share:.0%}" if judged else NOTHING)
        if judged and level.fail_share >= HARD:
            fail.stylize("bold red")
        table.add_row(shown(level.level_id), count(level.lately), fail)
    return part("Stuck players", f"{figures.players:,} in play", filled(table, room))


def hardest(figures: Figures) -> list[Level]:
    """Order levels by how many attempts fail; those with few attempts come last."""
    return sorted(
        figures.levels, key=lambda level: (level.tries >= FEWEST_TRIES, level.fail_share), reverse=True
    )


def sales(figures: Figures, room: int, *, wide: bool) -> RenderableType:
    """Show what is sold most, and what it brings."""
    names = ("item", "sold", "<", "revenue")
    table = columns(*names if wide else (*names[:1], *names[2:]))
    for sale in figures.sales[:room]:
        sold = [count(sale.purchases)] if wide else []
        table.add_row(shown(sale.item_id), *sold, shown(sale.currency)[:3], amount(sale.revenue))
    total = sum(sale.purchases for sale in figures.sales)
    return part("Sales", f"{total:,} purchases", filled(table, room))


def servers(figures: Figures, room: int, *, wide: bool) -> RenderableType:
    """Show the servers that answer slowest, with their load."""
    names = ("server", "cpu", "mem", "p50", "p95", "p99")
    table = columns(*names if wide else (*names[:2], *names[3:]))
    for load in figures.servers[:room]:
        cpu = Text(f"{load.cpu:.0f}%", "bold red" if load.cpu >= BUSY else "")
        memory = [f"{load.memory:.0f}%"] if wide else []
        latencies = (f"{each:.0f}" for each in (load.p50, load.p95, load.p99))
        table.add_row(shown(load.server_id), cpu, *memory, *latencies)
    return part("Servers", said_of_servers(figures), filled(table, room))


def said_of_servers(figures: Figures) -> Text:
    """Say what is wrong with servers, or how many there are."""
    trouble = figures.incidents
    said = Text(f"{len(figures.servers):,} report, latency in ms")
    if trouble.still_open:
        said = Text(printable(trouble.newest), "bold red")
    said.no_wrap, said.overflow = True, "ellipsis"
    return said


def dead_letters(figures: Figures) -> RenderableType:
    """Show how many messages no one could read, by topic, and why."""
    return part("Dead letters", *(letters_of(figures, topic) for topic in TOPICS))


def letters_of(figures: Figures, topic: str) -> Text:
    """Show one topic's dead letters in one line."""
    dead = figures.dead.get(topic)
    number = f"{dead.total() if dead else 0:,}"
    line = Text.assemble(f"{topic:<16}{number:>7}  ", (reasons(figures, topic), "dim"))
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def reasons(figures: Figures, topic: str) -> str:
    """Write the reasons with their counts, most frequent first."""
    dead = figures.dead.get(topic)
    return " · ".join(f"{reason} {letters:,}" for reason, letters in dead.most_common()) if dead else ""
