"""`gamewax topics`: create and list our topics on any Kafka.

In: `topics.registry`. Rules: a topic that exists is left as it is. Event topics get LogAppendTime,
which bounds what a producer can claim (DESIGN 4.4); a compacted topic keeps each key's last value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput, Broken

if TYPE_CHECKING:  # the client is imported when a command needs it
    from confluent_kafka.admin import AdminClient

    import settings
    from topics.topic import Topic

PARTITIONS = 4
ANSWER_WITHIN_S = 8
BROKERS_DEFAULT = -1  # replication: whatever the cluster says, 1 on one node

app = typer.Typer(help="Create and list the topics that games write to.", rich_markup_mode="rich")


@app.command()
def create(
    partitions: Annotated[
        int, typer.Option(min=1, max=1000, help="Partitions of each new topic.")
    ] = PARTITIONS,
) -> None:
    """Create the topics that do not exist yet; those that do are left alone."""
    import settings
    from topics.registry import TOPICS

    made = create_topics(settings.load(), partitions)
    for name in TOPICS:
        print(f"{name:<18} {f'created, {partitions} partitions' if name in made else 'exists'}")


@app.command("list")
def list_topics() -> None:
    """List our topics: key, partitions on this Kafka, or that one is missing."""
    import settings
    from topics.registry import TOPICS

    found = partition_counts(connect(settings.load()))
    print(f"{'topic':<18} {'key':<28} partitions")
    for topic in TOPICS.values():
        print(f"{topic.name:<18} {topic.key:<28} {found.get(topic.name, 'missing: ./gamewax topics create')}")


def create_topics(at: settings.Settings, partitions: int = PARTITIONS) -> list[str]:
    """Create what is missing of the registry's topics; gives the names of the new ones.

    Raises:
        BadInput: Kafka does not answer, or refuses.

    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import NewTopic

    from topics.registry import TOPICS

    admin = connect(at)
    found = partition_counts(admin)
    missing = [topic for topic in TOPICS.values() if topic.name not in found]
    wanted = [NewTopic(topic.name, partitions, BROKERS_DEFAULT, config=config(topic)) for topic in missing]
    for name, made in (admin.create_topics(wanted) if wanted else {}).items():
        try:
            made.result(ANSWER_WITHIN_S)
        except (KafkaException, TimeoutError) as error:
            raise BadInput(f"Kafka did not create topic {name}: {error}") from error
    wait_known(admin, [topic.name for topic in missing])
    return [topic.name for topic in missing]


def config(topic: Topic) -> dict[str, str]:
    """Give the broker-side settings of a topic that we create."""
    cleanup = {"cleanup.policy": "compact"} if topic.compacted else {}
    kept = {"retention.ms": "-1"} if topic.kept_for_ever else {}
    return {"message.timestamp.type": "LogAppendTime", **cleanup, **kept}


def connect(at: settings.Settings) -> AdminClient:
    """Make an admin client from the settings, with every librdkafka option that they give."""
    import logging

    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    options = {"bootstrap.servers": at.kafka.bootstrap_servers, "log_level": 0, **at.kafka.options}
    try:
        return AdminClient(options, logger=logging.getLogger("gamewax.kafka.client"))
    except KafkaException as error:
        raise BadInput(f"GAMEWAX_KAFKA__OPTIONS: {error}") from error


def partition_counts(admin: AdminClient) -> dict[str, int]:
    """Give the number of partitions of every topic on this Kafka.

    Raises:
        BadInput: Kafka does not answer.

    """
    from confluent_kafka import KafkaException

    try:
        known = admin.list_topics(timeout=ANSWER_WITHIN_S).topics
    except KafkaException as error:
        raise BadInput(
            "Kafka does not answer: check GAMEWAX_KAFKA__BOOTSTRAP_SERVERS, "
            f"or start one with ./gamewax services start --detach ({error.args[0].str()})"
        ) from error
    return {name: len(topic.partitions) for name, topic in known.items()}


def wait_known(admin: AdminClient, names: Sequence[str]) -> None:
    """Wait until the broker tells of new topics; creation is answered a moment earlier."""
    import time

    give_up_at = time.monotonic() + ANSWER_WITHIN_S
    while not partition_counts(admin).keys() >= set(names):
        if time.monotonic() > give_up_at:
            raise Broken(f"Kafka created the topics but does not list them: {', '.join(names)}")
