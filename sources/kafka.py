"""A Kafka topic as a Bytewax source: one source partition for each partition of the topic.

Rules:
- Where to go on is what the recovery store says, never the consumer group; offsets are committed to a
  named group after each snapshot only so that lag tools see them.
- What cannot be read on without a loss stops the flow with exit code 3 (`sources.gaps`): expired offsets,
  a log that was cut or created anew. What was read before is saved first. Where a person has decided to
  go on all the same, `Reading.resumed` says where.
- Partitions added to the topic are found while running; the source then ends at an epoch's edge, with all
  other sources of its flow: whoever runs the flow starts it again, and they are read from their beginning.
  A drain does not look: it reads what was there at its start.
- When most messages are dead letters reading pauses; epochs go on, so what was read is written. A drain
  ends there and `close` raises exit code 3.
- After the run `close` tells lag tools where the last snapshot stands and ends all threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import structlog
from bytewax.inputs import FixedPartitionedSource
from confluent_kafka import Consumer, KafkaException, TopicPartition

from sources.board import Board, Surroundings, standing_of
from sources.dead_share import DeadShare
from sources.figures import SourceFigures
from sources.gaps import GapMet, find, told
from sources.gone import GonePartition
from sources.kafka_client import ANSWER_S, Log, bounds, trouble
from sources.kafka_partition import KafkaPartition
from sources.messages import arrivals, position_after
from sources.reading import Reading
from topics.errors import BadInput, NeedsOperator
from topics.servers import KafkaServer
from windows.codec import read_state
from windows.plan import Plan
from windows.take import JudgingLane, LaneState, MakeLane, Take, fresh_state

REFILL_S = 0.1  # a poll waits for its last messages at most, when marks stand between them


class KafkaSource(FixedPartitionedSource[Take, bytes]):
    """Reads a topic and judges it, partition by partition.

    Args:
        kafka: where Kafka is.
        topic: its name.
        plan: the flow's windows.
        make_lane: gives what judges a partition.
        reading: how to read it.

    Raises:
        BadInput: Kafka does not answer or has no such topic.

    """

    def __init__(
        self,
        kafka: KafkaServer,
        topic: str,
        plan: Plan,
        make_lane: MakeLane,
        reading: Reading,
    ) -> None:
        self._kafka, self._plan, self._make_lane, self._reading = kafka, plan, make_lane, reading
        self._log = reading.client.ask(kafka, topic)
        self._watch = reading.client.watch(kafka, self._log, reading.monotonic)
        self._judge = reading.client.threads(1, "judge")
        every_s = None if reading.drain else reading.pace.quiet_every_s
        self._end_watch = reading.client.ends(kafka, self._log, reading.monotonic, every_s)
        self._parts: dict[int, KafkaPartition] = {}
        self._closed = False
        self._together: Sequence[KafkaSource] = (self,)
        past = {
            of.partition: standing_of(of, of.guarantee_ms(plan), new=False)
            for of in reading.past
            if of.partition < self._log.partitions
        }
        self._share = DeadShare(topic) if reading.pause else None
        self._around = Surroundings(
            Board(past),
            self._judge,
            self._ends,
            reading.monotonic,
            reading.idle_after_s,
            self._share,
            self._watch.still_ours,
            reading.pace,
            self._end_watch.latest,
        )

    @property
    def log(self) -> Log:
        """The topic as it is read."""
        return self._log

    @property
    def goes_on(self) -> bool:
        """Tell that, unless asked to stop, the source ends only to be opened again; a drain is done."""
        return not self._reading.drain

    def count(self, partitions: int) -> None:
        """Read as many partitions as all processes of the flow's cluster do; before the flow runs."""
        self._log = replace(self._log, partitions=partitions)
        self._watch.count(self._log)

    def end_with(self, sources: Sequence[KafkaSource]) -> None:
        """End when one of these must: one flow starts again as a whole; before the flow runs."""
        self._together = sources

    def figures(self) -> SourceFigures:
        """Tell where the partitions stand that this process reads; any thread may ask."""
        ends = self._watch.ends
        parts = tuple(part.figures(ends.get(number, 0)) for number, part in sorted(self._parts.items()))
        return SourceFigures(self._log.topic, parts, self._watch.answered_s, self._closed)

    def close(self) -> None:
        """After the run: end all threads, and tell lag tools where the last snapshot stands.

        Raises:
            NeedsOperator: the drain ended before the log's end, since most messages were dead letters.
            GapMet: the topic was created anew under the readers.

        """
        self._closed = True
        self._watch.close()
        self._end_watch.close()
        self._judge.shutdown(wait=False, cancel_futures=True)
        self._tell_lag_tools()
        if (other := self._watch.found_another) is not None:
            raise GapMet(_another_log(self._log.topic, other.id, self._log.id))
        if self._reading.drain and self._paused:
            raise NeedsOperator(self._paused)

    def _tell_lag_tools(self) -> None:
        standings = self._around.board.standings.items()
        places = [
            TopicPartition(self._log.topic, partition, of.saved)
            for partition, of in standings
            if of.saved is not None
        ]
        if not places:
            return
        teller = self._reading.client.open(self._kafka, self._group)
        try:
            teller.commit(offsets=places, asynchronous=False)
        except KafkaException:
            structlog.get_logger().warning("lag tools not told", topic=self._log.topic)
        finally:
            teller.close()

    @property
    def _paused(self) -> str | None:
        """Say why reading pauses; None while it does not."""
        return self._share.why if self._share else None

    @property
    def _group(self) -> str:
        return f"{self._kafka.group}-{self._plan.flow}"

    def _ends(self) -> bool:
        """Tell whether the readers shall end."""
        if any(source.is_another for source in self._together):
            return True
        if self._paused:  # a drain ends, a flow waits for a person
            return self._reading.stop.is_set() or self._reading.drain
        grown = self.goes_on and any(source.has_grown for source in self._together)
        return grown or self._reading.stop.is_set()

    @property
    def has_grown(self) -> bool:
        """Tell whether the topic has more partitions than are read."""
        return self._watch.found_more

    @property
    def is_another(self) -> bool:
        """Tell whether the topic was created anew under the readers."""
        return self._watch.found_another is not None

    def list_parts(self) -> list[str]:
        """Name the partitions; the engine wants a place for each that the store knows."""
        numbers = {*range(self._log.partitions), *self._reading.kept}
        return [f"{partition:05d}" for partition in sorted(numbers)]

    def build_part(
        self,
        step_id: str,  # noqa: ARG002  Bytewax's interface
        for_part: str,
        resume_state: bytes | None,
    ) -> KafkaPartition | GonePartition:
        """Open a partition where the snapshot says, else at its first message.

        Raises:
            NeedsOperator: the log no longer continues what the snapshot has read.

        """
        partition = int(for_part)
        if partition >= self._log.partitions:
            return GonePartition(resume_state or b"")
        reader = self._reading.client.open(self._kafka, self._group)
        held = bounds(reader, self._log.topic, partition)
        low, high = held
        state = self._state(partition, resume_state, low)
        if gaps := find(self._log, {partition: held}, [state]):
            raise GapMet(told(gaps), gaps)
        lane = self._make_lane(state, self._log.partitions)
        standing = standing_of(lane.state, lane.state.guarantee_ms(self._plan), new=resume_state is None)
        self._around.board.standings[partition] = standing
        standing.end = high
        self._refill(reader, lane, low)
        part = KafkaPartition(reader, lane, self._around, high if self._reading.drain else None)
        self._parts = {**self._parts, partition: part}
        return part

    def _state(self, partition: int, resume_state: bytes | None, low: int) -> LaneState:
        """Give where a lane begins: where it was told to, else by the snapshot, else at the first message."""
        if (state := self._reading.resumed.get(partition)) is not None:
            return state
        if resume_state is not None:
            return read_state(resume_state, LaneState, "Kafka position")
        fresh = fresh_state(self._log.id, self._log.topic, partition, low)
        return msgspec.structs.replace(fresh, generation=self._plan.generation)

    def _refill(self, reader: Consumer, lane: JudgingLane, low: int) -> None:
        """Read the ids just before the lane's next offset into its ring, and stand at that offset."""
        saved = lane.state.next_offset
        begin = max(low, saved - self._plan.dedup_offsets)
        where = f"{self._log.topic}/{lane.state.partition}"
        reader.assign([TopicPartition(self._log.topic, lane.state.partition, begin)])
        position, heard = begin, self._reading.monotonic()
        while position < saved:
            polled = reader.consume(min(10_000, saved - position), REFILL_S)
            for problem in filter(None, (trouble(message, where) for message in polled)):
                raise problem
            batch = arrivals([message for message in polled if message.error() is None])
            lane.remember(batch.before(saved).outside(lane.state.skipped))
            position = position_after(polled, position)
            heard = self._reading.monotonic() if polled else heard
            if self._reading.monotonic() - heard > ANSWER_S:
                raise BadInput(f"Kafka stopped answering while the ids before {saved} of {where} were read")
        if position > begin:
            reader.seek(TopicPartition(self._log.topic, lane.state.partition, saved))


def _another_log(topic: str, now: str, was: str) -> str:
    return (
        f"{topic} is another log now ({now}, was {was}): the topic was created anew or this is another "
        "Kafka cluster"
    )
