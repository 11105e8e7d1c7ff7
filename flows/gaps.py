"""A gap is never silent: looked for before a flow reads, told for all partitions, noted in `data_gaps`.

Rules:
- By default a gap ends the flow with exit code 3; the row is in ClickHouse before that, and if it cannot be
  the line says so. `GAMEWAX_KAFKA__ON_GAP` goes on: with what the log still holds (`earliest`) or with
  what comes from now on (`latest`). The decision is noted with the gap, and holds for this start only.
- A gap that is met while reading ends the flow in any case, so that all of it is found at the next start.
- A Kafka that does not answer is no gap.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib import import_module

import polars as pl
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from flows.past import committed_lanes
from flows.recovered import Recovered, read_notes
from flows.store import store_of
from settings import load
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sinks.clickhouse_insert import block, insert
from sources.gaps import EARLIEST, STOP, Gap, GapMet, behind, find, of_one_log, told
from sources.gaps import skipped as skipped_by
from sources.kafka_client import Bounds, Log, describe, log_bounds
from topics.errors import BadInput, Broken, GamewaxError, NeedsOperator
from windows.archive import TIME, table_of
from windows.plan import Plan
from windows.rows import Rows
from windows.take import LaneState

ANSWERED = 1 << 62  # in a row's version: an answer wins over every row without one
# Gaps that a flow met while it read are no longer to be seen in its log once it goes on.
_ANSWER_ALL = """
INSERT INTO data_gaps_upserts
SELECT * EXCEPT (answer, answered_at, version), {answer:String}, now64(3), version + {answered:UInt64}
FROM data_gaps_upserts FINAL WHERE flow = {flow:String} AND answer = 'stop'
"""


def resumed(plan: Plan, step: str, topic: str) -> Mapping[int, LaneState]:
    """Look for gaps in a topic; gives the lanes that begin elsewhere than the store says.

    Raises:
        GapMet: something is missing, and nobody has decided to go on.
        BadInput: Kafka or ClickHouse does not answer.

    """
    kafka = load().kafka
    answer, log = kafka.on_gap, describe(kafka, topic)
    lanes, starts = _standing(plan.flow, step, log)
    held = log_bounds(kafka, log) if lanes else {}
    gaps = find(log, held, lanes)
    if gaps and answer == STOP:
        raise GapMet(told(gaps), gaps)
    if answer != STOP:
        _go_on(plan.flow, log, held, gaps)
    behind_gaps = {gap.partition for gap in gaps} & held.keys()
    returned = {of.partition: of for of in _gone(plan.flow, step) if of.partition in held}
    return {
        **starts,
        **{number: behind(of, log, held[number], EARLIEST, plan) for number, of in returned.items()},
        **{
            of.partition: behind(of, log, held[of.partition], answer, plan)
            for of in lanes
            if of.partition in behind_gaps
        },
    }


def _standing(flow: str, step: str, log: Log) -> tuple[list[LaneState], Mapping[int, LaneState]]:
    """Give where a topic's lanes stand; of a store that knows none, where a recovery lets them begin."""
    store = store_of(load().recovery.dir, flow)
    lanes = of_one_log(committed_lanes(store, f"{flow}.{step}"))
    if lanes:
        return lanes, {}
    starts = (read_notes(store.parent) or Recovered()).lanes(log)
    return list(starts.values()), starts


def _gone(flow: str, step: str) -> list[LaneState]:
    """Give lanes of a log before the one that is read: of partitions that a topic made anew had no more."""
    lanes = committed_lanes(store_of(load().recovery.dir, flow), f"{flow}.{step}")
    now = {(of.log, of.partition) for of in of_one_log(lanes)}
    return [of for of in lanes if (of.log, of.partition) not in now]


def _go_on(flow: str, log: Log, held: Mapping[int, Bounds], gaps: list[Gap]) -> None:
    """Note what is decided about gaps, also about those that were met before."""
    answer = load().kafka.on_gap
    left_out = skipped_by(log, held, gaps) if answer == "latest" else []
    answer_all(flow, answer)
    if gaps:
        note(flow, [*gaps, *left_out], answer)
        words = f"going on behind a gap ({answer}): {told([*gaps, *left_out])}"
        structlog.get_logger().warning(words, flow=flow)


@contextmanager
def whole_story(flow: str) -> Iterator[None]:
    """Turn the one gap that ends a flow into all that there are, noted and told in one line.

    Raises:
        NeedsOperator: names every gap of the flow's topics and what can be done.
        Broken: a person has decided to go on; the next start does.

    """
    try:
        yield
    except BaseException as error:
        met = _met(error)
        if met is None:
            raise
        gaps = look(flow)
        known = {(gap.log, gap.topic, gap.partition) for gap in gaps}
        topics = {gap.topic for gap in gaps if gap.log_now != gap.log}  # its old log's ends say nothing now
        gaps += [
            gap
            for gap in met.gaps
            if (gap.log, gap.topic, gap.partition) not in known and gap.topic not in topics
        ]
        text = told(gaps) or str(met)
        if load().kafka.on_gap != STOP:
            raise Broken(f"{text}; the next start goes on") from error
        raise NeedsOperator(f"{text}{_noted(flow, gaps)}; {helps(flow)}") from error


def _met(error: BaseException | None) -> GapMet | None:
    while error is not None and not isinstance(error, GapMet):
        error = error.__cause__ or error.__context__
    return error


def helps(flow: str) -> str:
    """Give the commands that help."""
    return (
        f"go on with what the log holds: ./gamewax run {flow} --on-gap=earliest (or latest); "
        f"or count anew: ./gamewax recover {flow}"
    )


def look(flow: str) -> list[Gap]:
    """Give the gaps of all topics of a flow by its store; a topic that Kafka does not tell of has none."""
    found: list[Gap] = []
    for step, topic in steps_of(flow).items():
        try:
            log = describe(load().kafka, topic)
            lanes, _ = _standing(flow, step, log)
            found += find(log, log_bounds(load().kafka, log) if lanes else {}, lanes)
        except BadInput:
            continue
    return found


def steps_of(flow: str) -> Mapping[str, str]:
    """Name the topic that each source step of a flow reads."""
    module = import_module(f"flows.{flow}")
    if topics := getattr(module, "TOPICS", ()):
        return {f"read_{table_of(topic)}": topic.name for topic in topics}
    return {"read": module.TOPIC.name}


def _noted(flow: str, gaps: list[Gap]) -> str:
    """Note gaps nobody has decided about; gives why that failed, as the end of a sentence."""
    try:
        note(flow, gaps, STOP)
    except GamewaxError as error:
        return f" (not noted in data_gaps: {error})"
    return ""


def note(flow: str, gaps: Iterable[Gap], answer: str) -> None:
    """Write the rows of gaps.

    Raises:
        BadInput: ClickHouse does not answer, or lacks the table.
        Broken: it refuses the rows.

    """
    rows = gap_rows(flow, list(gaps), answer, time.time_ns() // 1_000_000)
    if not rows.frame.height:
        return
    server = load().clickhouse
    with closing(connect(server, server.database)) as client:
        try:
            insert(client, block(rows))
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error


def answer_all(flow: str, answer: str) -> None:
    """Note a decision about all gaps of a flow that have none.

    Raises:
        BadInput: ClickHouse does not answer, or lacks the table.

    """
    server, asked = load().clickhouse, {"flow": flow, "answer": answer, "answered": ANSWERED}
    with closing(connect(server, server.database)) as client:
        try:
            client.command(_ANSWER_ALL, parameters=asked)
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error


def gap_rows(flow: str, gaps: list[Gap], answer: str, now_ms: int) -> Rows:
    """Give the rows of `data_gaps`: the same gap found again is the same row, and an answer replaces it."""
    answered = answer != STOP
    frame = pl.DataFrame(
        {
            "flow": [flow] * len(gaps),
            "log": [gap.log for gap in gaps],
            "topic": [gap.topic for gap in gaps],
            "partition": pl.Series([gap.partition for gap in gaps], dtype=pl.Int32),
            "kind": [str(gap.kind) for gap in gaps],
            "first_offset": pl.Series([gap.first for gap in gaps], dtype=pl.Int64),
            "last_offset": pl.Series([gap.end and gap.end - 1 for gap in gaps], dtype=pl.Int64),
            "messages": pl.Series([gap.messages for gap in gaps], dtype=pl.UInt64),
            "log_now": [gap.log_now for gap in gaps],
            "version": pl.Series([ANSWERED * answered + (gap.end or 0) for gap in gaps], dtype=pl.UInt64),
        }
    )
    present = pl.lit(now_ms, pl.Int64).cast(TIME)
    return Rows(
        "data_gaps_upserts",
        frame.with_columns(
            present.alias("found_at"),
            pl.lit(answer).alias("answer"),
            (present if answered else pl.lit(None, TIME)).alias("answered_at"),
        ),
    )
