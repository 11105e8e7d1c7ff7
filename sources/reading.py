"""How a Kafka source reads: with which clients and clocks, until when, and from where on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Event

from confluent_kafka import Consumer

from sources.at_once import AtOnce
from sources.end_watch import EndWatch
from sources.kafka_client import Log, consumer, describe
from sources.partition_watch import PartitionWatch
from sources.unjudged import FOR_TABLES, Pace
from topics.servers import KafkaServer
from windows.take import LaneState


@dataclass(frozen=True, slots=True)
class Client:
    """How a source reaches Kafka and works beside its flow; a simulation hands in its own."""

    ask: Callable[[KafkaServer, str], Log] = describe
    open: Callable[[KafkaServer, str], Consumer] = consumer
    watch: Callable[[KafkaServer, Log, Callable[[], float]], PartitionWatch] = PartitionWatch
    threads: Callable[[int, str], Executor] = AtOnce
    ends: Callable[[KafkaServer, Log, Callable[[], float], float | None], EndWatch] = EndWatch


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read: `monotonic` gives seconds that only grow; `drain` ends at the end seen at start.

    Setting `stop` ends the source at an epoch's edge, with a snapshot. `past` is where each partition
    stood, also those that other processes of a cluster read; `resumed` where some go on that have no past or
    must not go on there; `kept` which partitions the store knows, also those that the topic has no more.
    `pause` stops reading when most messages are dead letters (`sources.dead_share`), `pace` says how soon
    messages are judged.
    """

    monotonic: Callable[[], float]
    idle_after_s: float = 30.0
    drain: bool = False
    pause: bool = True
    stop: Event = field(default_factory=Event)
    past: Sequence[LaneState] = ()
    resumed: Mapping[int, LaneState] = field(default_factory=dict)
    kept: frozenset[int] = frozenset()
    client: Client = Client()
    pace: Pace = FOR_TABLES
