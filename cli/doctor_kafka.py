"""`gamewax doctor`, Kafka: who answers, whether our topics are there, and whose clock their times are.

Rules: it only asks. A topic that flows read must exist; the time of its messages should be the
broker's, or bounded by it, or one producer's wrong clock moves a partition's watermark (DESIGN 4.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cli.doctor_lines import Line, bad, ok, warn
from cli.topics import connect
from topics.registry import TOPICS
from topics.topic import Topic

if TYPE_CHECKING:  # the client is imported when it is needed
    from confluent_kafka.admin import AdminClient, ClusterMetadata

    import settings

ANSWER_WITHIN_S = 3.0
BOUNDED_MS = 300_000  # as our own broker's; an event further ahead of its message is no event
MS_IN_HOUR = 3_600_000
AHEAD = "log.message.timestamp.after.max.ms"
START_ONE = "check GAMEWAX_KAFKA__BOOTSTRAP_SERVERS, or start one: ./gamewax services start --detach"

CREATE = "./gamewax topics create"
USED_LATER = "nothing reads it yet; ./gamewax topics create makes it"
Configs = dict[str, dict[str, str]]


def look_at_kafka(at: settings.Settings) -> Iterator[Line]:
    """Ask the brokers for themselves, our topics and their settings."""
    from confluent_kafka import KafkaException

    from topics.errors import GamewaxError

    try:
        admin = connect(at)
        cluster = admin.list_topics(timeout=ANSWER_WITHIN_S)
    except GamewaxError as error:
        yield bad("kafka", str(error), "correct GAMEWAX_KAFKA__OPTIONS")
        return
    except KafkaException as error:
        where = at.kafka.bootstrap_servers
        yield bad("kafka", f"{where} does not answer ({error.args[0].str()})", START_ONE)
        return
    yield ok("kafka", f"cluster {cluster.cluster_id}, brokers: {len(cluster.brokers)}")
    broker = next(iter(cluster.brokers))
    mine = [name for name in TOPICS if name in cluster.topics]
    told = ask_configs(admin, broker, mine)
    yield from look_at_broker(told.get(""))
    for topic in TOPICS.values():
        yield look_at_topic(topic, cluster, told.get(topic.name))


def ask_configs(admin: AdminClient, broker: int, topics: list[str]) -> Configs:
    """Ask for the settings of one broker ('') and of topics; what we may not see is left out."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import ConfigResource, ResourceType

    asked = {"": ConfigResource(ResourceType.BROKER, str(broker))}
    asked |= {name: ConfigResource(ResourceType.TOPIC, name) for name in topics}
    answers = admin.describe_configs(list(asked.values()), request_timeout=ANSWER_WITHIN_S)
    told: Configs = {}
    for name, resource in asked.items():
        try:
            entries = answers[resource].result(ANSWER_WITHIN_S)
        except (KafkaException, TimeoutError):
            continue
        told[name] = {entry.name: entry.value for entry in entries.values()}
    return told


def look_at_broker(config: Mapping[str, str] | None) -> Iterator[Line]:
    """Judge what holds for all topics of the broker."""
    if config is None:
        yield warn("broker", "its settings cannot be seen", "allow DescribeConfigs on the cluster, to know")
        return
    known = "before 4.0" if "zookeeper.connect" in config else "4.0 or later"
    if config.get("auto.create.topics.enable") == "true":
        off = "set auto.create.topics.enable=false: a misspelt topic is made and nobody reads it"
        yield warn("broker", f"{known}; makes topics by itself", off)
    else:
        yield ok("broker", f"{known}; makes no topic by itself; {bound(config.get(AHEAD))}")


def look_at_topic(topic: Topic, cluster: ClusterMetadata, config: Mapping[str, str] | None) -> Line:
    """Judge one topic of ours."""
    if topic.name not in cluster.topics:
        if topic.event is None and not topic.compacted:
            return warn(topic.name, "missing", USED_LATER)
        return bad(topic.name, "missing", CREATE)
    partitions = cluster.topics[topic.name].partitions
    text = f"{len(partitions)} partitions"
    copies = min((len(partition.replicas) for partition in partitions.values()), default=0)
    if copies == 1 < len(cluster.brokers):
        return warn(topic.name, f"{text}, one copy of each", "raise its replication factor")
    if config is None:
        return warn(topic.name, f"{text}; its settings cannot be seen", "allow DescribeConfigs, to know")
    return look_at_cleanup(topic, text, config) or look_at_times(topic, text, config)


def look_at_cleanup(topic: Topic, text: str, config: Mapping[str, str]) -> Line | None:
    """Judge what Kafka throws away of a topic; None when that is right."""
    compacts = "compact" in config.get("cleanup.policy", "delete")
    if topic.compacted and not compacts:
        keep = "set cleanup.policy=compact, or entries are lost when they are old"
        return warn(topic.name, f"{text}; is not compacted", keep)
    if compacts and not topic.compacted:
        lose = "set cleanup.policy=delete: Kafka drops events of a key that has newer ones"
        return bad(topic.name, f"{text}; is compacted", lose)
    return None


def look_at_times(topic: Topic, text: str, config: Mapping[str, str]) -> Line:
    """Judge whose clock the messages' times are."""
    if config.get("message.timestamp.type") == "LogAppendTime":
        return ok(topic.name, f"{text}, the broker's time")
    ahead = config.get("message.timestamp.after.max.ms")
    text = f"{text}, the producer's time; {bound(ahead)}"
    if ahead is not None and int(ahead) <= BOUNDED_MS:
        return ok(topic.name, text)
    limit = f"set message.timestamp.type=LogAppendTime, or message.timestamp.after.max.ms={BOUNDED_MS}"
    return warn(topic.name, text, f"{limit}: one wrong clock makes the others' events late")


def bound(ahead_ms: str | None) -> str:
    """Say how far a producer's time may run ahead of the broker's."""
    ahead = int(ahead_ms) if ahead_ms is not None else None
    if ahead is None or ahead > 1000 * MS_IN_HOUR:
        return "future times are not bounded"
    amount = f"{ahead // 60_000} min" if ahead < MS_IN_HOUR else f"{ahead / MS_IN_HOUR:g} h"
    return f"future times are bounded to {amount}"
