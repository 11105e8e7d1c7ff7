"""One Kafka partition as a Bytewax source partition: polls, hands batches to a lane, gives out its takes.

Rules:
- Read-ahead is judged a batch at a time, on the thread that reads (ADR 0012) or, where an executor is handed
  in, beside it; takes are handed on in order, and the snapshot is exactly what was handed on. Read-ahead
  that is lost in a crash is read again.
- `next_batch` never blocks: a poll takes what the client has already fetched.
- Where the log does not hold the next message any more, nothing more is read, and what was read is handed
  on and saved before the gap is told.
- A floor is proposed in a snapshot and used from the next call on: Bytewax calls a source again only
  when the epoch that holds the snapshot is committed.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from threading import Thread

import msgspec
import structlog
from bytewax.inputs import StatefulSourcePartition
from confluent_kafka import Consumer, Message, TopicPartition

from sources.board import Surroundings
from sources.figures import PartitionFigures
from sources.gaps import GapMet, met
from sources.kafka_client import lost_place, trouble
from sources.messages import arrivals, joined, offset_of, position_after
from sources.quiet import Silence, Ticks
from sources.unjudged import POLL, Unjudged
from windows.codec import packed_state
from windows.plan import NEVER
from windows.take import Arrivals, JudgingLane, LaneState, Take

MOST_HELD = 80_000  # messages that all partitions of a process hold unjudged; one may always hold a batch
LEAVES_WITHIN_S = 1.0  # the client waits for ever for a broker that is gone
PAUSE = timedelta(milliseconds=5)  # between calls while nothing is read


class KafkaPartition(StatefulSourcePartition[Take, bytes]):
    """Reads one partition from where its lane stands.

    Args:
        reader: a consumer already assigned at the lane's next offset.
        lane: judges what is read.
        around: what is shared with the other partitions.
        end: stop when everything before this offset is handed on; None = never.

    """

    def __init__(self, reader: Consumer, lane: JudgingLane, around: Surroundings, end: int | None) -> None:
        self._reader, self._lane, self._around, self._end = reader, lane, around, end
        self._handed: LaneState = lane.state
        self._unjudged = Unjudged(around.pace)
        self._ahead: deque[Future[Take]] = deque()
        self._read_to = lane.state.next_offset
        self._floor = NEVER  # proposed, used once committed
        self._commit = False
        self._place = TopicPartition(lane.state.topic, lane.state.partition)
        self._quiet = Silence(reader, self._place, around.quiet_s)
        self._ticks = Ticks(lane.state.partition, around.ends)
        self._ticked: list[Take] = []  # at most one
        self._standing = around.board.standings[lane.state.partition]
        self._greeted = False
        self._read_s = 0.0  # when a message was last handed on
        self._lost = self._lost_saved = False  # the place to read on at, and all that was read before it

    def next_batch(self) -> list[Take]:
        """Hand on finished takes, and read ahead.

        Raises:
            StopIteration: at the end of a drain, or when the process is asked to stop.
            GapMet: messages that were still to be read are gone.

        """
        self._standing.turned_s = self._around.monotonic()
        if self._around.stopping():
            raise StopIteration
        if self._lost_saved:
            raise met(self._reader, self._handed, self._read_to)
        takes = self._after_commit() + self._finished()
        if self._drained() and not takes:
            raise StopIteration
        if not (self._drained() or self._waits_for_floor()):
            self._read_ahead()
        ticked, self._ticked = self._ticked, []
        takes += self._finished()  # where no other thread judges, a message is handed on at once
        return takes + ticked

    def next_awake(self) -> datetime | None:
        """Rest a little when there is nothing to do."""
        busy, rest = self._ahead or self._standing.unread, self._around.pace.rest
        rest = PAUSE if self._around.paused else None if busy else rest
        return None if rest is None else datetime.now(UTC) + rest  # noqa: TID251  Bytewax's own clock

    def snapshot(self) -> bytes:
        """Write where the handed-on takes end, with a floor if this partition is silent or new.

        Raises:
            GapMet: the topic is another log, so nobody can tell which of them the last takes are from.

        """
        if not self._around.still_ours(self._read_s):
            raise GapMet(f"{self._where} is read in a log that is gone: the topic was created anew")
        self._commit, self._standing.saved = True, self._handed.next_offset
        self._standing.snapshot_s = self._around.monotonic()
        self._standing.snapshots += 1
        self._lost_saved = self._lost and not (self._unjudged or self._ahead)
        self._floor = self._proposed_floor()
        floor = max(self._handed.floor_ms, self._floor)
        return packed_state(msgspec.structs.replace(self._handed, floor_ms=floor))

    def figures(self, end: int) -> PartitionFigures:
        """Tell where the partition stands; `end` is the log's end as the broker told it."""
        handed, standing = self._handed, self._standing
        end = max(end, standing.end)
        under_way = self._unjudged or self._ahead
        reached = handed.next_offset if under_way else max(handed.next_offset, self._read_to)
        return PartitionFigures(
            topic=handed.topic,
            partition=handed.partition,
            read=handed.read,
            dead=handed.dead,
            duplicates=handed.duplicates,
            late=handed.late,
            next_offset=handed.next_offset,
            end_offset=end,
            lag=max(end - reached, 0),
            newest_ms=known(handed.newest_ms),
            watermark_ms=known(standing.guarantee_ms),
            idle=self._quiet.long_enough,
            paused=self._around.paused,
            unread=standing.unread,
            snapshots=standing.snapshots,
            snapshot_s=standing.snapshot_s,
            turned_s=standing.turned_s,
        )

    def close(self) -> None:
        """Leave Kafka; others wait for us no more. A Kafka that is away is not waited for."""
        self._standing.unread, self._standing.held = False, 0
        leaving = Thread(target=self._reader.close, name="leave", daemon=True)
        leaving.start()
        leaving.join(LEAVES_WITHIN_S)

    def _after_commit(self) -> list[Take]:
        """Act on what the last snapshot made certain: tell lag tools, use the floor."""
        takes = []
        if self._commit:
            place = TopicPartition(self._handed.topic, self._handed.partition, self._handed.next_offset)
            self._reader.commit(offsets=[place], asynchronous=True)
            self._commit = False
        if self._floor > NEVER or not self._greeted:
            takes = [self._hand_on(self._lane.raise_floor(self._floor))]
            self._standing.new = False if self._floor > NEVER else self._standing.new
            self._floor, self._greeted = NEVER, True
        return takes

    def _finished(self) -> list[Take]:
        takes = []
        while self._ahead and self._ahead[0].done():
            takes.append(self._hand_on(self._ahead.popleft().result()))
        return takes

    def _hand_on(self, take: Take) -> Take:
        share, read = self._around.share, take.after.read - self._handed.read
        if share and share.saw(self._around.monotonic(), read, take.dead) and self._end is None:
            structlog.get_logger().error(f"reading paused: {share.why}")  # a drain says it when it ends
        if read:
            self._read_s = self._around.monotonic()
        self._handed = take.after
        self._standing.newest_ms = take.after.newest_ms
        self._standing.guarantee_ms = take.after.guarantee_ms(self._lane.plan)
        return take

    def _read_ahead(self) -> None:
        now = self._around.monotonic()
        if self._may_poll():
            found = self._poll()
            if found:
                self._unjudged.add(arrivals(found), now)
            idle = not (self._unjudged or self._ahead)
            self._quiet.saw(now, idle=idle, position=self._read_to)
            tick = self._ticks.saw(now, idle=idle, position=self._read_to)
            self._ticked = [Take(self._handed, quiet=tick)] if tick else []
        if not self._ahead and self._unjudged.due(now):  # a lane judges one batch at a time
            self._ahead.append(self._around.threads.submit(self._judge, self._unjudged.taken()))
        self._standing.held = len(self._unjudged) + self._around.pace.batch * len(self._ahead)

    def _may_poll(self) -> bool:
        room = self._around.board.held() < MOST_HELD or not self._standing.held
        waits = self._lost or self._around.paused or self._too_far_ahead()
        return room and not waits and not self._unjudged.enough

    def _poll(self) -> list[Message]:
        """Take what was fetched; drop marks and errors that pass by themselves."""
        polled = self._reader.consume(POLL, 0)
        if not polled:
            return polled
        flawless = not any(map(Message.error, polled))
        good = polled if flawless else [message for message in polled if message.error() is None]
        marks = polled[-1:] if flawless else polled
        self._lost |= any(lost_place(message) for message in marks)
        for problem in filter(None, (trouble(message, self._where) for message in marks if not self._lost)):
            raise problem
        self._read_to = position_after(marks, self._read_to)
        self._standing.end = max(self._standing.end, self._known_end())
        self._standing.unread = flawless and self._read_to < self._standing.end
        if self._end is not None and self._read_to > self._end:
            return [message for message in good if offset_of(message) < self._end]
        return good

    def _known_end(self) -> int:
        """Give the log's end by the last fetch: an end mark comes only when a fetch finds nothing at all."""
        _, high = self._reader.get_watermark_offsets(self._place, cached=True)
        return int(high)

    @property
    def _where(self) -> str:
        return f"{self._place.topic}/{self._place.partition}"

    def _judge(self, polls: list[Arrivals]) -> Take:
        return self._lane.take(joined(polls))

    def _drained(self) -> bool:
        return self._end is not None and self._read_to >= self._end and not self._ahead and not self._unjudged

    def _too_far_ahead(self) -> bool:
        ahead_ms = self._around.board.ahead_ms(self._handed.partition, self._standing.newest_ms)
        return ahead_ms > self._around.pace.ahead_ms

    def _waits_for_floor(self) -> bool:
        if self._standing.new and self._around.board.floor_for(self._handed.partition) == NEVER:
            self._standing.new = False  # nobody has a past: nothing can have been closed
        return self._standing.new

    def _proposed_floor(self) -> int:
        silent = self._quiet.long_enough and self._end is None and not (self._ahead or self._unjudged)
        if not (silent or self._standing.new):
            return NEVER
        floor = self._around.board.floor_for(self._handed.partition)
        return floor if floor > self._standing.guarantee_ms else NEVER


def known(time_ms: int) -> int | None:
    """Give an event time, or None before there was any."""
    return time_ms if time_ms > NEVER else None
