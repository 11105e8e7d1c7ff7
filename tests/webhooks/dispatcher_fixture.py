"""The dispatcher as a process of its own beside a real Kafka: started, killed, asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

import settings
from cli.topics import create_topics
from tests.flow_fixture import ROOT, until
from topics.errors import BadInput
from topics.fraud_outbox import TOPIC, Outgoing

PROGRAM = (sys.executable, "-m", "cli", "webhooks")
SECRET = "whsec_" + "A" * 32
QUICK = {
    "GAMEWAX_WEBHOOKS__WAITS_S": "[0,0.05,0.1,0.2,0.4]",
    "GAMEWAX_WEBHOOKS__TIMEOUT_S": "0.4",
    "GAMEWAX_WEBHOOKS__REST_S": "0.05",
}


@dataclass
class Place:
    """One store, its file of endpoints and the Kafka it reads from."""

    folder: Path
    kafka: str
    given: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": self.kafka,
            "GAMEWAX_RECOVERY__DIR": str(self.folder / "recovery"),
            "GAMEWAX_WEBHOOKS__ENDPOINTS": str(self.folder / "webhooks.yaml"),
            **QUICK,
            **self.given,
        }

    @property
    def store(self) -> Path:
        return self.folder / "webhooks" / "outbox.sqlite"

    def endpoints(self, **urls: str) -> None:
        """Write the file: endpoints of this machine, all with the same secret."""
        lines = ["endpoints:"]
        for name, url in urls.items():
            lines += [f"  {name}:", f"    url: {url}", f"    secret: {SECRET}"]
            lines += ["    http: true", "    loopback: true"]
        (self.folder / "webhooks.yaml").write_text("\n".join(lines) + "\n")

    def ask(self, *words: str) -> tuple[int, str, str]:
        """Run a command of `gamewax webhooks` to its end."""
        ended = subprocess.run(
            [*PROGRAM, *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    @contextmanager
    def dispatcher(self) -> Iterator[subprocess.Popen[str]]:
        """Run the dispatcher; whoever has not ended it finds it killed."""
        with (self.folder / "dispatcher.log").open("a") as log:
            running = subprocess.Popen(
                [*PROGRAM, "run"],
                cwd=ROOT,
                env=self.environment,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        try:
            yield running
        finally:
            running.kill()
            running.wait()

    @property
    def said(self) -> str:
        return (self.folder / "dispatcher.log").read_text()


def new_topic(kafka: str, admin: AdminClient) -> None:
    """Make the topic anew."""
    there = admin.list_topics(timeout=10).topics
    if TOPIC.name in there:
        admin.delete_topics([TOPIC.name])[TOPIC.name].result(30)
        until(lambda: TOPIC.name not in admin.list_topics(timeout=10).topics)
    at = settings.Settings(kafka=settings.Kafka(bootstrap_servers=kafka))
    until(lambda: _made(at))


def _made(at: settings.Settings) -> bool:
    try:
        create_topics(at)
    except (BadInput, KafkaException):
        return False
    return True


def send(kafka: str, messages: Sequence[Outgoing | bytes]) -> None:
    """Write messages to the topic as the flow does, and wait until Kafka has them."""
    producer = Producer({"bootstrap.servers": kafka, "linger.ms": 1})
    for message in messages:
        if isinstance(message, bytes):
            producer.produce(TOPIC.name, message, b"x")
        else:
            producer.produce(TOPIC.name, msgspec.json.encode(message), str(message.player_id).encode())
    assert producer.flush(30) == 0
