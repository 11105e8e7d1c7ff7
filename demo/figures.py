"""What a reader of the tables sees: one look at ClickHouse and one at Kafka, as plain figures.

Rules: asks as the reader user; values are server-side parameters; nothing here knows the simulator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaException, TopicPartition

import settings
from sinks.clickhouse_client import connect
from sources.kafka_client import consumer, describe
from topics.errors import Broken
from topics.player_events import TOPIC

FLOW = "engagement"
FINEST_S = 10  # the smallest window: every good event counts once in these rows
LATELY_S = 60
KAFKA_ANSWERS_WITHIN_S = 5.0

LEVELS = """
SELECT level_id, sumIf(events, window_start > now() - {lately:UInt32}), sum(level_completes), sum(level_fails)
FROM engagement_by_level WHERE window_seconds = {finest:UInt32} GROUP BY level_id ORDER BY level_id
"""
COUNTED = "SELECT sum(events) FROM engagement WHERE window_seconds = {finest:UInt32}"
BOOKS = """
SELECT window_seconds, sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates)
FROM accounting WHERE flow = {flow:String} AND topic = {topic:String}
GROUP BY window_seconds ORDER BY window_seconds
"""
DEAD = "SELECT reason, count() FROM dead_letters WHERE topic = {topic:String} GROUP BY reason"
PARAMETERS: Mapping[str, str | int] = {
    "lately": LATELY_S,
    "finest": FINEST_S,
    "flow": FLOW,
    "topic": TOPIC.name,
}

Table = Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Level:
    """One level as the table has it; `lately` are the events of the last minute."""

    level_id: str
    lately: int
    completes: int
    fails: int

    @property
    def tries(self) -> int:
        """Count the attempts that came to an end."""
        return self.completes + self.fails

    @property
    def fail_share(self) -> float:
        """Give the share of finished attempts that failed, 0-1."""
        return self.fails / self.tries if self.tries else 0.0


@dataclass(frozen=True, slots=True)
class Book:
    """What became of all messages read, for one window size."""

    window_s: int
    read: int
    aggregated: int
    late: int
    dead: int
    duplicates: int

    @property
    def difference(self) -> int:
        """Give what the identity lacks: read - aggregated - late - dead - duplicates; 0 = it holds."""
        return self.read - self.aggregated - self.late - self.dead - self.duplicates


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at everything; `unsaved`: messages in Kafka behind the flow's committed offsets."""

    levels: tuple[Level, ...] = ()
    counted: int = 0
    books: tuple[Book, ...] = ()
    dead: Counter[str] = field(default_factory=Counter)
    unsaved: int | None = None

    @property
    def settled(self) -> int:
        """Count the messages whose fate is in a table that can be read now."""
        book = self.books[0] if self.books else Book(0, 0, 0, 0, 0, 0)
        return self.counted + self.dead.total() + book.late + book.duplicates


class Reader:
    """Looks at the tables as the reader user, and at the flow's place in Kafka."""

    def __init__(self, at: settings.Settings) -> None:
        """Log in.

        Raises:
            BadInput: ClickHouse does not answer or refuses the reader.

        """
        mine = at.clickhouse
        as_reader = mine.model_copy(update={"user": mine.reader_user, "password": mine.reader_password})
        self._client = connect(as_reader, mine.database)
        self._kafka = consumer(at.kafka, f"{at.kafka.group}-{FLOW}")
        partitions = describe(at.kafka, TOPIC.name).partitions
        self._places = [TopicPartition(TOPIC.name, number) for number in range(partitions)]

    def close(self) -> None:
        """Log out."""
        self._client.close()
        self._kafka.close()

    def look(self) -> Figures:
        """Take all figures of this moment.

        Raises:
            ClickHouseError: whatever the driver says.

        """
        levels = tuple(
            Level(str(name), whole(lately), whole(completes), whole(fails))
            for name, lately, completes, fails in self.rows(LEVELS, PARAMETERS)
        )
        counted = whole(self.rows(COUNTED, PARAMETERS)[0][0])
        books = tuple(Book(*map(whole, row)) for row in self.rows(BOOKS, PARAMETERS))
        dead = Counter({str(reason): whole(letters) for reason, letters in self.rows(DEAD, PARAMETERS)})
        return Figures(levels, counted, books, dead, self.unsaved())

    def rows(self, query: str, parameters: Mapping[str, str | int]) -> Table:
        """Ask ClickHouse.

        Raises:
            ClickHouseError: whatever the driver says.

        """
        answer: Table = self._client.query(query, parameters=dict(parameters)).result_rows
        return answer

    def unsaved(self) -> int | None:
        """Count the lag as lag tools do: log end - committed offset; None when Kafka does not say."""
        try:
            places = self._kafka.committed(self._places, timeout=KAFKA_ANSWERS_WITHIN_S)
            ends = [self._end_of(place) for place in places]
        except KafkaException:
            return None
        return sum(end - max(place.offset, 0) for place, end in zip(places, ends, strict=True))

    def messages(self) -> int:
        """Count the messages that the topic ever got.

        Raises:
            Broken: Kafka does not answer.

        """
        try:
            return sum(self._end_of(place) for place in self._places)
        except KafkaException as error:
            raise Broken(f"Kafka does not answer ({error.args[0].str()})") from error

    def _end_of(self, place: TopicPartition) -> int:
        end: int = self._kafka.get_watermark_offsets(place, timeout=KAFKA_ANSWERS_WITHIN_S)[1]
        return end


def whole(value: object) -> int:
    """Take a cell that holds a whole number.

    Raises:
        Broken: it holds something else.

    """
    if not isinstance(value, int):
        raise Broken(f"ClickHouse gave {value!r} where a whole number belongs")
    return value
