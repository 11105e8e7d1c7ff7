"""What every benchmark needs: running services, a preloaded topic, child processes that print a figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import clickhouse_connect
import polars as pl
from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.load import PARTITIONS, Load, produce
from embedded.kafka import client
from embedded.process import TUNED
from embedded.services import Services

ROOT = Path(__file__).parents[1]
Figures = Mapping[str, float]


def preload(services: Services, load: Load) -> None:
    """Make sure that the topic holds the load; it is kept between runs."""
    admin = client(services.bootstrap_servers)
    if load.topic in admin.list_topics(timeout=10).topics:
        if held(services, load.topic) == load.events:
            return
        admin.delete_topics([load.topic])[load.topic].result(30)
    make_topic(admin, load.topic)
    produce(services.bootstrap_servers, load)


def make_topic(admin: AdminClient, topic: str) -> None:
    """Create a topic as `topics create` does."""
    config = {"message.timestamp.type": "LogAppendTime"}
    admin.create_topics([NewTopic(topic, PARTITIONS, 1, config=config)])[topic].result(30)


def held(services: Services, topic: str) -> int:
    """Count a topic's messages."""
    with closing(Consumer({"bootstrap.servers": services.bootstrap_servers, "group.id": "bench"})) as reader:
        bounds = [
            reader.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            for number in range(PARTITIONS)
        ]
    return sum(high - low for low, high in bounds)


def child(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Figures:
    """Run `python -m module …` and read the JSON line that it prints last."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**TUNED, **os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        check=True,
        timeout=1200,
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def writer(services: Services) -> Client:
    """Open a ClickHouse client that may write."""
    clickhouse = services.settings().clickhouse
    address = clickhouse.url.removeprefix("http://").split(":")
    return clickhouse_connect.get_client(
        host=address[0],
        port=int(address[1]),
        username=clickhouse.user,
        password=clickhouse.password.get_secret_value(),
    )


def rows_of(client: Client, database: str, table: str, key: list[str]) -> pl.DataFrame:
    """Read a view in the shape of `bench.truth`: sorted by its key, whole numbers as Int64."""
    names = ", ".join(key[1:])
    found = client.query_arrow(
        f"SELECT toInt64(toUnixTimestamp(window_start)) AS window_start, {names}, "
        f"* EXCEPT (window_start, {names}, game_id, window_seconds) "
        f"FROM {database}.{table} ORDER BY window_start, {names}"
    )
    rows = pl.DataFrame(found)
    return rows.with_columns(pl.col(key[1:]).cast(pl.String), pl.exclude(key).cast(pl.Int64))
