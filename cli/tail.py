"""`gamewax tail`: prints a topic's messages as they come, each with its verdict.

Rules: reads beside the flows and moves nothing; what strangers wrote is escaped before it is shown, and
only `--raw` writes it as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput

if TYPE_CHECKING:  # the client is imported when the command runs
    from confluent_kafka import Consumer, Message
    from rich.text import Text

    from sources.kafka_client import Log
    from topics.rejects import Reject

AT_ONCE, WAIT_S = 500, 0.2  # messages a poll takes, and how long it waits for them
LONGEST = 2_000  # characters of a value shown


def tail(  # noqa: PLR0913  one argument an option
    topic: Annotated[str, typer.Argument(help="Any topic of this Kafka.")],
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    key: Annotated[str | None, typer.Option(help="Only messages with this key.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many; else at Ctrl-C.")] = None,
    *,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All that the topic holds, not only what comes now.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Only the values, byte for byte, a line each; not for a terminal.")
    ] = False,
) -> None:
    """Print messages as they come: time, partition:offset, key, verdict, value."""
    import settings
    from sources.kafka_client import consumer, describe

    kafka = settings.load().kafka
    log = describe(kafka, topic)
    with closing(consumer(kafka, f"{kafka.group}-tail")) as reader:
        limits = _limits(reader, log, partition)
        begins = {number: low if from_beginning else high for number, (low, high) in limits.items()}
        wanted = _with_key(_polls(reader, log.topic, begins), key)
        show = _show_raw if raw else _show_lines
        try:
            show(wanted, log.topic, count)
        except KeyboardInterrupt:
            return
        except BrokenPipeError:  # whoever read our output has seen enough; what is left goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _limits(reader: Consumer, log: Log, partition: int | None) -> dict[int, tuple[int, int]]:
    """Give the first offset and the end of the partitions to read.

    Raises:
        BadInput: there is no such partition, or Kafka does not answer.

    """
    from sources.kafka_client import bounds

    if partition is not None and partition >= log.partitions:
        raise BadInput(f"{log.topic} has {log.partitions} partitions, 0 to {log.partitions - 1}")
    numbers = range(log.partitions) if partition is None else [partition]
    return {number: bounds(reader, log.topic, number) for number in numbers}


def _polls(reader: Consumer, topic: str, begins: Mapping[int, int]) -> Iterator[list[Message]]:
    """Give what comes, for ever, in small lists."""
    from confluent_kafka import TopicPartition

    from sources.kafka_client import trouble

    reader.assign([TopicPartition(topic, number, begin) for number, begin in begins.items()])
    while True:
        polled = reader.consume(AT_ONCE, WAIT_S)
        for problem in filter(None, (trouble(message, topic) for message in polled)):
            raise problem
        yield [message for message in polled if message.error() is None]


def _with_key(polls: Iterator[list[Message]], key: str | None) -> Iterator[list[Message]]:
    wanted = None if key is None else key.encode()
    return polls if wanted is None else ([of for of in poll if of.key() == wanted] for poll in polls)


def _show_raw(polls: Iterator[list[Message]], _topic: str, count: int | None) -> None:
    """Write values as they are."""
    from cli.harmless import write_bytes

    for message in islice((message for poll in polls for message in poll), count):
        write_bytes((message.value() or b"") + b"\n")


def _show_lines(polls: Iterator[list[Message]], topic: str, count: int | None) -> None:
    """Print a line for each message, with its verdict if the topic's messages can be judged."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    judged = (pair for poll in polls for pair in zip(poll, _verdicts(topic, poll), strict=True))
    for message, verdict in islice(judged, count):
        console.print(_line(message, verdict))


def _verdicts(topic: str, messages: list[Message]) -> list[Text]:
    """Say of each message whether it is an event; nothing when nobody reads the topic."""
    from rich.text import Text

    from sources.messages import arrivals
    from topics.decode import decode
    from topics.registry import TOPICS

    known = TOPICS.get(topic)
    if known is None or known.event is None or not messages:
        return [Text()] * len(messages)
    came = arrivals(messages)
    rejects = decode(known, came.values, came.arrived_ms).rejects
    bad = {reject.row: _fault(reject) for reject in rejects}
    return [bad.get(row) or Text("ok ", "green") for row in range(len(messages))]


def _fault(reject: Reject) -> Text:
    from rich.text import Text

    return Text(f"{reject.reason}: {reject.error} ", "bold red")


def _line(message: Message, verdict: Text) -> Text:
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    from cli.harmless import harmless, moment

    value = message.value()
    shown = Text("(no value)", "dim") if value is None else Text(harmless(value, LONGEST))
    JSONHighlighter().highlight(shown)
    place = f"{message.partition()}:{message.offset()} "
    key = harmless(message.key() or b"") or "-"
    return Text.assemble(
        (f"{moment(message.timestamp()[1])} ", "dim"), (place, "cyan"), f"{key} ", verdict, shown
    )
