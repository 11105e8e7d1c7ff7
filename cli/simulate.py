"""`gamewax simulate`: game traffic into Kafka, or as lines on stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Annotated

import typer
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

import settings
from simulator.pace import paced
from simulator.traffic import Message, Shares, traffic
from simulator.truth import Truth
from sinks.kafka import Deliveries, drain, open_producer, send
from topics.errors import BadInput

TOPIC = "player-events"
DEFAULT_RATE = 1000  # a second
PRINTED_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: lines depend on the arguments alone
POLL_EVERY = 500  # messages

Share = Annotated[float, typer.Option(min=0, max=1)]


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it was asked for; `events` None: until Ctrl-C."""

    seed: int
    rate: int
    events: int | None
    start_ms: int
    shares: Shares
    paced: bool

    def messages(self) -> Iterator[Message]:
        """Give the run's messages, at the clock's speed if so asked."""
        every = islice(traffic(self.seed, self.start_ms, self.rate, self.shares), self.events)
        return paced(every, self.rate, time.monotonic, time.sleep) if self.paced else every


def simulate(  # noqa: PLR0913, PLR0917 — one argument an option
    rate: Annotated[int | None, typer.Option(min=1, help="Messages a second [default: 1000].")] = None,
    events: Annotated[int | None, typer.Option(min=1, help="Stop after so many; else at Ctrl-C.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed and start, same bytes.")] = 1,
    *,
    print_lines: Annotated[
        bool, typer.Option("--print", help="Write lines to stdout, not to Kafka.")
    ] = False,
    start: Annotated[
        str, typer.Option(help="First event time, RFC 3339 [default: now; --print: 2026].")
    ] = "",
    late: Share = 0.02,
    beyond: Share = 0.0,
    duplicates: Share = 0.01,
    malformed: Share = 0.002,
) -> None:
    """Make up the traffic of a game: players in sessions over levels and maps, some of it broken.

    With --events and without --rate it goes as fast as it can, and its event times end now.
    """
    shares = Shares(late, beyond, duplicates, malformed)
    if late + beyond + duplicates + malformed > 1:
        raise BadInput("--late, --beyond, --duplicates and --malformed add up to more than 1")
    at_once = events is not None and (print_lines or rate is None)
    speed = rate or DEFAULT_RATE
    back_ms = (events or 0) * 1000 // speed if at_once else 0
    usual_ms = PRINTED_START_MS if print_lines else time.time_ns() // 1_000_000 - back_ms
    run = Run(seed, speed, events, epoch_ms(start) if start else usual_ms, shares, not at_once)
    if print_lines:
        print_to_stdout(run)
    else:
        send_to_kafka(run)


def epoch_ms(text: str) -> int:
    """Read an RFC 3339 time.

    Raises:
        BadInput: it is none, or has no offset.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--start must be a time like 2026-01-01T00:00:00Z, not {text!r}") from error
    if moment.tzinfo is None:
        raise BadInput(f"--start {text!r} needs an offset: add Z for UTC")
    return int(moment.timestamp() * 1000)


def print_to_stdout(run: Run) -> None:
    """Write one message a line (a tombstone is an empty line); a reader that leaves ends it."""
    truth = Truth()
    out = sys.stdout.buffer
    try:
        for message in run.messages():
            out.write((message.value or b"") + b"\n")
            truth.add(message)
            if run.paced:
                out.flush()
        out.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at exit
    except KeyboardInterrupt:
        out.flush()
    sys.stderr.write(f"{said(truth)}\n")


def send_to_kafka(run: Run) -> None:
    """Send to `player-events` by player until done or Ctrl-C, then wait until Kafka has it all."""
    producer = open_producer(settings.load().kafka, TOPIC)
    delivered, truth = Deliveries(), Truth()
    try:
        for message in shown(run.messages(), run.events):
            send(producer, TOPIC, message.key, message.value, delivered)
            truth.add(message)
            look_after(producer, delivered, truth.kinds.total())
    except KeyboardInterrupt:
        sys.stderr.write("stopping: what was sent is being written\n")
    drain(producer, delivered)
    print(f"{said(truth)}; Kafka has {delivered.delivered:,}")


def look_after(producer: Producer, delivered: Deliveries, sent: int) -> None:
    """Take in Kafka's answers now and then."""
    if sent % POLL_EVERY == 0:
        producer.poll(0)
        delivered.check()


def shown(messages: Iterable[Message], total: int | None) -> Iterator[Message]:
    """Show on a terminal how far it is."""
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("events"), TimeElapsedColumn())
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        yield from bar.track(messages, total=total, description="")


def said(truth: Truth) -> str:
    """Count by kind in one line."""
    kinds = ("good", "late", "beyond", "duplicate", "malformed")
    parts = [f"{truth.kinds[kind]:,} {kind}" for kind in kinds]
    return f"{truth.kinds.total():,} messages: {', '.join(parts)}"
