"""Dead letters as ClickHouse holds them: chosen by reason, topic, time or id; counted, listed, paged.

In: a ClickHouse client. Out: `Letter`s. Rules: values reach the server as parameters only; key and raw
are bytes and stay bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from cli.letters_wanted import Values, Wanted
from sinks.clickhouse_client import Server
from sinks.clickhouse_errors import as_users_read_it
from topics.dead_letters import DeadLetter

TABLE = "dead_letters_upserts FINAL"
COLUMNS = (
    "reason, path, error, log, topic, partition, offset, key, raw, toUnixTimestamp64Milli(first_seen), "
    "toUInt32(intDiv(version + 1, 2)), toUnixTimestamp64Milli(replayed_at)"
)
PLACE = "log, topic, partition, offset"
PAGE_LETTERS, PAGE_BYTES = 1_000, 8 << 20


class Place(NamedTuple):
    """The place of a message; orders letters as their table does."""

    log: str
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter and when it was last replayed (epoch ms; None: never, or bad again since)."""

    dead: DeadLetter
    replayed_ms: int | None

    @property
    def place(self) -> Place:
        """Give where the message lies."""
        return Place(self.dead.log, self.dead.topic, self.dead.partition, self.dead.offset)


class Count(NamedTuple):
    """How many letters have one reason, topic and field; times are epoch ms."""

    reason: str
    topic: str
    path: str
    letters: int
    replayed: int
    first_ms: int
    last_ms: int


class Letters:
    """Asks ClickHouse for dead letters; a server's error becomes one line."""

    def __init__(self, client: Client, server: Server) -> None:
        self._client, self._server = client, server

    def counts(self, wanted: Wanted) -> list[Count]:
        """Count by reason, topic and field, the largest first."""
        where, values = wanted.where()
        rows = self._ask(
            "SELECT toString(reason), toString(topic), path, count() AS letters, "  # noqa: S608
            "countIf(replayed_at IS NOT NULL), toUnixTimestamp64Milli(min(first_seen)), "
            "toUnixTimestamp64Milli(max(first_seen)) "
            f"FROM {TABLE} WHERE {where} GROUP BY reason, topic, path "
            "ORDER BY letters DESC, reason, topic, path",
            values,
        )
        return [
            Count(str(reason), str(topic), str(path), *(int(str(number)) for number in numbers))
            for reason, topic, path, *numbers in rows
        ]

    def newest(self, wanted: Wanted, limit: int) -> list[Letter]:
        """Give the letters seen last, the newest first."""
        where, values = wanted.where()
        return self._letters(
            f"{where} ORDER BY first_seen DESC, log, topic, partition, offset DESC LIMIT {limit}", values
        )

    def logs(self, wanted: Wanted) -> list[tuple[str, str, int, int]]:
        """Give log, topic, letters to replay and letters replayed already."""
        where, values = wanted.where()
        rows = self._ask(
            "SELECT toString(log), toString(topic), countIf(replayed_at IS NULL), "  # noqa: S608
            "countIf(replayed_at IS NOT NULL) "
            f"FROM {TABLE} WHERE {where} GROUP BY log, topic ORDER BY topic, log",
            values,
        )
        return [(str(log), str(topic), int(str(due)), int(str(done))) for log, topic, due, done in rows]

    def due(self, wanted: Wanted, log: str, topic: str) -> Iterator[list[Letter]]:
        """Give the letters of a log that wait for a replay, in its order, in pages."""
        where, values = wanted.where()
        last = Place(log, topic, -1, -1)
        while page := self._page(where, values, last):
            yield page
            last = page[-1].place

    def _page(self, where: str, values: Values, last: Place) -> list[Letter]:
        after = (
            f"{where} AND replayed_at IS NULL AND log = {{log:String}} AND topic = {{of_topic:String}} "
            f"AND (partition, offset) > ({{partition:Int64}}, {{offset:Int64}}) ORDER BY {PLACE} LIMIT "
        )
        values = values | {
            "log": last.log, "of_topic": last.topic, "partition": last.partition, "offset": last.offset
        }  # fmt: skip
        sizes = self._ask(f"SELECT length(raw) FROM {TABLE} WHERE {after}{PAGE_LETTERS}", values)  # noqa: S608
        fitting = sum(size <= PAGE_BYTES for size in accumulate(int(str(row[0])) for row in sizes))
        return self._letters(f"{after}{max(1, fitting)}", values) if sizes else []

    def _letters(self, rest: str, values: Values) -> list[Letter]:
        rows = self._ask(f"SELECT {COLUMNS} FROM {TABLE} WHERE {rest}", values)  # noqa: S608
        return [_letter(row) for row in rows]

    def _ask(self, query: str, values: Values) -> Sequence[Sequence[object]]:
        try:
            return self._client.query(
                query, parameters=values, column_formats={"key": "bytes", "raw": "bytes"}
            ).result_rows
        except (ClickHouseError, OSError) as error:
            server = self._server
            raise as_users_read_it(error, server.url, server.user, server.database) from error


def _letter(row: Sequence[object]) -> Letter:
    reason, path, error, log, topic, partition, offset, key, raw, seen, replays, replayed = row
    dead = DeadLetter(
        reason=str(reason),
        path=str(path),
        error=str(error),
        log=str(log),
        topic=str(topic),
        partition=int(str(partition)),
        offset=int(str(offset)),
        key=key if isinstance(key, bytes) else b"",
        raw=raw if isinstance(raw, bytes) else b"",
        first_seen_ms=int(str(seen)),
        replays=int(str(replays)),
    )
    return Letter(dead, None if replayed is None else int(str(replayed)))
