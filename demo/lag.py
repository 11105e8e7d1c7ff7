"""How far flows are behind in Kafka, as lag tools see it: log end - committed offset.

Rules: Kafka that does not answer in time is "not known", never an error, while a demo runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException, TopicPartition

import settings
from demo.streams import STREAMS, Stream
from simulator.plan import PLAYERS, TOPICS
from sources.kafka_client import consumer, describe
from topics import fraud_labels, fraud_outbox, fraud_rules
from topics.errors import Broken

ANSWERS_WITHIN_S = 5.0
OF_FRAUD = (PLAYERS, fraud_rules.TOPIC.name, fraud_labels.TOPIC.name, fraud_outbox.TOPIC.name)


class Lag:
    """Knows the partitions of all topics, and asks as the group of each flow."""

    def __init__(self, at: settings.Settings) -> None:
        """Connect.

        Raises:
            BadInput: Kafka or a topic is not there.

        """
        self._groups = {
            stream.flow: consumer(at.kafka, f"{at.kafka.group}-{stream.flow}") for stream in STREAMS
        }
        self._places = {
            topic: [TopicPartition(topic, number) for number in range(describe(at.kafka, topic).partitions)]
            for topic in (*TOPICS, *OF_FRAUD)
        }

    def close(self) -> None:
        """Disconnect."""
        for group in self._groups.values():
            group.close()

    def unsaved(self) -> Mapping[str, int | None]:
        """Count the messages behind the committed offsets of each flow."""
        try:
            ends = self._ends(TOPICS)
        except KafkaException:
            return {stream.flow: None for stream in STREAMS}
        return {stream.flow: self._unsaved(stream, ends) for stream in STREAMS}

    def messages(self) -> int:
        """Count the messages that the topics ever got, those about fraud too.

        Raises:
            Broken: Kafka does not answer.

        """
        try:
            return sum(self._ends(self._places).values())
        except KafkaException as error:
            raise Broken(f"Kafka does not answer ({error.args[0].str()})") from error

    def _ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        asker = next(iter(self._groups.values()))
        return {
            (topic, place.partition): int(asker.get_watermark_offsets(place, timeout=ANSWERS_WITHIN_S)[1])
            for topic in topics
            for place in self._places[topic]
        }

    def _unsaved(self, stream: Stream, ends: Mapping[tuple[str, int], int]) -> int | None:
        places = [place for topic in stream.topics for place in self._places[topic]]
        try:
            committed = self._groups[stream.flow].committed(places, timeout=ANSWERS_WITHIN_S)
        except KafkaException:
            return None
        # A commit between the two questions may lie past the end that was told before.
        return sum(max(ends[place.topic, place.partition] - max(place.offset, 0), 0) for place in committed)
