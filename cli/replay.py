"""Sends dead letters back to where they came from: original bytes, key, topic and partition.

Rules:
- A batch is sent, Kafka acknowledges it, then its rows are marked as replayed; only then comes the next.
- Headers carry the original's identity, so that a flow counts two copies once, and a letter that is bad
  again updates its own row.
- A letter whose log is not the topic's (made anew, another cluster, a file) is not sent: nobody could
  tell its replay from another.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from clickhouse_connect.driver.client import Client
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from cli.letters import Letter, Letters
from cli.letters_wanted import Wanted
from cli.replay_journal import Journal
from settings import Kafka
from sinks.clickhouse_insert import block, insert
from sinks.kafka import open_producer
from sources.kafka_client import Log, describe
from topics.dead_letters import DeadLetter, Replay
from topics.errors import Broken
from topics.registry import TOPICS
from topics.rejects import Reason
from windows.ledger import replayed_rows

LARGEST = 100_000_000  # bytes: what was accepted once may be sent again; the broker has the last word
ACKNOWLEDGED_WITHIN_MS = 60_000
TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}


@dataclass(frozen=True, slots=True)
class Part:
    """The letters of one log: how many wait, and the topic's log if they can go back there."""

    log: str
    topic: str
    due: int
    done: int
    back: Log | None


@dataclass(slots=True)
class Answers:
    """What Kafka said about a batch."""

    delivered: list[DeadLetter] = field(default_factory=list)
    refused: list[KafkaError] = field(default_factory=list)

    def __call__(self, letter: DeadLetter, error: KafkaError | None, message: Message) -> None:
        """Take the answer for one letter."""
        del message
        if error is None:
            self.delivered.append(letter)
        else:
            self.refused.append(error)

    def check(self) -> None:
        """Accept what no try can change, a letter too large; nothing else.

        Raises:
            Broken: Kafka refused letters for another reason.

        """
        for error in self.refused:
            if error.code() not in TOO_LARGE:
                raise Broken(
                    f"Kafka did not take {len(self.refused)} letters ({error.str()}); those that it took are "
                    "marked as replayed, run the same command again for the others"
                )


def parts(letters: Letters, wanted: Wanted, kafka: Kafka, known: Container[str]) -> list[Part]:
    """Say what there is to replay, log by log; `known` are the topics that Kafka has."""
    logs = letters.logs(wanted)
    now = {topic: describe(kafka, topic) for topic in {topic for _, topic, _, _ in logs} if topic in known}
    return [
        Part(log, topic, due, done, at if (at := now.get(topic)) and at.id == log else None)
        for log, topic, due, done in logs
    ]


class Replaying:
    """Sends the letters of one log and marks them.

    Args:
        kafka: where Kafka is.
        log: the topic as it is now.
        client: marks rows in ClickHouse.
        now_ms: the present.

    """

    def __init__(self, kafka: Kafka, log: Log, client: Client, now_ms: Callable[[], int]) -> None:
        options = {
            "message.max.bytes": LARGEST,
            "delivery.timeout.ms": ACKNOWLEDGED_WITHIN_MS,
            **kafka.options,
        }
        self._producer: Producer = open_producer(kafka.model_copy(update={"options": options}), log.topic)
        self._kafka, self._log, self._client, self._now_ms = kafka, log, client, now_ms
        self.refused = 0

    def run(self, pages: Iterator[list[Letter]]) -> Iterator[int]:
        """Replay pages of letters; gives after each how many were marked.

        Raises:
            Broken: Kafka or ClickHouse refused something.

        """
        with Journal(self._kafka, self._log) as journal:
            sent_before = journal.begin()
            for page in pages:
                letters = [letter.dead for letter in page]
                there = [of for of in letters if (of.id, of.replays + 1) in sent_before]
                answers = self.send([of for of in letters if (of.id, of.replays + 1) not in sent_before])
                self.mark([*there, *answers.delivered])
                answers.check()
                self.refused += len(answers.refused)
                yield len(page)
            journal.end()

    def send(self, letters: Sequence[DeadLetter]) -> Answers:
        """Send letters and wait for Kafka's answers."""
        answers = Answers()
        for letter in letters:
            self._produce(letter, answers)
        self._producer.flush()
        return answers

    def mark(self, letters: Sequence[DeadLetter]) -> None:
        """Note in ClickHouse that letters were sent once more."""
        if letters:
            insert(self._client, block(replayed_rows(letters, self._now_ms())))

    def _produce(self, letter: DeadLetter, answers: Answers) -> None:
        headers = Replay(
            letter.log,
            letter.topic,
            letter.partition,
            letter.offset,
            max(letter.first_seen_ms, 0),
            letter.replays + 1,
        ).headers()
        while True:
            try:
                self._producer.produce(
                    letter.topic,
                    value_of(letter),
                    key_of(letter),
                    letter.partition,
                    headers=headers,
                    on_delivery=partial(answers, letter),
                )
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                answers.refused.append(error.args[0])
                return
            else:
                return


def value_of(letter: DeadLetter) -> bytes | None:
    """Give the original value; no value and an empty one are told apart by the reason."""
    return None if letter.reason == Reason.tombstone else letter.raw


def key_of(letter: DeadLetter) -> bytes | None:
    """Give the original key; no key and an empty one are stored alike and sent as none, where that may be."""
    needs_key = letter.topic in TOPICS and TOPICS[letter.topic].compacted
    return letter.key if letter.key or needs_key else None
