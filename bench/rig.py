"""What every benchmark needs: running services, a preloaded topic, child processes that print a figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.load import PARTITIONS, Traffic, produce
from embedded.kafka import client
from embedded.process import TUNED
from settings import Settings
from topics.errors import Broken

ROOT = Path(__file__).parents[1]
Figures = Mapping[str, float]
ENDS_WITHIN_S = 1200
SETTLES_WITHIN_S = 30


class Servers(Protocol):
    """A running Kafka and ClickHouse; `embedded.services.Services` is one."""

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Give the variables that point a process at them."""
        ...

    def settings(self) -> Settings:
        """Give settings that point at them."""
        ...


def preload(services: Servers, load: Traffic) -> None:
    """Make sure that the topic holds the load; it is kept between runs."""
    admin = client(services.bootstrap_servers)
    if load.topic in admin.list_topics(timeout=10).topics:
        if held(services, load.topic) == load.events:
            return
        admin.delete_topics([load.topic])[load.topic].result(30)
        _until(lambda: load.topic not in admin.list_topics(timeout=10).topics)
    make_topic(admin, load.topic)
    produce(services.bootstrap_servers, load)


def make_anew(services: Servers, topic: str) -> None:
    """Create a topic that holds nothing, whatever it held."""
    admin = client(services.bootstrap_servers)
    if topic in admin.list_topics(timeout=10).topics:
        admin.delete_topics([topic])[topic].result(30)
        _until(lambda: topic not in admin.list_topics(timeout=10).topics)
    make_topic(admin, topic)
    held(services, topic)


def make_topic(admin: AdminClient, topic: str) -> None:
    """Create a topic as `topics create` does."""
    config = {"message.timestamp.type": "LogAppendTime"}
    admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=config)])[topic].result(30)


def held(services: Servers, topic: str) -> int:
    """Count a topic's messages; waits while a broker that has just started does not lead all partitions."""
    found: list[int] = []

    def counted() -> bool:
        with suppress(KafkaException):
            for number in range(len(found), PARTITIONS):
                low, high = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
                found.append(high - low)
        return len(found) == PARTITIONS

    with closing(Consumer({"bootstrap.servers": services.bootstrap_servers, "group.id": "bench"})) as reader:
        _until(counted)
    return sum(found)


def _until(happened: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SETTLES_WITHIN_S
    while not happened():
        if time.monotonic() > give_up_at:
            raise Broken(f"Kafka did not settle within {SETTLES_WITHIN_S} s; is it overloaded?")
        time.sleep(0.1)


def child(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Figures:
    """Run `python -m module …` and read the JSON line that it prints last."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**TUNED, **os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        check=True,
        timeout=ENDS_WITHIN_S,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def together(commands: Sequence[Sequence[str]], environments: Sequence[Mapping[str, str]]) -> list[Figures]:
    """Run `python -m …` for each, let them begin at once when all are ready; read what each prints last.

    Raises:
        Broken: one of them ended with an error; it has said why.

    """
    children = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**TUNED, **os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for command, environment in zip(commands, environments, strict=True)
    ]
    with ThreadPoolExecutor(len(children)) as readers:
        try:
            for one in children:
                assert one.stdout  # for mypy: it is a pipe
                one.stdout.readline()  # ready, or ended
            said = list(readers.map(lambda one: one.communicate("go\n", ENDS_WITHIN_S)[0], children))
        finally:  # also at Ctrl-C, and before the readers are waited for
            for one in children:
                one.kill()
    for one, words, command in zip(children, said, commands, strict=True):
        if one.returncode or not words.strip():
            raise Broken(f"{' '.join(command[:2])} ended with exit code {one.returncode}; it says why above")
    return [json.loads(words.splitlines()[-1]) for words in said]


def writer(services: Servers) -> Client:
    """Open a ClickHouse client that may write."""
    clickhouse = services.settings().clickhouse
    address = clickhouse.url.removeprefix("http://").split(":")
    return clickhouse_connect.get_client(
        host=address[0],
        port=int(address[1]),
        username=clickhouse.user,
        password=clickhouse.password.get_secret_value(),
    )
