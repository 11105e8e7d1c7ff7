"""How far a rebuild may reach: which windows the live flow has given up, and whether the archive is there.

Rules:
- A window is given up when every partition has promised, in a committed snapshot, to add nothing to it.
- The archive must have read at least as far as the flow, and must have begun where the flow did: what
  the flow has counted and the archive has not would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from flows.spans import Span, step_of, text_of
from topics.errors import BadInput
from topics.topic import Topic
from windows.archive import table_of
from windows.plan import NEVER, Plan
from windows.take import LaneState

ARCHIVE = "archive"
_BOOKS = """
SELECT `log`, `partition`, next_offset, read FROM accounting
WHERE flow = {archive:String} AND topic = {topic:String}
"""
_AFTER = """
SELECT uniqExact(`offset`) FROM {table}
WHERE `log` = {{log:String}} AND topic = {{topic:String}} AND `partition` = {{partition:Int32}}
    AND `offset` >= {{first:Int64}} AND `offset` < {{end:Int64}}
"""

Place = tuple[str, int]  # log, partition


@dataclass(frozen=True, slots=True)
class Books:
    """What the archive has read of one partition."""

    next_offset: int
    read: int


def closed_ms(plan: Plan, lanes: Sequence[LaneState]) -> int:
    """Give the latest window end (epoch ms) that no partition adds to any more."""
    return min(of.guarantee_ms(plan) - max(of.lateness_ms, plan.allowed_lateness_ms) for of in lanes)


def closed_span(plan: Plan, topic: Topic, lanes: Sequence[LaneState], asked: Span) -> Span:
    """Widen a time to whole windows of every size, all of them given up by the live flow.

    Raises:
        BadInput: the live flow may still add to some; says which time is the latest.

    """
    span = asked.whole(step_of(plan))
    closed = latest_to(plan, topic, lanes)
    if span.to_ms <= closed:
        return span
    raise BadInput(
        f"flow {plan.flow} still adds late events to windows up to {text_of(span.to_ms)} (allowed lateness "
        f"{plan.allowed_lateness_ms // 1000} s): the latest --to is {text_of(closed)}"
    )


def latest_to(plan: Plan, topic: Topic, lanes: Sequence[LaneState]) -> int:
    """Give the latest time (epoch ms) before which all windows of all sizes are given up.

    Raises:
        BadInput: there is none yet.

    """
    closed = closed_ms(plan, lanes)
    if closed < 0:
        silent = next(of.partition for of in lanes if of.guarantee_ms(plan) == NEVER)
        raise BadInput(
            f"flow {plan.flow} has closed no window yet: partition {silent} of {topic.name} has no event "
            "(one that stays silent while the flow runs stops holding windows open)"
        )
    return closed // step_of(plan) * step_of(plan)


def archive_books(client: Client, topic: Topic) -> dict[Place, Books]:
    """Read what the archive has acknowledged of a topic, by log and partition."""
    asked = {"archive": ARCHIVE, "topic": topic.name}
    found = client.query(_BOOKS, parameters=asked).result_rows
    return {(log, partition): Books(next_offset, read) for log, partition, next_offset, read in found}


def behind(lanes: Sequence[LaneState], books: dict[Place, Books]) -> int:
    """Count the messages that the flow has read and the archive has not come to."""
    nothing = Books(0, 0)
    return sum(
        max(0, of.next_offset - books.get((of.log, of.partition), nothing).next_offset) for of in lanes
    )


def missing(client: Client, topic: Topic, lanes: Sequence[LaneState]) -> int:
    """Count the messages that the flow has counted and the archive, begun later, never saw."""
    books = archive_books(client, topic)
    lacking = 0
    for of in lanes:
        archived = books.get((of.log, of.partition), Books(0, 0))
        stretch = {
            "log": of.log,
            "topic": topic.name,
            "partition": of.partition,
            "first": of.next_offset,
            "end": archived.next_offset,
        }
        tables = (f"{table_of(topic)}_upserts", "dead_letters_upserts")
        queries = [_AFTER.format(table=table) for table in tables]
        after = sum(int(client.query(query, parameters=stretch).result_rows[0][0]) for query in queries)
        lacking += max(0, of.read - (archived.read - after))
    return lacking
