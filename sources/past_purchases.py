"""Purchases and labels read back from ClickHouse, in the order in which the flow saw them.

Rules:
- Purchases come by Kafka time, and within a partition as its log has them; a copy of an event in its
  partition is left out. They have the columns of `decode`, with `kafka_time_ms` and their place.
- Labels come from `fraud_labels_of_purchases`, whatever names their purchases. Of those that came to Kafka
  before a moment the latest of a purchase counts; what came later is as if it had never been said.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from clickhouse_connect.driver.client import Client

from models.fraud_rule import SETTLES_MS
from topics.decode import schema_of
from topics.purchase_events import TOPIC
from windows.archive import stored_columns

BLOCK_ROWS = 50_000
PLACE = ("log", "partition", "offset")
_SCHEMA = schema_of(TOPIC) | {
    "kafka_time_ms": pl.Int64(),
    "log": pl.String(),
    "partition": pl.Int64(),
    "offset": pl.Int64(),
}
_PURCHASES = """
SELECT <columns>, toUnixTimestamp64Milli(kafka_time) AS kafka_time_ms, `log`, `partition`, `offset`
FROM purchase_events
WHERE kafka_time >= fromUnixTimestamp64Milli({from:Int64})
    AND kafka_time < fromUnixTimestamp64Milli({to:Int64})
ORDER BY kafka_time, `log`, `partition`, `offset`
LIMIT 1 BY `log`, `partition`, coalesce(event_id, concat(char(0), toString(`offset`)))
"""
_COUNT = """
SELECT count() FROM purchase_events
WHERE kafka_time >= fromUnixTimestamp64Milli({from:Int64})
    AND kafka_time < fromUnixTimestamp64Milli({to:Int64})
"""
_LABELS = """
SELECT said.`log` AS `log`, said.`partition` AS `partition`, said.`offset` AS `offset`,
    argMax(said.fraud, (said.kafka_time, said.record_offset)) AS fraud,
    max(toUnixTimestamp64Milli(said.kafka_time)) + {settles:Int64} AS known_ms
FROM fraud_labels_of_purchases AS said
WHERE said.kafka_time < fromUnixTimestamp64Milli({until:Int64})
GROUP BY `log`, `partition`, `offset`
"""
_LABEL_SCHEMA: dict[str, pl.DataType] = {
    "log": pl.String(),
    "partition": pl.Int64(),
    "offset": pl.Int64(),
    "fraud": pl.Boolean(),
    "known_ms": pl.Int64(),
}


def count_purchases(client: Client, from_ms: int, to_ms: int) -> int:
    """Count the purchases that arrived in a time, copies included."""
    return int(client.query(_COUNT, parameters={"from": from_ms, "to": to_ms}).result_rows[0][0])


def read_purchases(client: Client, from_ms: int, to_ms: int) -> Iterator[pl.DataFrame]:
    """Read the purchases that arrived in a time (Kafka time, epoch ms), block by block."""
    query = _PURCHASES.replace("<columns>", ", ".join(stored_columns(TOPIC)))
    settings = {"max_block_size": BLOCK_ROWS}
    with client.query_arrow_stream(query, {"from": from_ms, "to": to_ms}, settings) as blocks:
        for block in blocks:
            yield pl.DataFrame(pl.from_arrow(block)).select(list(_SCHEMA)).cast(_SCHEMA)  # type: ignore[arg-type]


def read_labels(client: Client, until_ms: int) -> pl.DataFrame:
    """Read what had been said of purchases before a time (epoch ms): of each the latest label.

    `known_ms` is when the label counts for the flow too: a second after its record came to Kafka.
    """
    asked = {"until": until_ms, "settles": SETTLES_MS}
    found = pl.from_arrow(client.query_arrow(_LABELS, parameters=asked))
    return pl.DataFrame(found).cast(_LABEL_SCHEMA)  # type: ignore[arg-type]


def labelled(purchases: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Add to each purchase `fraud` (null: nobody said) and `known_ms`, from its latest label."""
    return purchases.join(labels, on=PLACE, how="left", maintain_order="left")
