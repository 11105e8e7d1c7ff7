"""Raw events read back from ClickHouse, as `decode` gives them, without the duplicates.

Rules:
- Everything is read by event time in bounded pieces; a piece is whole windows of every size.
- A duplicate is judged as the live flow's ring does: its id stands at one of the `span` offsets before it
  in the same partition, whatever those messages' times. Every good message counts there, and every good
  message is in the raw table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
from clickhouse_connect.driver.client import Client

from topics.decode import schema_of
from topics.topic import Topic
from windows.archive import stored_columns, table_of

BLOCK_ROWS = 50_000
PIECE_ROWS = 400_000
# <name> is filled in from our own names, {name:Type} is a value that ClickHouse takes beside the query.
_WITHIN = "<time> >= fromUnixTimestamp64Milli({from:Int64}) AND <time> < fromUnixTimestamp64Milli({to:Int64})"
# What the ring compares (`windows.replays.ids_of`): the event's id, else the dead letter that it replays.
_ID = "coalesce(event_id, concat(char(0), toString(replay_of)))"
_STEPS = """
SELECT intDiv(toUnixTimestamp64Milli(<time>), {step:Int64}) AS step, count()
FROM <table>_upserts WHERE <within> GROUP BY step ORDER BY step
"""
_STRETCH = "SELECT min(`offset`), max(`offset`) FROM <table>_upserts WHERE <within>"
_EVENTS = """
SELECT <columns> FROM <table>_upserts FINAL
WHERE <within> AND (`log`, `partition`, `offset`) NOT IN (
    SELECT `log`, `partition`, `offset` FROM (
        SELECT `log`, `partition`, `offset`, mine, lagInFrame(`offset`, 1, -1) OVER (
            PARTITION BY `log`, `partition`, id ORDER BY `offset` ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
        ) AS before
        FROM (
            SELECT `log`, `partition`, `offset`, sipHash128(<id>) AS id, max(<within>) AS mine
            FROM <table>_upserts
            WHERE `offset` >= {first:Int64} AND `offset` <= {last:Int64} AND <id> IS NOT NULL
                AND sipHash128(<id>) IN (
                    SELECT sipHash128(<id>) FROM <table>_upserts WHERE <within> AND <id> IS NOT NULL
                )
            GROUP BY `log`, `partition`, `offset`, id
        )
    )
    WHERE mine AND before >= 0 AND `offset` - before <= {span:Int64}
)
ORDER BY <time>
"""  # in order of time a block touches few windows: folding is 10 times as fast


@dataclass(frozen=True, slots=True)
class Piece:
    """Some windows' time, in epoch ms, and about how many events it holds."""

    from_ms: int
    to_ms: int
    events: int


@dataclass(frozen=True, slots=True)
class RawTable:
    """The raw events of one topic.

    Args:
        client: reads.
        topic: whose events.
        span: offsets back an id is remembered.
        piece_rows: events of a piece; a single step may hold more.

    """

    client: Client
    topic: Topic
    span: int
    piece_rows: int = PIECE_ROWS

    def pieces(self, from_ms: int, to_ms: int, step_ms: int) -> list[Piece]:
        """Cut a time into pieces of some whole steps that hold any events."""
        found: list[Piece] = []
        bounds = {"from": from_ms, "to": to_ms, "step": step_ms}
        for step, events in self.client.query(self._sql(_STEPS), parameters=bounds).result_rows:
            begin, end = step * step_ms, (step + 1) * step_ms
            if found and found[-1].events + events <= self.piece_rows:
                found[-1] = Piece(found[-1].from_ms, end, found[-1].events + events)
            else:
                found.append(Piece(begin, end, events))
        return found

    def events(self, piece: Piece) -> Iterator[pl.DataFrame]:
        """Read a piece's events without the duplicates, block by block."""
        bounds = {"from": piece.from_ms, "to": piece.to_ms}
        (stretch,) = self.client.query(self._sql(_STRETCH), parameters=bounds).result_rows
        bounds |= {"first": stretch[0] - self.span, "last": stretch[1], "span": self.span}
        settings = {"max_block_size": BLOCK_ROWS}
        schema = schema_of(self.topic)
        with self.client.query_arrow_stream(self._sql(_EVENTS), bounds, settings) as blocks:
            for block in blocks:
                yield pl.DataFrame(pl.from_arrow(block)).cast(schema)  # type: ignore[arg-type]

    def _sql(self, query: str) -> str:
        names = {
            "within": _WITHIN,
            "id": _ID,
            "time": f"`{self.topic.time}`",
            "table": table_of(self.topic),
            "columns": ", ".join(stored_columns(self.topic)),
        }
        for name, meant in names.items():
            query = query.replace(f"<{name}>", meant)
        return query
