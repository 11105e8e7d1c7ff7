"""Where a run from a terminal goes: Kafka, files of lines, or stdout; and what is said at its end.

Rules: Ctrl-C or SIGTERM ends the traffic after a whole message; what was sent is then written out
and counted. A second one gives up waiting.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from simulator.batch import Block, order, size
from simulator.counts import Counts
from simulator.run import Run, Stop
from simulator.text_files import beside, check_writable, opened
from simulator.to_kafka import Sender
from simulator.truth import Truth
from topics.errors import Broken
from topics.servers import KafkaServer


def to_kafka(run: Run, server: KafkaServer, kept: Counts | Truth) -> str:
    """Send to the topics and wait until Kafka has it all; says how fast.

    Raises:
        BadInput: Kafka or a topic is not there.
        Broken: Kafka refused a message, or was given up on.

    """
    sender, began, sent = Sender(server, run.plan.topics), time.monotonic(), 0
    with told_to_stop() as stop:
        try:
            for block in shown(run, stop):
                for batch in block:
                    sender.send(batch)
                kept.add(block)
                sent += size(block)
            sender.drain()
        except KeyboardInterrupt:
            raise Broken(f"gave up: Kafka has not confirmed {sender.waiting:,} messages") from None
    return f"{speed(sent, time.monotonic() - began)}; Kafka has {sender.delivered:,}"


def to_files(run: Run, path: Path, kept: Counts | Truth) -> str:
    """Write one message a line, a file a topic; says how fast.

    Raises:
        BadInput: a file cannot be written.

    """
    check_writable(path)
    topics, began, sent = run.plan.topics, time.monotonic(), 0
    paths = {topic: path if len(topics) == 1 else beside(path, topic) for topic in topics}
    with ExitStack() as open_files, told_to_stop() as stop:
        files = {topic: open_files.enter_context(opened(each)) for topic, each in paths.items()}
        for block in shown(run, stop):
            for batch in block:
                write_lines(files[batch.topic], batch.values)
            kept.add(block)
            sent += size(block)
    return f"{speed(sent, time.monotonic() - began)}; written to {', '.join(map(str, paths.values()))}"


def to_stdout(run: Run, kept: Counts | Truth) -> str:
    """Write one message a line, all topics as they come; says how fast. A reader that leaves ends it."""
    out, began, sent = sys.stdout.buffer, time.monotonic(), 0
    with told_to_stop() as stop:
        try:
            for block in run.blocks(stop):
                which, rows = order(block)
                write_lines(
                    out,
                    [block[one].values[row] for one, row in zip(which.tolist(), rows.tolist(), strict=True)],
                )
                kept.add(block)
                sent += size(block)
                if run.live:
                    out.flush()
            out.flush()
        except BrokenPipeError:  # nothing may be flushed again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return speed(sent, time.monotonic() - began)


def write_lines(file: BinaryIO, values: list[bytes | None]) -> None:
    """Write messages, which a run of lines always has, a line each."""
    if values:
        file.write(b"\n".join(value or b"" for value in values) + b"\n")


def speed(messages: int, seconds: float) -> str:
    """Say how many messages in what time.

    >>> speed(2_000_000, 8.0)
    '2,000,000 messages in 8.0 s, 250,000 a second'
    """
    return f"{messages:,} messages in {seconds:.1f} s, {messages / max(seconds, 0.001):,.0f} a second"


def shown(run: Run, stop: Stop) -> Iterator[Block]:
    """Show on a terminal how far it is."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from run.blocks(stop)
        return
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("messages"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=run.events)
        for block in run.blocks(stop):
            yield block
            bar.advance(task, size(block))


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
