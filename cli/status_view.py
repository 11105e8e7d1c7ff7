"""How `gamewax status` looks: tables that fit 100 columns.

Rules: draws a `Status`, asks nobody. Names that came from outside are shown, never obeyed by a terminal.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.harmless import harmless
from cli.status_model import BAD, Books, FlowHealth, PartitionStatus, ProcessStatus, Status

NOTHING = "-"
MOST_PARTITIONS = 12  # of one topic in one line; those furthest behind
STYLES: dict[FlowHealth, str] = {"ready": "green", "stopped": "dim", "not started": "dim"}


def drawn(status: Status) -> RenderableType:
    """Draw the whole of it."""
    parts = [
        *(services(status), flows(status), notes(status), processes(status)),
        *(lags(status), books(status), letters(status)),
    ]
    shown = [part for part in parts if part is not None]
    return Group(*chain.from_iterable((part, Text()) for part in shown), verdict(status))


def services(status: Status) -> RenderableType:
    """Draw who answers where."""
    grid = Table.grid(padding=(0, 1))
    for of in status.services:
        answer = Text("answers", "green") if of.answers else Text("away", "bold red")
        grid.add_row("", Text(of.name, "bold"), harmless(of.address), answer)
    return grid


def flows(status: Status) -> RenderableType:
    """Draw a line for each flow."""
    table = _table("flow", "state", "lag", "events/s", "watermark age", "freshness")
    for column in table.columns[2:]:
        column.justify = "right"
    for flow in status.flows:
        table.add_row(
            flow.flow,
            Text(flow.health, _style(flow.health)),
            _count(flow.lag),
            NOTHING if flow.events_per_s is None else f"{flow.events_per_s:,.0f}",
            span(flow.watermark_age_s),
            span(flow.freshness_s),
        )
    return table


def notes(status: Status) -> RenderableType | None:
    """Tell what is good to know of a flow, a line each."""
    told = [f"{flow.flow}: {note}" for flow in status.flows for note in flow.notes]
    return Text("\n".join(map(harmless, told))) if told else None


def processes(status: Status) -> RenderableType | None:
    """Draw a line for each process."""
    table = _table("flow", "process", "pid", "up for", "endpoint", "state")
    now = datetime.fromisoformat(status.time)
    for flow in status.flows:
        for of in flow.processes:
            up_for, endpoint = span((now - _started(of)).total_seconds()), of.endpoint
            if of.health == "died":
                up_for, endpoint = NOTHING, NOTHING
            health = Text(of.health, _style(of.health))
            table.add_row(flow.flow, str(of.process), str(of.pid), up_for, endpoint, health)
    return table if table.row_count else None


def lags(status: Status) -> RenderableType | None:
    """Draw the lag of each partition, a line a topic."""
    table = _table("flow", "topic")
    table.add_column("lag by partition")
    for flow in status.flows:
        for topic in dict.fromkeys(of.topic for of in flow.partitions):
            of_topic = [of for of in flow.partitions if of.topic == topic]
            shown = sorted(of_topic, key=lambda of: -(of.lag or 0))[:MOST_PARTITIONS]
            words = [_lag(of) for of in sorted(shown, key=lambda of: of.partition)]
            more = len(of_topic) - len(shown)
            words += [f"and {more} with less"] if more else []
            table.add_row(flow.flow, harmless(topic), "  ".join(words))
    return table if table.row_count else None


def books(status: Status) -> RenderableType | None:
    """Draw what became of every message."""
    table = _table("flow", "window", "read", "aggregated", "late", "dead", "duplicates", "identity")
    for column in table.columns[2:-1]:
        column.justify = "right"
    for flow in status.flows:
        for of in flow.books:
            numbers = (of.read, of.aggregated, of.late, of.dead, of.duplicates)
            size = f"{of.window_seconds} s" if of.window_seconds else "none"
            table.add_row(flow.flow, size, *(f"{number:,}" for number in numbers), _identity(of))
    return table if table.row_count else None


def letters(status: Status) -> RenderableType:
    """Tell of the last hour's dead letters, a line a topic."""
    found = status.dead_letters_last_hour
    if not found:
        told = "not known" if found is None else "none"
        return Text(f" dead letters in the last hour: {told}")
    table = _table("dead letters in the last hour", "all")
    table.columns[1].justify = "right"
    table.add_column("reasons")
    for topic in dict.fromkeys(of.topic for of in found):
        of_topic = [of for of in found if of.topic == topic]
        words = [f"{harmless(of.reason)} {of.count:,}" for of in of_topic]
        table.add_row(harmless(topic), f"{sum(of.count for of in of_topic):,}", ", ".join(words))
    return table


def verdict(status: Status) -> RenderableType:
    """Say what is wrong, or that nothing is."""
    if status.well:
        return Text(" all is well", "bold green")
    return Text("\n").join(Text(f" {harmless(problem)}", "bold red") for problem in status.problems)


def span(seconds: float | None) -> str:
    """Write a length of time as one reads it.

    >>> span(None), span(0.84), span(59.6), span(3_700), span(200_000), span(-3)
    ('-', '0.8 s', '60 s', '1 h 1 min', '2 d 7 h', '-3.0 s')

    """
    if seconds is None:
        return NOTHING
    if abs(seconds) < 10:  # noqa: PLR2004  tenths matter below
        return f"{seconds:.1f} s"
    if seconds < 120:  # noqa: PLR2004  two minutes
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    hours, days = minutes // 60, minutes // 1440
    if days:
        return f"{days} d {hours % 24} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=True, padding=(0, 1), show_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _style(health: FlowHealth) -> str:
    return "bold red" if health in BAD else STYLES[health]


def _started(of: ProcessStatus) -> datetime:
    return datetime.fromisoformat(of.up_since).astimezone(UTC)


def _lag(of: PartitionStatus) -> str:
    state = " paused" if of.paused else " idle" if of.idle else ""
    return f"{of.partition}: {_count(of.lag)}{state}"


def _identity(of: Books) -> Text:
    return Text("holds", "green") if of.off_by == 0 else Text(f"off by {of.off_by:,}", "bold red")


def _count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"
