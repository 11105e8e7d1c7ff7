"""One count of partitions for all processes of a cluster, and one end for all sources of a process."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread

from flows.rounds import Rounds
from sources.kafka import KafkaSource
from sources.kafka_client import Log
from sources.reading import Client, Reading
from topics.player_events import TOPIC
from verify.simulation.kafka import LOG_ID, Judge, MemoryConsumer, Nowhere, Topic, Watch
from windows.archive import ArchiveLane
from windows.plan import NO_WINDOW_S, Plan

PLAN = Plan("archive", (), (NO_WINDOW_S,), dedup_offsets=0)


@dataclass
class Opened:
    """One source on a topic in memory, as a process has just opened it."""

    topic: Topic
    drain: bool = False
    watch: Watch = field(init=False)
    source: KafkaSource = field(init=False)

    def __post_init__(self) -> None:
        log = Log(LOG_ID, self.topic.name, len(self.topic.logs))
        self.watch = Watch(self.topic, log)
        client = Client(
            ask=lambda *_: log,
            open=lambda *_: MemoryConsumer(self.topic, Random(1)),  # type: ignore[arg-type]
            watch=lambda *_: self.watch,  # type: ignore[arg-type]
            threads=lambda *_: Judge(),
        )
        reading = Reading(lambda: 0.0, drain=self.drain, client=client)
        lane = partial(ArchiveLane, PLAN, TOPIC)
        self.source = KafkaSource(Nowhere(), self.topic.name, PLAN, lane, reading)

    def has_ended(self) -> bool:
        """Tell whether the first partition ends when it is asked for messages."""
        part = self.source.build_part("read", "00000", None)
        try:
            part.next_batch()
        except StopIteration:
            return True
        return False


def topic(partitions: int = 4) -> Topic:
    return Topic(TOPIC.name, [[] for _ in range(partitions)])


def cluster(folder: Path, start: str = "now") -> tuple[Rounds, Rounds]:
    return Rounds(folder, start, 0, alone=False), Rounds(folder, start, 1, alone=False)


def test_a_process_that_found_more_reads_what_the_first_one_counted_and_both_end(tmp_path: Path) -> None:
    grows, stop = topic(), Event()
    first, second = cluster(tmp_path)
    opened = [Opened(grows)]
    grows.logs.append([])
    opened.append(Opened(grows))
    assert first.begin([opened[0].source], stop)
    assert second.begin([opened[1].source], stop)
    assert [of.source.list_parts() for of in opened] == [["00000", "00001", "00002", "00003"]] * 2
    for of in opened:
        of.watch.look()
    assert [of.has_ended() for of in opened] == [True, True]


def test_a_process_that_found_fewer_reads_them_all_and_goes_on(tmp_path: Path) -> None:
    grows, stop = topic(), Event()
    first, second = cluster(tmp_path)
    early = Opened(grows)
    grows.logs.append([])
    late = Opened(grows)
    early.watch.look()
    assert first.begin([late.source], stop)
    assert second.begin([early.source], stop)
    for of in (early, late):
        of.watch.look()
    assert [len(of.source.list_parts()) for of in (early, late)] == [5, 5]
    assert [of.has_ended() for of in (early, late)] == [False, False]


def test_only_the_count_of_this_start_and_this_round_is_taken(tmp_path: Path) -> None:
    """A stale one would part the processes: without the right one nothing begins."""
    asked, grown = Event(), topic(5)
    earlier, _ = cluster(tmp_path, "an earlier start")
    earlier.begin([Opened(topic(4)).source], Event())
    first, second = cluster(tmp_path)
    peer, began = Opened(topic(4)), list[bool]()
    waits = Thread(target=lambda: began.append(second.begin([peer.source], asked)))
    waits.start()
    first.begin([Opened(grown).source], Event())
    waits.join(20)
    assert (began, peer.source.log.partitions) == ([True], 5)
    asked.set()
    assert not second.begin([peer.source], asked)  # process 0 begins no second round


def test_a_process_alone_leaves_no_file(tmp_path: Path) -> None:
    assert Rounds(tmp_path, "now", 0, alone=True).begin([Opened(topic()).source], Event())
    assert not list(tmp_path.iterdir())


def test_all_sources_of_a_flow_end_when_one_topic_has_grown_but_a_drain_does_not(tmp_path: Path) -> None:
    """Else the grown topic's source would end and the others go on: nobody would read it any more."""
    for drain in (False, True):
        grows, stays = topic(), Opened(topic(), drain=drain)
        opened = Opened(grows, drain=drain)
        stays.topic.append(0, b"{}", 0)
        grows.append(0, b"{}", 0)
        Rounds(tmp_path, "now", 0, alone=True).begin([opened.source, stays.source], Event())
        grows.logs.append([])
        opened.watch.look()
        assert [of.has_ended() for of in (opened, stays)] == [not drain, not drain]
