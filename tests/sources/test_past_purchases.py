"""Training sees of labels what had been said by its moment, however a label names its purchase."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client
from rich.progress import Progress

import settings
from cli.fraud_training import gathered
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from sources.past_purchases import labelled, read_labels, read_purchases
from tests.clickhouse_fixture import WRITER, RunningClickHouse

DAY_MS, BEGIN_MS = 86_400_000, 1_767_225_600_000
LOG, BOUGHT = "0a1b2c3d", 12
AS_OF_MS = BEGIN_MS + 20 * DAY_MS
PURCHASE = (
    "player_id", "item_id", "price", "currency", "purchase_timestamp", "ip_address", "transaction_id", "log",
    "topic", "partition", "offset", "kafka_time",
)  # fmt: skip
LABEL = ("player_id", "fraud", "log", "partition", "offset", "transaction_id", "alert_id", "record_offset")


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.fixture
def client(clickhouse: RunningClickHouse) -> Iterator[Client]:
    """Purchases 0 to 11, an hour apart, in two partitions; one alert over the last two."""
    user, password = WRITER
    server = settings.ClickHouse.model_validate(
        {"url": clickhouse.url, "database": clickhouse.database, "user": user, "password": password}
    )
    migrate(settings.Settings(clickhouse=server))
    with connect(server, server.database) as client:
        rows = []
        for n in range(BOUGHT):
            time = at(BEGIN_MS + n * 3_600_000)
            place = (LOG, "purchase-events", n % 2, n, time)
            rows.append((f"p{n % 3}", "i1", 5, "EUR", time, "192.0.2.7", f"t{n}", *place))
        client.insert("purchase_events_upserts", rows, column_names=PURCHASE)
        evidence = ",".join(f'{{"log":"{LOG}","partition":{n % 2},"offset":{n}}}' for n in (10, 11))
        client.command(
            "INSERT INTO fraud_alerts_upserts (alert_id, evidence) VALUES ('a1', {evidence:String})",
            parameters={"evidence": f"[{evidence}]"},
        )
        yield client


def say(client: Client, ms: int, **label: object) -> None:
    """Put a label there that came to Kafka at a time."""
    names = [name for name in LABEL if name in label]
    row = [label[name] for name in names]
    client.insert("fraud_labels_upserts", [[*row, at(ms)]], column_names=[*names, "kafka_time"])


def say_by_place(client: Client, ms: int, offset: int, *, fraud: bool, record: int) -> None:
    place = {"log": LOG, "partition": offset % 2, "offset": offset, "record_offset": record}
    say(client, ms, player_id=f"p{offset % 3}", fraud=fraud, **place)


def known(client: Client, until_ms: int) -> dict[int, tuple[bool, int]]:
    """What is said of each purchase: fraud, and since when (epoch ms)."""
    blocks = read_purchases(client, BEGIN_MS, BEGIN_MS + DAY_MS)
    found = pl.concat(labelled(block, read_labels(client, until_ms)) for block in blocks)
    assert found["offset"].to_list() == list(range(BOUGHT))
    rows = found.select("offset", "fraud", "known_ms").drop_nulls().iter_rows()
    return {offset: (fraud, known_ms) for offset, fraud, known_ms in rows}


def test_of_what_was_said_by_then_the_latest_counts_whatever_names_the_purchase(client: Client) -> None:
    first, later = BEGIN_MS + 8 * DAY_MS, BEGIN_MS + 9 * DAY_MS
    say_by_place(client, first, 1, fraud=True, record=1)
    say_by_place(client, later, 1, fraud=False, record=2)
    say_by_place(client, first, 2, fraud=True, record=3)
    say_by_place(client, first, 2, fraud=False, record=4)  # in the same millisecond, behind it
    say(client, first, player_id="p0", fraud=True, transaction_id="t3", record_offset=5)
    say(client, first, player_id="p1", fraud=True, transaction_id="t3", record_offset=6)  # not this player's
    say(client, first, player_id="p1", fraud=True, alert_id="a1", record_offset=7)
    since = first + 1_000
    same = {2: (False, since), 3: (True, since), 10: (True, since), 11: (True, since)}
    assert known(client, first) == {}
    assert known(client, first + 1) == {1: (True, since), **same}
    assert known(client, later + 1) == {1: (False, later + 1_000), **same}


def test_a_label_sent_later_changes_nothing_that_is_learnt(client: Client) -> None:
    for n in range(4):
        say_by_place(client, BEGIN_MS + 8 * DAY_MS, n, fraud=n % 2 == 0, record=n)

    def past(as_of_ms: int) -> tuple[bytes, bytes]:
        with Progress(disable=True) as bar:
            found = gathered(client, BEGIN_MS // DAY_MS, as_of_ms, bar)
        return found.rows.tobytes(), found.known.write_csv().encode()

    before = past(AS_OF_MS)
    say_by_place(client, AS_OF_MS, 1, fraud=True, record=9)
    say(client, AS_OF_MS + 1, player_id="p2", fraud=True, transaction_id="t5", record_offset=10)
    assert past(AS_OF_MS) == before
    assert past(AS_OF_MS + 2) != before
