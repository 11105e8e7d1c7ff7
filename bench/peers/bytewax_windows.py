"""`python -m bench.peers.bytewax_windows WORK STYLE WAIT_S SERVERS TOPIC EVENTS ROWS`: Bytewax's own windows.

The flow is put together as Bytewax's documentation shows it: its Kafka source, one JSON decode a message,
`EventClock`, `TumblingWindower`, `fold_window`, rows to a file. Prints one JSON line with its figures.

Rules: nothing of Gamewax runs here, and there is no recovery store. Style DOCS leaves everything as it comes;
TUNED has a consumer that does not wait out its fetch backoff (as our bare loop), msgspec for `json.loads`,
and a fold that does not ask for order.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import psutil
from bytewax import operators as op
from bytewax.connectors.files import FileSink
from bytewax.connectors.kafka import KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators import KeyedStream, windowing
from bytewax.testing import run_main

from bench.peers.memory import peak_mb

SIZE_S = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = ("move", "interaction", "level_start", "level_complete", "level_fail")
Event = dict[str, str]
Counted = TypeVar("Counted")


@dataclass(slots=True)
class Level:
    """What is counted of one level and map in one window."""

    events: int = 0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    players: set[str] = field(default_factory=set)

    def add(self, event: Event) -> Level:
        """Count one event."""
        self.events += 1
        self.kinds[event["event_type"]] += 1
        self.players.add(event["player_id"])
        return self

    def merge(self, other: Level) -> Level:
        """Join two counts."""
        self.events += other.events
        self.kinds = {kind: number + other.kinds[kind] for kind, number in self.kinds.items()}
        self.players |= other.players
        return self

    def row(self) -> str:
        """Write the numbers in the order of the truth's columns."""
        return ",".join(map(str, [self.events, *self.kinds.values(), len(self.players)]))


@dataclass(frozen=True, slots=True)
class Work(Generic[Counted]):
    """What is counted by which key."""

    key: Callable[[Event], str]
    new: Callable[[], Counted]
    add: Callable[[Counted, Event], Counted]
    merge: Callable[[Counted, Counted], Counted]
    row: Callable[[Counted], str]


LEVELS = Work(
    lambda event: f"{event['level_id']},{event['map_id']}", Level, Level.add, Level.merge, Level.row
)
PLAYERS = Work(
    lambda event: event["player_id"], int, lambda seen, _: seen + 1, lambda seen, more: seen + more, str
)


@dataclass(frozen=True, slots=True)
class Style:
    """How the consumer is set, what decodes, and whether a fold wants its events in order."""

    consumer: dict[str, str]
    decode: Callable[[bytes], Event]
    ordered: bool


STYLES = {
    "DOCS": Style({}, json.loads, ordered=True),
    "TUNED": Style(
        {"fetch.queue.backoff.ms": "2", "check.crcs": "false"},
        msgspec.json.Decoder(Event).decode,
        ordered=False,
    ),
}


def read(flow: Dataflow, style: Style, servers: str, topic: str) -> Stream[Event]:
    """Read the topic to the end that it has at the start."""
    messages = kop.input(
        "read", flow, brokers=[servers], topics=[topic], tail=False, add_config=style.consumer
    )

    def decode(message: KafkaSourceMessage[bytes | None, bytes | None]) -> Event:
        return style.decode(message.value or b"")

    return op.map("decode", messages.oks, decode)


def count(work: Work[Counted], events: Stream[Event], *, wait_s: float, ordered: bool) -> KeyedStream[str]:
    """Count in windows and write each closed one as a line of CSV."""
    clock: windowing.EventClock[Event] = windowing.EventClock(
        lambda event: datetime.fromisoformat(event["timestamp"]),
        wait_for_system_duration=timedelta(seconds=wait_s),
    )
    windower = windowing.TumblingWindower(length=timedelta(seconds=SIZE_S), align_to=EPOCH)
    keyed = op.key_on("key", events, work.key)
    closed = windowing.fold_window(
        "count", keyed, clock, windower, work.new, work.add, work.merge, ordered=ordered
    )

    def line(row: tuple[str, tuple[int, Counted]]) -> tuple[str, str]:
        key, (window, counted) = row
        return key, f"{window * SIZE_S},{key},{work.row(counted)}"

    return op.map("line", closed.down, line)


WORKS = {"ENG": partial(count, LEVELS), "PLY": partial(count, PLAYERS)}


def main(work: str, named: str, wait_s: str, place: list[str]) -> None:
    """Run to the end of the topic and print the figures; `place` is SERVERS TOPIC EVENTS ROWS."""
    servers, topic, events, rows = place
    style, flow, process = STYLES[named], Dataflow("bytewax_windows"), psutil.Process()
    lines = WORKS[work](read(flow, style, servers, topic), wait_s=float(wait_s), ordered=style.ordered)
    op.output("rows", lines, FileSink(Path(rows)))
    began, cpu = time.perf_counter(), time.process_time()
    run_main(flow)
    drain_s, cpu = time.perf_counter() - began, time.process_time() - cpu
    figures = {
        "rate": int(events) / drain_s,
        "cpu_us": cpu / int(events) * 1e6,
        "rss_mb": peak_mb(process.pid),
        "drain_s": drain_s,
        "wall_s": time.time() - process.create_time(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
