"""One run of the simulator from a terminal: to Kafka or to stdout, until done or told to stop.

Rules: Ctrl-C or SIGTERM ends the traffic after a whole message; what was sent is then written out
and counted. A second one gives up waiting.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from simulator.pace import paced
from simulator.traffic import Message, Shares, traffic
from simulator.truth import Truth
from sinks.kafka import Deliveries, drain, open_producer, send
from topics.errors import Broken
from topics.servers import KafkaServer

TOPIC = "player-events"
POLL_EVERY = 500  # messages
LONGEST_NAP_S = 0.05


@dataclass(slots=True)
class Stop:
    """Whether a signal told us to stop; a handler may set it at any moment, which no lock survives."""

    told: bool = False

    def wait(self, seconds: float) -> bool:
        """Wait, but only as long as a person does not notice; True to stop."""
        time.sleep(min(seconds, LONGEST_NAP_S))
        return self.told


@dataclass(frozen=True, slots=True)
class Run:
    """One run as it was asked for; `events` None: until told to stop; `paced`: at the clock's speed."""

    seed: int
    rate: int
    events: int | None
    start_ms: int
    shares: Shares
    paced: bool

    def messages(self, stop: Stop) -> Iterator[Message]:
        """Give the run's messages until `stop` is set."""
        every: Iterator[Message] = islice(
            traffic(self.seed, self.start_ms, self.rate, self.shares), self.events
        )
        if self.paced:
            every = paced(every, self.rate, time.monotonic, stop.wait)
        for message in every:
            if stop.told:
                return
            yield message


def send_to_kafka(run: Run, server: KafkaServer) -> str:
    """Send to `player-events`, keyed by player, and wait until Kafka has it all; says the counts.

    Raises:
        BadInput: Kafka or the topic is not there.
        Broken: Kafka refused a message, or was given up on.

    """
    producer = open_producer(server, TOPIC)
    delivered, truth = Deliveries(), Truth()
    with told_to_stop() as stop:
        try:
            for message in shown(run.messages(stop), run.events):
                send(producer, TOPIC, message.key, message.value, delivered)
                truth.add(message)
                if truth.kinds.total() % POLL_EVERY == 0:
                    producer.poll(0)
                    delivered.check()
            drain(producer, delivered)
        except KeyboardInterrupt:
            raise Broken(f"gave up: Kafka has not confirmed {len(producer)} messages") from None
    return f"{counts(truth)}; Kafka has {delivered.delivered:,}"


def print_lines(run: Run) -> str:
    """Write one message a line (a tombstone is an empty line) to stdout; says the counts.

    A reader that leaves ends it.
    """
    truth = Truth()
    out = sys.stdout.buffer
    with told_to_stop() as stop:
        try:
            for message in run.messages(stop):
                out.write((message.value or b"") + b"\n")
                truth.add(message)
                if run.paced:
                    out.flush()
            out.flush()
        except BrokenPipeError:  # nothing may be flushed again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return counts(truth)


def counts(truth: Truth) -> str:
    """Count by kind in one line."""
    kinds = ("good", "late", "beyond", "duplicate", "malformed")
    parts = ", ".join(f"{truth.kinds[kind]:,} {kind}" for kind in kinds)
    return f"{truth.kinds.total():,} messages: {parts}"


def shown(messages: Iterable[Message], total: int | None) -> Iterable[Message]:
    """Show on a terminal how far it is."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return messages
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("messages"), TimeElapsedColumn())
    return tracked(messages, total, Progress(*columns, console=console, transient=True))


def tracked(messages: Iterable[Message], total: int | None, bar: Progress) -> Iterator[Message]:
    """Move the bar along."""
    with bar:
        yield from bar.track(messages, total=total, description="")


@contextmanager
def told_to_stop() -> Iterator[Stop]:
    """Give a `Stop` that the first Ctrl-C or SIGTERM sets; the second is what it usually is."""
    stop = Stop()

    def first(number: int, _frame: object) -> None:
        stop.told = True
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
