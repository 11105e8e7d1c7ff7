"""The end of a run: everything comes back, the flows catch up and stop, and every number is compared.

Rules: the truth is what a separate consumer reads back from the topics, and every acknowledged message must
be in it. One topic after the other, so that memory holds one truth at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaException

from sinks.clickhouse_client import connect
from topics.errors import Broken
from verify.chaos.faults import Faults
from verify.chaos.feed import Acked, missing
from verify.chaos.parts import FLOWS, Parts
from verify.logs import ends, read_back
from verify.oracle import Limits
from verify.sheets import Compared, compare
from verify.shown_sheets import shown_sheet, stored
from verify.true_sheets import ARCHIVE, FLOW, true_sheets

UP_WITHIN_S = 240.0
CAUGHT_UP_WITHIN_S = 300.0
LOOK_S = 0.05
TOPICS = {**{flow: (topic,) for topic, flow in FLOW.items()}, ARCHIVE: tuple(FLOW)}  # of each flow
BY_TOPIC = {"dead_letters", "late_events", "accounting"}  # views that hold every topic
NAMED = 5
PLACES = "SELECT flow, topic, partition, min(next_offset) FROM accounting GROUP BY ALL"


@dataclass(slots=True)
class Found:
    """What the comparison found."""

    compared: list[Compared] = field(default_factory=list)
    stored: dict[str, int] = field(default_factory=dict)  # rows in the tables, before FINAL
    messages: dict[str, int] = field(default_factory=dict)  # in each topic
    missing: list[str] = field(default_factory=list)  # acknowledged and not in the log as sent
    exits: dict[str, int] = field(default_factory=dict)  # of the supervisors that were asked to end

    def total(self, what: str) -> int:
        """Add up `rows`, `wrong`, `lost` or `double` over all views."""
        return sum(getattr(of, what) for of in self.compared)

    @property
    def examples(self) -> list[str]:
        """Say what differs, some of it."""
        return [
            *self.missing[:NAMED],
            *(f"{of.view} {example}" for of in self.compared for example in of.examples),
            *(f"the supervisor of {flow} ended with {code}" for flow, code in self.exits.items() if code),
        ]

    @property
    def right(self) -> bool:
        """Tell whether everything is as it must be."""
        return not self.examples and all(of.rows for of in self.compared)


def come_back(parts: Parts, faults: Faults) -> None:
    """End all harm and wait until every process is there and both services answer.

    Raises:
        Broken: one does not come back.

    """
    faults.end()
    give_up_at, wait = time.monotonic() + UP_WITHIN_S, Event().wait
    while True:
        faults.tick()
        if parts.all_up() and parts.answer() and led(parts):
            return
        if time.monotonic() > give_up_at:
            dead = [target for target in faults.targets() if parts.pid(target) is None]
            named = ", ".join(dead) or "Kafka or ClickHouse does not answer"
            raise Broken(f"did not come back within {UP_WITHIN_S:.0f} s: {named}")
        wait(LOOK_S)


def led(parts: Parts) -> bool:
    """Tell whether Kafka has taken up every partition again, which it does after it answers."""
    with suppress(KafkaException):
        return all(ends(parts.kafka.bootstrap_servers, topic) for topic in FLOW)
    return False


def catch_up(parts: Parts, faults: Faults, show: Callable[[int], None]) -> None:
    """Wait until every flow's books reach the ends of its topics; `show` is told how many are behind.

    Raises:
        Broken: they do not; names what is behind.

    """
    wanted = {
        (flow, topic, partition): end
        for flow, topics in TOPICS.items()
        for topic in topics
        for partition, (_, end) in ends(parts.kafka.bootstrap_servers, topic).items()
        if end
    }
    give_up_at, wait = time.monotonic() + CAUGHT_UP_WITHIN_S, Event().wait
    server = parts.settings().clickhouse
    with connect(server, server.database) as client:
        while True:
            faults.tick()
            places = {row[:3]: row[3] for row in map(tuple, client.query(PLACES).result_rows)}
            behind = {at: end - places.get(at, 0) for at, end in wanted.items() if end > places.get(at, 0)}
            show(sum(behind.values()))
            if not behind:
                return
            if time.monotonic() > give_up_at:
                named = ", ".join(f"{at} by {count}" for at, count in list(behind.items())[:NAMED])
                raise Broken(f"not caught up within {CAUGHT_UP_WITHIN_S:.0f} s: {named}")
            wait(LOOK_S)


def stop_flows(parts: Parts) -> dict[str, int]:
    """Ask every flow to end; gives the supervisors' exit codes."""
    return {name: flow.stop() for name, flow in parts.flows.items()}


def compare_all(
    bootstrap_servers: str, client: Client, acked: Acked, limits: Limits, show: Callable[[str], None]
) -> Found:
    """Read the topics back and compare every view, and what was acknowledged.

    Raises:
        Broken: a flow runs whose views nobody compares.

    """
    if set(FLOWS) != set(TOPICS):
        raise Broken(f"nobody compares the views of {', '.join(set(FLOWS) - set(TOPICS))}")
    found = Found()
    for topic in FLOW:
        show(f"reading {topic} back")
        log = read_back(bootstrap_servers, topic)
        found.messages[topic] = len(log)
        found.missing += missing(acked, topic, log)
        for view, true in true_sheets(topic, log, limits).items():
            show(f"comparing {view} of {topic}: {len(true):,} rows")
            name = f"{view} ({topic})" if view in BY_TOPIC else view
            shown = shown_sheet(client, view, topic if view in BY_TOPIC else None)
            found.compared.append(compare(name, shown, true))
            found.stored[view] = stored(client, view)
    return found
