"""How a demo looks: a full-screen view for terminals, one line for everything else.

Rules: draws a `Moment`, asks nobody. It fits 80 columns and 24 lines; more lines show more levels.
Names come from events, so control characters in them are shown, never sent to the terminal.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.figures import Figures, Level
from demo.verdict import Compared

FIXED_LINES = 17  # all but the lines of the levels; the dead letters take two
FEWEST_LEVELS, MOST_LEVELS = 3, 12
FEWEST_TRIES = 10  # of a level before its fail rate says anything
NOTHING = "-"
IDENTITY = (
    ("read", attrgetter("read")),
    ("= aggregated", attrgetter("aggregated")),
    ("+ too late", attrgetter("late")),
    ("+ dead letters", attrgetter("dead")),
    ("+ duplicates", attrgetter("duplicates")),
    ("difference", attrgetter("difference")),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """All that is shown at once; rates are messages a second, None is not known yet."""

    doing: str
    traffic_s: float
    limit_s: float | None
    in_kafka: int
    in_rate: float
    out_rate: float
    watermark_age_s: float | None
    figures: Figures
    trouble: str = ""


def screen(moment: Moment, lines: int) -> RenderableType:
    """Draw the whole view for a terminal of so many lines."""
    room = max(FEWEST_LEVELS, min(MOST_LEVELS, lines - FIXED_LINES))
    above = Table.grid(expand=True)
    above.add_column(ratio=1)
    above.add_column(ratio=1)
    above.add_row(
        Panel(traffic(moment), title="Traffic", title_align="left"),
        Panel(books(moment.figures), title="Every message accounted for", title_align="left"),
    )
    below = Table.grid(expand=True)
    below.add_column(ratio=1)
    below.add_column(ratio=1)
    below.add_row(
        Panel(busiest(moment.figures, room), title="Busiest levels, last minute", title_align="left"),
        Panel(hardest(moment.figures, room), title="Highest fail rates", title_align="left"),
    )
    dead = Panel(dead_letters(moment.figures), title="Dead letters by reason", title_align="left", height=4)
    return Group(head(moment), above, below, dead)


def head(moment: Moment) -> RenderableType:
    """Say what the demo does now, and for how long."""
    row = Table.grid(expand=True)
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(justify="right", no_wrap=True)
    state = Text(moment.trouble, "bold red") if moment.trouble else Text(moment.doing)
    of = f" of {clock(moment.limit_s)}" if moment.limit_s else ""
    row.add_row(
        Text.assemble((" Gamewax demo  ", "bold cyan"), state),
        Text.assemble((f"{clock(moment.traffic_s)}{of}", "bold"), ("  Ctrl-C ends it ", "dim")),
    )
    return row


def traffic(moment: Moment) -> RenderableType:
    """Show how fast messages come in, how fast they come out, and what lies between."""
    rows = columns("dim", "", "dim", gap=1)
    unsaved, age = moment.figures.unsaved, moment.watermark_age_s
    rows.add_row("in", f"{moment.in_rate:,.0f}", "msg/s into Kafka")
    rows.add_row("out", f"{moment.out_rate:,.0f}", "msg/s in tables")
    rows.add_row("sent", f"{moment.in_kafka:,}", "messages")
    rows.add_row("lag", NOTHING if unsaved is None else f"{unsaved:,}", f"messages{behind(moment)}")
    rows.add_row(
        "watermark", *((NOTHING, "not known yet") if age is None else (f"{age:,.1f}", "s behind now"))
    )
    rows.add_row("events", f"{moment.figures.counted:,}", "in windows")
    rows.add_row("", "", "")  # as high as its neighbour
    return rows


def columns(*styles: str, gap: int) -> Table:
    """Prepare a table without lines: a name, figures to the right, a unit; nothing wraps."""
    table = Table.grid(padding=(0, gap))
    for number, style in enumerate(styles):
        table.add_column(style=style, justify="right" if style == "" and number else "left", no_wrap=True)
    return table


def behind(moment: Moment) -> str:
    """Say how long the lag is in seconds of traffic."""
    if moment.figures.unsaved is None or moment.in_rate < 1:
        return ""
    return f" ({moment.figures.unsaved / moment.in_rate:,.1f} s)"


def books(figures: Figures) -> RenderableType:
    """Show the accounting identity for each window size."""
    if not figures.books:
        return Text("comes with the flow's first snapshot" + "\n" * (len(IDENTITY)), "dim")
    rows = columns("dim", *("" for _ in figures.books), gap=1)
    rows.add_row("windows of", *[f"{book.window_s} s" for book in figures.books])
    for name, count in IDENTITY[:-1]:
        rows.add_row(name, *[f"{count(book):,}" for book in figures.books])
    rows.add_row("difference", *[difference(book.difference) for book in figures.books])
    return rows


def difference(count: int) -> Text:
    """Show what the identity lacks: nothing is good."""
    return Text(f"{count:+,}", "bold red") if count else Text("0 ✓", "bold green")


def busiest(figures: Figures, room: int) -> RenderableType:
    """Show the levels with most events of the last minute."""
    return levels([(level, f"{level.lately:,}", "events") for level in by_events(figures)[:room]], room)


def by_events(figures: Figures) -> list[Level]:
    """Order the levels that were played in the last minute, busiest first."""
    played = [level for level in figures.levels if level.lately]
    return sorted(played, key=lambda level: -level.lately)


def hardest(figures: Figures, room: int) -> RenderableType:
    """Show the levels at which most attempts fail."""
    top = by_fail_share(figures)[:room]
    return levels([(level, f"{level.fail_share:.0%}", f"of {level.tries:,} tries") for level in top], room)


def by_fail_share(figures: Figures) -> list[Level]:
    """Order the levels with enough attempts, hardest first."""
    judged = [level for level in figures.levels if level.tries >= FEWEST_TRIES]
    return sorted(judged, key=lambda level: -level.fail_share)


def levels(rows: list[tuple[Level, str, str]], room: int) -> RenderableType:
    """Show levels with a figure and its unit, in so many lines whether there are as many or not."""
    if not rows:
        return Text("nothing yet" + "\n" * (room - 1), "dim")
    table = columns("", "", "dim", gap=2)
    for level, figure, unit in rows:
        table.add_row(Text(shown(level.level_id)), figure, unit)
    for _ in range(room - len(rows)):
        table.add_row("", "", "")
    return table


def dead_letters(figures: Figures) -> RenderableType:
    """Show how many messages no one could read, and why."""
    return Text(reasons(figures) or "none yet", "" if figures.dead else "dim", overflow="fold")


def reasons(figures: Figures) -> str:
    """Write the reasons with their counts, most frequent first."""
    return " · ".join(f"{reason} {letters:,}" for reason, letters in figures.dead.most_common())


def plain(moment: Moment) -> str:
    """Write the view as one line."""
    figures = moment.figures
    unsaved, age = figures.unsaved, moment.watermark_age_s
    book = figures.books[0] if figures.books else None
    parts = [
        f"{clock(moment.traffic_s):>5}",
        f"in {moment.in_rate:,.0f}/s",
        f"out {moment.out_rate:,.0f}/s",
        f"lag {NOTHING if unsaved is None else f'{unsaved:,}'}{behind(moment)}",
        f"watermark {NOTHING if age is None else f'{age:,.1f} s behind'}",
        *[f"busiest {shown(level.level_id)} {level.lately:,} events" for level in by_events(figures)[:1]],
        *[
            f"hardest {shown(level.level_id)} {level.fail_share:.0%} fail"
            for level in by_fail_share(figures)[:1]
        ],
        f"dead {figures.dead.total():,}",
    ]
    if book:
        parts += [
            f"duplicates {book.duplicates:,}",
            f"too late {book.late:,}",
            f"difference {book.difference:,}",
        ]
    return "  ".join([*parts, *([f"! {moment.trouble}"] if moment.trouble else [])])


def summary(figures: Figures, compared: tuple[Compared, ...]) -> str:
    """Write the accounting identity and the comparison as two small tables."""
    wide = "".join(f"{f'{book.window_s} s windows':>16}" for book in figures.books)
    identity = [
        f"  {name:<28}" + "".join(f"{count(book):>16,}" for book in figures.books) for name, count in IDENTITY
    ]
    rows = [
        f"  {each.view:<22}{each.window_s:>3} s"
        + "".join(f"{count:>11,}" for count in (each.rows, each.wrong, each.lost, each.double))
        for each in compared
    ]
    return "\n".join(
        [
            "",
            f"{'Every message accounted for':<30}{wide}",
            *identity,
            "",
            f"{'Tables against what was sent':<29}{'rows':>11}{'wrong':>11}{'lost':>11}{'double':>11}",
            *rows,
            "",
        ]
    )


def shown(name: str) -> str:
    r"""Make a name from an event harmless.

    >>> shown("level_01"), shown("bad\x1b[2J")
    ('level_01', 'bad·[2J')

    """
    return "".join(letter if letter.isprintable() else "·" for letter in name[:24])


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds.

    >>> clock(7.9), clock(725)
    ('0:07', '12:05')

    """
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
