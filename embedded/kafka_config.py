"""What the one-node broker is told: its server.properties and the flags of its Java.

Rules: loopback only; whatever Kafka would replicate has one replica; no topic appears by itself.
"""

from __future__ import annotations

from pathlib import Path

from embedded.process import HOST

MAX_TIME_AHEAD_MS = 300_000  # a producer's timestamp may be this far in the future (DESIGN 4.4)
SESSION_MS = 3_000  # after SIGKILL the node waits this long for its own ghost; Kafka's default is 9 s
INTERNAL_PARTITIONS = 4  # of __consumer_offsets and __transaction_state: enough for one machine

JAVA_FLAGS = (
    "-Xmx512m",
    "-Xms64m",
    "-XX:+UseSerialGC",  # two cores are shared with the flows; least memory, fastest start
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.io.tmpdir=tmp",  # native libraries of the codecs are unpacked here
    "-Djava.awt.headless=true",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('kafka_log4j2.properties')}",
)


def server_properties(port: int, controller_port: int) -> str:
    """Give the text of server.properties for one KRaft node that is broker and controller."""
    options = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": "logs",
        "auto.create.topics.enable": "false",
        "log.message.timestamp.after.max.ms": MAX_TIME_AHEAD_MS,
        "group.initial.rebalance.delay.ms": 0,
        "broker.session.timeout.ms": SESSION_MS,
        "broker.heartbeat.interval.ms": SESSION_MS // 6,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": INTERNAL_PARTITIONS,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": INTERNAL_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())
