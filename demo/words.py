"""How a demo looks where there is no terminal: one line a moment, and the comparison at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from textwrap import wrap

from demo.compared import Compared, Kept
from demo.figures import Figures
from demo.fraud_panel import suspect
from demo.moment import Moment, amount, clock, count, printable, seconds, shown
from demo.panels import FEWEST_TRIES, IDENTITY, hardest, reasons
from demo.streams import STREAMS
from demo.told import Fraud, cases_of
from demo.verdict import Found
from simulator.plan import TOPICS

WIDTH, NAMES, NARROWEST = 80, 26, 9
COUNTS = ("rows", "wrong", "lost", "double")
FRAUD = ("cases", "found", "alerts", "right")
Row = tuple[str, int, tuple[int, ...]]  # a name, a window size in seconds, counts


def plain(moment: Moment) -> str:
    """Write the view as one line."""
    figures = moment.figures
    behind = [pace.behind_s for pace in moment.paces.values() if pace.behind_s is not None]
    first = (stream.flow for stream in STREAMS if not stream.later)  # these read every message once
    out = sum(moment.paces[flow].rate for flow in first if flow in moment.paces)
    off = max((progress.difference for progress in figures.flows.values()), key=abs, default=0)
    parts = [
        f"{clock(moment.traffic_s):>5}",
        f"in {moment.in_rate:,.0f}/s",
        f"out {out:,.0f}/s",
        f"behind {seconds(max(behind, default=None))}",
        *use_cases(figures),
        *frauds(moment),
        *incidents(figures),
        f"dead {sum(dead.total() for dead in figures.dead.values()):,}",
        f"difference {off:,}",
        *([f"! {moment.trouble}"] if moment.trouble else []),
    ]
    return "  ".join(parts)


def use_cases(figures: Figures) -> Iterator[str]:
    """Say the most telling row of each use case."""
    judged = [level for level in hardest(figures) if level.tries >= FEWEST_TRIES]
    yield from (f"hardest {shown(level.level_id)} {level.fail_share:.0%} fail" for level in judged[:1])
    yield from (
        f"sold most {shown(sale.item_id)} {count(sale.purchases)} for {amount(sale.revenue)} "
        f"{shown(sale.currency)}"
        for sale in figures.sales[:1]
    )
    yield from (
        f"slowest {shown(load.server_id)} p99 {load.p99:.0f} ms, cpu {load.cpu:.0f}%"
        for load in figures.servers[:1]
    )


def frauds(moment: Moment) -> Iterator[str]:
    """Say how many alerts there are, the newest one, and what the receiver has."""
    alerts, came = moment.figures.alerts, moment.webhooks
    if alerts.newest:
        yield f"fraud {count(alerts.total)} alerts"
        yield f"{count(came.verified)} of {count(came.received)} webhooks verified"
        yield f"newest {suspect(replace(alerts.newest, reasons=alerts.newest.reasons[:1]))}"


def incidents(figures: Figures) -> Iterator[str]:
    """Say what is wrong with servers."""
    trouble = figures.incidents
    if trouble.total:
        yield f"{count(trouble.total)} incidents, newest: {printable(trouble.newest)}"


def summary(found: Found) -> str:
    """Write the accounting identity, the dead letters and the comparison as small tables."""
    return "\n".join(
        [
            "",
            *table("Every message counted", IDENTITY, identity(found.figures)),
            "",
            *letters(found.figures),
            "",
            *table("Tables against the truth", COUNTS, comparison(found.compared)),
            *raw(found.kept),
            "",
            *([] if found.fraud is None else told(found.fraud)),
            *([] if found.outages is None else [f"Servers: {found.outages}", ""]),
        ]
    )


def table(title: str, names: tuple[str, ...], rows: Iterable[Row]) -> Iterator[str]:
    """Write rows of a name, a window size (0: none) and counts, as narrow as they are."""
    lines = list(rows)
    wide = max([NARROWEST, *(len(f"{number:,}") + 1 for _, _, counts in lines for number in counts)])
    yield f"{title:<{NAMES}}" + "".join(f"{name:>{wide}}" for name in names)
    for name, window_s, counts in lines:
        window = f"{window_s} s" if window_s else ""
        yield f"  {name:<19} {window:>4}" + "".join(f"{number:>{wide},}" for number in counts)


def identity(figures: Figures) -> Iterator[Row]:
    """Give what became of every message that each flow read."""
    for stream in STREAMS:
        progress = figures.flows.get(stream.flow)
        for book in progress.books if progress else ():
            kinds = (book.read, book.aggregated, book.late, book.dead, book.duplicates, book.difference)
            yield stream.flow, book.window_s, kinds


def letters(figures: Figures) -> Iterator[str]:
    """Write the dead letters by topic and reason."""
    yield "Dead letters"
    for topic in TOPICS:
        dead = figures.dead.get(topic)
        first, *more = wrap(reasons(figures, topic), WIDTH - NAMES - NARROWEST - 2) or [""]
        number = f"{dead.total() if dead else 0:,}"
        yield f"  {topic:<{NAMES - 2}}{number:>{NARROWEST}}  {first}".rstrip()
        yield from (" " * (NAMES + NARROWEST + 2) + line for line in more)


def told(fraud: Fraud) -> Iterator[str]:
    """Write which planted fraud was found, and whether all messages about it were received."""
    marks, messages = fraud.marks, fraud.told
    rows = [(mark.kind, 0, (mark.cases, mark.found, mark.alerts, mark.right)) for mark in marks.kinds]
    yield from table("Planted fraud that was over", FRAUD, rows)
    asked, found = cases_of(marks)
    wrong = f"{len(marks.false):,} of {messages.alerts:,} alerts touch nothing planted"
    yield f"  found {found:,} of {asked:,}; {wrong}"
    came = messages.due - messages.missing
    yield f"  of {messages.due:,} messages {came:,} were received, their signatures verified"
    yield ""


def comparison(compared: tuple[Compared, ...]) -> Iterator[Row]:
    """Give how each view stands to the truth."""
    for each in compared:
        yield each.view, each.window_s, (each.rows, each.wrong, each.lost, each.double)


def raw(kept: tuple[Kept, ...]) -> Iterator[str]:
    """Write how many raw rows there are."""
    for each in kept:
        of = "as many as events" if each.rows == each.must_be else f"of {each.must_be:,} events"
        yield f"  {each.table:<{NAMES - 2}}{each.rows:>{NARROWEST},} {of}"
