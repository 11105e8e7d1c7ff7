"""What Kafka and ClickHouse say for `gamewax status`: whether they answer, the books, the dead letters.

Rules: asked as the reader when there is one; every question has a time limit, and who does not answer is
a value, not an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

import settings
from cli.status_model import Books, DeadLetters, ServiceStatus
from sinks.clickhouse_client import open_client
from sinks.clickhouse_errors import root_cause
from sinks.kafka import DEAD_LETTERS
from sources.kafka_client import Log, describe, log_ends
from topics.errors import GamewaxError

ANSWER_S = 3
GIVE_UP_S = 5.0  # for everything that one of the two is asked

BOOKS = """
SELECT flow, window_seconds, sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates),
       sum(abs(toInt64(read) - toInt64(aggregated + late + dead + duplicates)))
FROM accounting GROUP BY flow, window_seconds ORDER BY flow, window_seconds
"""
PLACES = "SELECT DISTINCT flow, log, topic, partition, next_offset FROM accounting"
LETTERS = """
SELECT topic, reason, count() AS letters FROM dead_letters
WHERE first_seen > now() - INTERVAL 1 HOUR GROUP BY topic, reason ORDER BY letters DESC, topic, reason
"""


@dataclass(slots=True)
class Stored:
    """What ClickHouse has; `places` are next offsets by flow, log, topic and partition."""

    service: ServiceStatus
    books: dict[str, list[Books]] = field(default_factory=dict)
    places: dict[tuple[str, str, str, int], int] = field(default_factory=dict)
    letters: tuple[DeadLetters, ...] | None = None


@dataclass(slots=True)
class Logs:
    """What Kafka has: the topics that were asked for, with their ends."""

    service: ServiceStatus
    ends: dict[Log, dict[int, int]] = field(default_factory=dict)


def stored() -> Stored:
    """Ask ClickHouse for the books and the dead letters of the last hour."""
    server = settings.load().clickhouse
    if server.reader_user:
        server = server.model_copy(update={"user": server.reader_user, "password": server.reader_password})
    found = Stored(ServiceStatus("ClickHouse", server.url, answers=False, trouble="does not answer in time"))

    def ask() -> None:
        try:
            with open_client(server, server.database, ANSWER_S) as client:
                _read(client, found)
            found.service = ServiceStatus("ClickHouse", server.url, answers=True)
        except (ClickHouseError, OSError, GamewaxError) as error:
            found.service = ServiceStatus("ClickHouse", server.url, answers=False, trouble=_why(error))

    _within(ask)
    return found


def logs(topics: set[str]) -> Logs:
    """Ask Kafka for the ends of topics."""
    kafka = settings.load().kafka
    found = Logs(
        ServiceStatus("Kafka", kafka.bootstrap_servers, answers=False, trouble="does not answer in time")
    )

    def ask() -> None:
        try:
            describe(kafka, DEAD_LETTERS, ANSWER_S)
            for topic in topics:
                log = describe(kafka, topic, ANSWER_S)
                found.ends[log] = log_ends(kafka, log, ANSWER_S)
            found.service = ServiceStatus("Kafka", kafka.bootstrap_servers, answers=True)
        except GamewaxError as error:
            found.service = ServiceStatus("Kafka", kafka.bootstrap_servers, answers=False, trouble=str(error))

    _within(ask)
    return found


def unread(flow: str, stored: Stored, logs: Logs) -> int | None:
    """Count the messages that wait for a flow that does not run; None when that is not known."""
    mine = {place[1:]: offset for place, offset in stored.places.items() if place[0] == flow}
    topics = {topic for _, topic, _ in mine}
    known = [(log, ends) for log, ends in logs.ends.items() if log.topic in topics]
    if not known:
        return None
    return sum(
        max(end - mine.get((log.id, log.topic, partition), 0), 0)
        for log, ends in known
        for partition, end in ends.items()
    )


def _read(client: Client, found: Stored) -> None:
    for flow, *numbers in client.query(BOOKS).result_rows:
        found.books.setdefault(str(flow), []).append(Books(*(int(number) for number in numbers)))
    for flow, log, topic, partition, offset in client.query(PLACES).result_rows:
        found.places[str(flow), str(log), str(topic), int(partition)] = int(offset)
    rows = client.query(LETTERS).result_rows
    found.letters = tuple(DeadLetters(str(topic), str(reason), int(count)) for topic, reason, count in rows)


def _why(error: Exception) -> str:
    said = root_cause(error)
    return f"does not answer within {ANSWER_S} s" if "timed out" in said else said


def _within(ask: Callable[[], None]) -> None:
    """Wait for a question no longer than `GIVE_UP_S`; it is left behind then."""
    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(GIVE_UP_S)
