"""Rebuilds the rows of windows that a flow has given up, from the raw events: late ones counted too.

Rules:
- The result is that of a run in which nothing came too late; duplicates stay left out.
- Rows carry a generation above all earlier ones, so they replace what stands there, whole; it is noted
  before the first row is written. Running it again changes nothing that is seen.
- A window that would hold fewer events than it shows is refused before its piece is written: raw events
  are gone then, and the rows would be worse than they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from random import Random

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from flows.generations import alone, generation_rows, next_generation
from flows.parts import check_tables, plan_of
from flows.past import committed_lanes
from flows.raw import Piece, RawTable
from flows.reach import archive_books, behind, closed_span, missing
from flows.spans import Span, step_of, text_of
from flows.store import store_of
from settings import load
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sinks.clickhouse_writer import ClickHouseWriter
from sources.gaps import of_one_log
from topics.errors import BadInput, NeedsOperator
from topics.topic import Topic
from windows.plan import Plan
from windows.rebuild import Rebuilt, Window
from windows.take import LaneState

_SHOWN = """
SELECT window_seconds, toUnixTimestamp(window_start) * 1000, sum(bitAnd(version, 281474976710655))
FROM {table}_upserts FINAL
WHERE window_start >= fromUnixTimestamp64Milli({{from:Int64}})
    AND window_start < fromUnixTimestamp64Milli({{to:Int64}})
GROUP BY window_seconds, window_start
"""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What is needed to rebuild one flow's rows."""

    plan: Plan
    topic: Topic
    lanes: list[LaneState]
    client: Client
    folder: Path

    def span(self, from_ms: int, to_ms: int) -> Span:
        """Widen a time to whole windows of every size, all of them given up by the live flow.

        Raises:
            BadInput: the live flow may still add to some; says which time is the latest.

        """
        return closed_span(self.plan, self.topic, self.lanes, Span(from_ms, to_ms))

    @property
    def step_ms(self) -> int:
        """Give the time after which windows of all sizes begin together."""
        return step_of(self.plan)

    def behind(self) -> int:
        """Count the messages that the archive has to read before a rebuild is whole."""
        return behind(self.lanes, archive_books(self.client, self.topic))

    def check_archive(self) -> None:
        """Make sure that the archive has all that the flow has counted.

        Raises:
            NeedsOperator: it began later, when messages had expired.

        """
        if lacking := missing(self.client, self.topic, self.lanes):
            raise NeedsOperator(
                f"the archive never saw {lacking:,} messages of {self.topic.name} that flow {self.plan.flow} "
                "has counted (it began when they had expired): a rebuild would lose them. "
                "If the windows you mean are later, add --accept-missing"
            )

    def pieces(self, span: Span) -> list[Piece]:
        """Cut the time into pieces that fit into memory; empty windows are in none."""
        return self._raw.pieces(span.from_ms, span.to_ms, self.step_ms)

    @property
    def _raw(self) -> RawTable:
        return RawTable(self.client, self.topic, self.plan.dedup_offsets)

    def fold(self, piece: Piece, generation: int) -> Rebuilt:
        """Compute a piece's windows."""
        rebuilt = Rebuilt(replace(self.plan, generation=generation))
        for events in self._raw.events(piece):
            rebuilt.fold(events)
        return rebuilt

    def shown(self, piece: Piece) -> Mapping[Window, int]:
        """Count the events of each window as its rows stand now."""
        if not self.plan.counted:
            return {}
        bounds = {"from": piece.from_ms, "to": piece.to_ms}
        query = _SHOWN.format(table=self.plan.counted)
        return {(size, start): events for size, start, events in self.client.query(query, bounds).result_rows}


def check_none_fewer(shown: Mapping[Window, int], rebuilt: Rebuilt) -> None:
    """Refuse a piece in which a window would hold fewer events than its rows show.

    Raises:
        NeedsOperator: names the first such window.

    """
    for (size, start), events in sorted(shown.items()):
        if rebuilt.events[size, start] < events:
            raise NeedsOperator(
                f"the {size} s window of {text_of(start)} shows {events:,} events and the raw table has only "
                f"{rebuilt.events[size, start]:,}: raw events are gone (or came from files that were not "
                "archived). Nothing from there on was written; --accept-missing writes it all the same"
            )


def write(rebuild: Rebuild, span: Span, *, accept_missing: bool) -> Iterator[Piece]:
    """Rebuild and write a time piece by piece; gives each piece when it is acknowledged.

    Raises:
        NeedsOperator: raw events are gone.

    """
    flow = rebuild.plan.flow
    generation = next_generation(rebuild.client, flow)
    server = load().clickhouse
    with closing(ClickHouseWriter(server, time.monotonic, Random())) as writer:  # noqa: S311  spreads retries
        writer.put(generation_rows(flow, generation, "rebuild", (span.from_ms, span.to_ms)))
        writer.flush()
        for piece in rebuild.pieces(span):
            rebuilt = rebuild.fold(piece, generation)
            if not accept_missing:
                check_none_fewer(rebuild.shown(piece), rebuilt)
            for rows in rebuilt.rows():
                writer.put(rows)
            writer.flush()
            yield piece


@contextmanager
def opened(name: str) -> Iterator[Rebuild]:
    """Open what a rebuild of a flow needs; one rebuild of a flow at a time.

    Raises:
        BadInput: the flow has no windows, never ran here, or is being rebuilt; or ClickHouse is away.

    """
    settings, module = load(), import_module(f"flows.{name}")
    if not module.AGGREGATES:
        raise BadInput(f"flow {name} has no windows to rebuild")
    check_tables(settings)
    store = store_of(settings.recovery.dir, name)
    lanes = of_one_log(committed_lanes(store, f"{name}.read"))
    if not lanes:
        raise BadInput(
            f"flow {name} never ran with the recovery store {store.parent}: rebuild where it runs, "
            "with its GAMEWAX_RECOVERY__DIR"
        )
    server = settings.clickhouse
    with alone(store.parent), closing(connect(server, server.database)) as client:
        try:
            yield Rebuild(plan_of(name, module.AGGREGATES), module.TOPIC, lanes, client, store.parent)
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error
