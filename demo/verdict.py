"""The end of a demo: everything that is not as it must be, and the last line.

Rules: besides the rows, every count of the accounting is judged, for each flow and window size, and the dead
letters by topic and reason. Nothing is right that was not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields

from demo.compared import Compared, Kept
from demo.figures import Book, Figures
from demo.outages import Outages, faults_of_outages
from demo.streams import FINEST_S, STREAMS, Stream
from demo.told import Fraud, Told, faults_of_fraud
from simulator.truth import Truth

GOAL_S = 20  # from a warm start to the first row on screen
EVERY_EVENT_ONCE = ("engagement", "item_sales", "server_health")  # in their rows of the finest windows
NO_REASONS: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Sent:
    """What the simulator knows about the messages for one flow, by the fate that each must have."""

    read: int
    aggregated: int
    late: int
    dead: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the tables say when all traffic has been read."""

    figures: Figures
    compared: tuple[Compared, ...]
    kept: tuple[Kept, ...]
    fraud: Fraud | None = None
    outages: Outages | None = None


def sent(stream: Stream, truth: Truth) -> Sent:
    """Say what must become of what was sent."""
    kinds = sum((truth.counts.kinds[topic] for topic in stream.topics), Counter[str]())
    read, dead = kinds.total(), kinds["malformed"]
    if stream.keeps_all:
        return Sent(read, read - dead, 0, dead, 0)
    return Sent(read, kinds["good"] + kinds["late"], kinds["beyond"], dead, kinds["duplicate"])


def faults(found: Found, truth: Truth) -> list[str]:
    """Name everything that is not as it must be; empty when all is right."""
    return [
        *(
            f"{each.view} at {each.window_s} s has {each.wrong:,} wrong rows"
            for each in found.compared
            if each.wrong
        ),
        *(
            f"{each.table} has {each.rows:,} rows, not {each.must_be:,}"
            for each in found.kept
            if each.rows != each.must_be
        ),
        *(
            fault
            for stream in STREAMS
            for fault in faults_of_books(stream, found.figures, sent(stream, truth))
        ),
        *faults_of_letters(found.figures, truth),
        *([] if found.fraud is None else faults_of_fraud(found.fraud)),
        *([] if found.outages is None else faults_of_outages(found.outages)),
    ]


def faults_of_books(stream: Stream, figures: Figures, expected: Sent) -> Iterator[str]:
    """Name what is wrong in one flow's accounting."""
    progress = figures.flows.get(stream.flow)
    books = progress.books if progress else ()
    if expected.read and tuple(book.window_s for book in books) != stream.windows_s:
        yield f"the accounting of {stream.flow} lacks a window size"
    for book in books:
        where = f"{stream.flow}{at(book)}"
        if book.difference:
            yield f"the accounting identity of {where} is off by {book.difference:+,}"
        for field in fields(expected):
            is_now, must_be = getattr(book, field.name), getattr(expected, field.name)
            if is_now != must_be:
                yield f"{field.name} of {where} is {is_now:,}, not {must_be:,}"


def at(book: Book) -> str:
    """Name the window size, if there is one."""
    return f" at {book.window_s} s" if book.window_s else ""


def faults_of_letters(figures: Figures, truth: Truth) -> Iterator[str]:
    """Name the reasons with another number of dead letters than broken messages."""
    for topic, reasons in truth.counts.reasons.items():
        dead = figures.dead.get(topic, NO_REASONS)
        for reason in sorted(dead.keys() | reasons.keys()):
            if dead[reason] != reasons[reason]:
                yield f"dead letters of {topic} with {reason} are {dead[reason]:,}, not {reasons[reason]:,}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a demo ended; `compared` is empty when nothing could be, `first_row_s` None when none was seen."""

    events: int
    traffic_s: float
    compared: tuple[Compared, ...]
    faults: tuple[str, ...]
    first_row_s: float | None
    told: Told | None = None
    outages: Outages | None = None

    @property
    def line(self) -> str:
        """Say it all in the last line."""
        rate = self.events / self.traffic_s if self.traffic_s else 0
        parts = [f"{self.events:,} events", f"{rate:,.0f} events/s"]
        if self.compared:
            finest = [
                each for each in self.compared if each.view in EVERY_EVENT_ONCE and each.window_s == FINEST_S
            ]
            parts += [
                f"{sum(each.rows for each in self.compared):,} rows compared",
                f"{sum(each.wrong for each in self.compared):,} wrong",
                f"{sum(each.lost for each in finest):,} lost",
                f"{sum(each.double for each in finest):,} double",
            ]
        if self.told:
            parts += [
                f"{self.told.alerts:,} fraud alerts",
                f"{self.told.tally.verified:,} webhooks verified",
            ]
        if self.outages:
            parts.append(str(self.outages))
        seen = "never" if self.first_row_s is None else f"after {self.first_row_s:.1f} s"
        parts.append(f"first row on screen {seen} (goal {GOAL_S} s)")
        said = ", ".join(parts)
        return f"FALLS SHORT {said}: {'; '.join(self.faults)}" if self.faults else f"OK {said}"
