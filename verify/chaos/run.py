"""A chaos run from the first message to the last comparison.

In: running services with topics and tables, how much harm. Out: what was harmed and what was found.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from sinks.clickhouse_client import connect
from topics.errors import GamewaxError
from verify.chaos.ending import TOPICS, Found, catch_up, come_back, compare_all, stop_flows
from verify.chaos.faults import KILL, Fault, Faults, group_of
from verify.chaos.feed import Feed, Stream
from verify.chaos.parts import Parts
from verify.chaos.progress import Progress
from verify.chaos.screen import Screen
from verify.chaos.wreak import Wreaking, wait_until_all_move, wreak
from verify.hostile import MAKERS, hostile
from verify.oracle import Limits
from verify.troubled import troubled

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=2_000)
FLOW_SETTINGS: Mapping[str, str] = {  # short, so that kills fall into every phase
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": str(LIMITS.lateness_ms // 1000),
    "GAMEWAX_WINDOWS__DEDUP_OFFSETS": str(LIMITS.dedup_offsets),
    "GAMEWAX_WINDOWS__UPSERT_EVERY_S": "0.2",
    "GAMEWAX_WINDOWS__IDLE_AFTER_S": "600",  # silence is judged by wall time, which no oracle can know
    "GAMEWAX_RECOVERY__EPOCH_S": "0.4",
    "GAMEWAX_RECOVERY__BACKUP_EVERY_S": "20",
}
Harm = Callable[[Faults, Callable[[str], None]], None]  # harms, and tells the screen what it does
PER_SECOND = {"player-events": 300.0, "purchase-events": 150.0, "server-metrics": 150.0}


@dataclass(slots=True)
class Ran:
    """A run that is over; `trouble` says what ended it early, and then little was compared."""

    seed: int
    found: Found = field(default_factory=Found)
    faults: list[Fault] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    restarts: dict[str, Counter[int]] = field(default_factory=dict)  # of each flow, by exit code before
    supervisors: dict[str, Counter[int]] = field(default_factory=dict)  # the same of its supervisor
    services_started: dict[str, int] = field(default_factory=dict)
    harmed: int = 0  # requests and connections to ClickHouse that the proxy spoiled
    harm_s: float = 0.0
    catch_up_s: float = 0.0
    seconds: float = 0.0
    trouble: str = ""

    @property
    def kills(self) -> Counter[str]:
        """Count the kills by target."""
        return Counter(fault.target for fault in self.faults if fault.kind == KILL)

    @property
    def right(self) -> bool:
        """Tell whether everything was compared and is as it must be."""
        return not self.trouble and self.found.right

    def longest(self) -> dict[str, float]:
        """Give the longest time from a kill to the next progress, by kind of part, in seconds."""
        longest: dict[str, float] = {}
        for fault in self.faults:
            if fault.moved_after_s is not None:
                kind = group_of(fault.target)
                longest[kind] = max(longest.get(kind, 0.0), fault.moved_after_s)
        return longest


def streams(seed: int, share: float = 1.0) -> list[Stream]:
    """Give the load of all topics; `share` of its usual rate."""
    messages = {"player-events": troubled(seed)}
    messages |= {topic: hostile(seed, make) for topic, make in MAKERS.items()}
    return [Stream(topic, messages[topic], rate * share) for topic, rate in PER_SECOND.items()]


def chaos(parts: Parts, asked: Wreaking, screen: Screen) -> Ran:
    """Kill and harm at random."""
    return play(parts, asked.seed, lambda faults, show: wreak(faults, asked, show), screen)


def play(parts: Parts, seed: int, harm: Harm, screen: Screen) -> Ran:
    """Feed, harm, let everything recover, and compare."""
    ran, began = Ran(seed), time.monotonic()
    try:
        _play(parts, harm, screen, ran)
    except (GamewaxError, ClickHouseError, KafkaException, OSError) as error:
        ran.trouble = " ".join(str(error).split()) or type(error).__name__
    ran.seconds = time.monotonic() - began
    return ran


def _play(parts: Parts, harm: Harm, screen: Screen, ran: Ran) -> None:
    feed = Feed(parts.kafka.bootstrap_servers, streams(ran.seed))
    parts.start_flows()
    with Progress(parts.clickhouse.port, parts.users.writer, feed) as progress:
        faults = Faults(parts, progress, screen.tell)
        ran.faults = faults.done
        try:
            with feed:
                wait_until_all_move(faults)
                faults.began = time.monotonic()
                harm(faults, lambda what: screen.show(what, progress.behind(TOPICS)))
                ran.harm_s = time.monotonic() - faults.began
                come_back(parts, faults)
            began = time.monotonic()
            catch_up(parts, faults, lambda behind: screen.show("catching up", behind))
            ran.catch_up_s = time.monotonic() - began
            exits = stop_flows(parts)
        finally:
            faults.end()
            note(ran, parts, feed)
    server = parts.settings().clickhouse
    with connect(server, server.database) as client:
        kafka = parts.kafka.bootstrap_servers
        ran.found = compare_all(kafka, client, feed.acked, LIMITS, screen.tell)
    ran.found.exits = exits


def note(ran: Ran, parts: Parts, feed: Feed) -> None:
    """Write down the counts of the parts."""
    ran.sent, ran.acknowledged, ran.refused = feed.sent, feed.acknowledged, feed.refused
    ran.restarts = {name: flow.restarts() for name, flow in parts.flows.items()}
    ran.supervisors = {name: flow.ended for name, flow in parts.flows.items()}
    ran.services_started = {name: absence.starts for name, absence in parts.absences.items()}
    ran.harmed = parts.proxy.harmed
