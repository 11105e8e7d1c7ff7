"""Pytest plugin: one running embedded broker for the whole session, a fresh topic for who asks.

Loaded by `tests/conftest.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from cli.topics import wait_known
from embedded.kafka import EmbeddedKafka, client

MakeTopic = Callable[..., str]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """The session's broker; a test that kills it starts it again."""
    with EmbeddedKafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(broker: EmbeddedKafka) -> str:
    """The bootstrap address of the session's broker."""
    return broker.bootstrap_servers


@pytest.fixture(scope="session")
def kafka_admin(kafka: str) -> AdminClient:
    """An admin client of the session's broker."""
    return client(kafka)


@pytest.fixture(scope="session")
def make_topic(kafka_admin: AdminClient) -> MakeTopic:
    """Make a topic that nobody used: `make_topic(partitions=4, **config)` gives its name."""
    numbers = count()

    def make(partitions: int = 4, **config: str) -> str:
        name = f"fresh-{next(numbers)}"
        settings = {key.replace("_", "."): value for key, value in config.items()}
        topic = NewTopic(name, partitions, 1, config={"message.timestamp.type": "LogAppendTime", **settings})
        kafka_admin.create_topics([topic])[name].result(30)
        wait_known(kafka_admin, [name])
        return name

    return make
