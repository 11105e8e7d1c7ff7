"""Stored purchases read back from ClickHouse, piece by piece in the order of their log.

Rules: all good messages are given, duplicates and late ones too; one that the raw table holds twice (a replay
wrote it again) is given once. What Kafka had from a time on is what a partition holds from its first message
of that time or later on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl
from clickhouse_connect.driver.binding import format_str
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.query import QueryResult

from sources.stored_order import Part, Piece, Stretch, cut, merged
from topics.purchase_events import TOPIC

PIECE_ROWS = 200_000
STEPS = 20_000  # the time is cut into so many steps at most, of which pieces are made
LEAST_STEP_MS = 100

PLACE: dict[str, pl.DataType] = {"log": pl.String(), "partition": pl.Int64(), "offset": pl.Int64()}
COLUMNS: dict[str, pl.DataType] = {  # what features, rules and verdicts look at
    "player_id": pl.String(),
    "item_id": pl.String(),
    "price": pl.Int64(),
    "currency": pl.String(),
    "event_time": pl.Int64(),
    "ip_address": pl.String(),
    "session_id": pl.String(),
    "event_id": pl.String(),
    "game_id": pl.String(),
    "region": pl.String(),
    "country": pl.String(),
    "device_id": pl.String(),
    "transaction_id": pl.String(),
    **PLACE,
    "kafka_time_ms": pl.Int64(),
}
# <name> is filled in from here or from our own names, {name:Type} is a value beside the query.
_NAMES = {
    "table": "purchase_events_upserts",
    "here": "`log` = {log:String} AND topic = {topic:String} AND `partition` = {partition:Int64}",
    "time": "toUnixTimestamp64Milli(purchase_timestamp)",
    "kafka": "toUnixTimestamp64Milli(kafka_time)",
    # What the ring compares (`windows.replays.ids_of`): the event's id, else the dead letter that it replays.
    "id": "coalesce(event_id, concat(char(0), toString(replay_of)))",
}
_TAKEN = {
    "price": "toInt64(price * 10000)",
    "event_time": "<time>",
    "event_id": "<id>",
    "partition": "toInt64(`partition`)",
    "kafka_time_ms": "<kafka>",
}
_BOUNDS = """
SELECT `log`, toInt64(`partition`), min(`offset`), max(`offset`) + 1 AS stored,
    if(countIf(<kafka> >= {from:Int64}) = 0, stored, minIf(`offset`, <kafka> >= {from:Int64})),
    if(countIf(<kafka> >= {to:Int64}) = 0, stored, minIf(`offset`, <kafka> >= {to:Int64})),
    min(<kafka>) AS began
FROM <table> WHERE topic = {topic:String} GROUP BY `log`, `partition` ORDER BY began, `partition`
"""
_BEGIN = """
WITH (SELECT max(<time>) FROM <table> WHERE <here> AND `offset` < {first:Int64}) AS newest
SELECT min(`offset`) FROM <table>
WHERE <here> AND `offset` < {first:Int64} AND <time> >= newest - {back:Int64}
"""
_BEFORE = "SELECT count(), max(<time>) FROM <table> WHERE <here> AND `offset` < {begin:Int64}"
_IDS = """
SELECT `offset`, <id> AS event_id FROM <table>
WHERE <here> AND `offset` >= {from:Int64} AND `offset` < {begin:Int64} AND event_id IS NOT NULL
ORDER BY `offset` LIMIT 1 BY `offset`
"""
_TIMES = "SELECT min(<kafka>), max(<kafka>) FROM <table> WHERE <within>"
_STEPS = """
SELECT `log`, toInt64(`partition`) AS partition, intDiv(<kafka>, {step:Int64}) AS step,
    min(`offset`) AS first, count() AS rows
FROM <table> WHERE <within> GROUP BY `log`, partition, step
"""
_ROWS = """
SELECT <columns> FROM <table> WHERE <within>
ORDER BY `log`, `partition`, `offset` LIMIT 1 BY `log`, `partition`, `offset`
"""
_LATE = """
SELECT `log`, toInt64(`partition`) AS partition, `offset` FROM late_events
WHERE flow = {flow:String} AND reason != 'beyond_lateness' AND (<within>)
"""
_STEPPED: dict[str, pl.DataType] = {
    "log": pl.String(),
    "partition": pl.Int64(),
    "step": pl.Int64(),
    "first": pl.Int64(),
    "rows": pl.Int64(),
}

Asked = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class StoredPurchases:
    """The raw table of purchases.

    Args:
        client: reads.
        piece_rows: rows of a piece; a single step of time may hold more.

    """

    client: Client
    piece_rows: int = PIECE_ROWS

    def stretches(self, from_ms: int, to_ms: int, back_ms: int) -> list[Stretch]:
        """Say what is to be read to judge what Kafka had in a time; `back_ms`: how far history reaches."""
        bounds: Asked = {"from": from_ms, "to": to_ms, "topic": TOPIC.name}
        found = []
        for log, partition, low, stored, at_from, end, began_ms in self._ask(_BOUNDS, bounds).result_rows:
            first: int = min(at_from, end)
            asked = _here(log, partition) | {"first": first, "back": back_ms}
            begin: int = self._ask(_BEGIN, asked).result_rows[0][0] if first > low else low
            ((before, newest),) = self._ask(_BEFORE, asked | {"begin": begin}).result_rows
            newest_ms = newest if before else None
            found.append(Stretch(log, partition, low, begin, first, end, stored, began_ms, newest_ms))
        return [of for of in found if of.begin < of.end]

    def ids(self, of: Stretch, span: int) -> pl.DataFrame:
        """Give the ids (`offset`, `event_id`) of the `span` offsets before a stretch."""
        asked = _here(of.log, of.partition) | {"from": of.begin - span, "begin": of.begin}
        return self._frame(_IDS, asked, {"offset": pl.Int64(), "event_id": pl.String()})

    def pieces(self, stretches: Sequence[Stretch]) -> list[Piece]:
        """Cut stretches into pieces of about `piece_rows`."""
        if not stretches:
            return []
        within = _within([Part(of.log, of.partition, of.begin, of.end) for of in stretches])
        ((first_ms, last_ms),) = self._ask(_TIMES, {}, within=within).result_rows
        step = {"step": max(LEAST_STEP_MS, (last_ms - first_ms) // STEPS)}
        return list(cut(self._frame(_STEPS, step, _STEPPED, within=within), stretches, self.piece_rows))

    def rows(self, piece: Piece) -> pl.DataFrame:
        """Read a piece in order, with the columns `COLUMNS`; `event_id` is what the ring compares."""
        columns = ", ".join(f"{_TAKEN.get(name, f'`{name}`')} AS `{name}`" for name in COLUMNS)
        return merged(self._frame(_ROWS, {}, COLUMNS, columns=columns, within=_within(piece.parts)))

    def left_out(self, flow: str, piece: Piece) -> pl.DataFrame:
        """Name the purchases of a piece that a flow took for late for another reason than its log."""
        return self._frame(_LATE, {"flow": flow}, PLACE, within=_within(piece.parts))

    def _ask(self, query: str, asked: Asked, **names: str) -> QueryResult:
        return self.client.query(_sql(query, names), parameters=asked)

    def _frame(
        self, query: str, asked: Asked, schema: Mapping[str, pl.DataType], **names: str
    ) -> pl.DataFrame:
        found = pl.from_arrow(self.client.query_arrow(_sql(query, names), asked, use_strings=True))
        return pl.DataFrame(found).cast(dict(schema))  # type: ignore[arg-type]


def _sql(query: str, names: Mapping[str, str]) -> str:
    for name, meant in (*names.items(), *_NAMES.items()):
        query = query.replace(f"<{name}>", meant)
    return query


def _here(log: str, partition: int) -> Asked:
    return {"log": log, "partition": partition, "topic": TOPIC.name}


def _within(parts: Sequence[Part]) -> str:
    """Write parts as a condition."""
    return " OR ".join(
        f"(`log` = {format_str(of.log)} AND topic = {format_str(TOPIC.name)} AND `partition` = {of.partition}"
        f" AND `offset` >= {of.first} AND `offset` < {of.end})"
        for of in parts
    )
