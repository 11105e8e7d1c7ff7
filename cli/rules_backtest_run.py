"""Runs a backtest: reads what it needs, judges with a bar, and compares with what was logged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.harmless import moment, now_ms
from cli.rules_alerts import written
from cli.rules_checked import read_files
from flows.fraud_backtest import FLOW, Backtest, Logged, Question, question
from flows.fraud_known import Known, judging_of_settings
from flows.fraud_sides import Sides
from flows.fraud_stored import Stored, stored_purchases
from flows.parts import plan_of
from models.fraud_compared import Bound, Compared, compare, exact_decisions, inexact
from models.fraud_gathered import Place, Spot
from models.fraud_rule import Rule
from settings import Settings
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sources.logged_alerts import Book, books, logged_alerts
from sources.past_purchases import read_labels
from topics.errors import BadInput
from windows.plan import NO_WINDOW_S

ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: rules in question, a time (Kafka time, epoch ms), and how."""

    rules: Sequence[Rule]
    from_ms: int
    to_ms: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a backtest came to; `began_ms` is when the archive began, if histories lack what was before."""

    asked: Asked
    question: Question
    run: Backtest
    compared: Sequence[Compared]
    began_ms: int | None
    rows: int
    seconds: float

    @property
    def span(self) -> tuple[int, int]:
        """Give the time of which purchases are stored (Kafka time, epoch ms)."""
        return self.run.span(self.asked.from_ms, self.asked.to_ms)


def backtested(at: Settings, asked: Asked, out: Path | None) -> Found:
    """Run a backtest, with a bar on stderr.

    Raises:
        BadInput: nothing is stored of the time; or Kafka or ClickHouse does not answer.

    """
    known = _known(at)
    server = at.clickhouse
    judged_by = question(known, asked.rules, (asked.from_ms, asked.to_ms), alone=asked.alone)
    with closing(connect(server, server.database)) as client, written(out) as done:
        try:
            stored = stored_purchases(client, plan_of(FLOW, (), (NO_WINDOW_S,)), asked.from_ms, asked.to_ms)
            _refuse_nothing(stored, asked)
            logged = Logged(frozenset(of.name for of in judged_by.published), _bounds(client, stored))
            run = Backtest(stored, judged_by, _labels(client), logged, done)
            began = time.monotonic()
            rows = _drawn(run)
            seconds = time.monotonic() - began
            began_ms = _began_ms(stored, books(client, ARCHIVE))
            compared = list(_compared(client, run, began_ms))
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error
    return Found(asked, judged_by, run, compared, began_ms, rows, seconds)


def rules_of(names: Sequence[str]) -> list[Rule]:
    """Read the rules in question: of each id the highest version.

    Raises:
        BadInput: a file is no good, or no rule is active.

    """
    highest: dict[str, Rule] = {}
    for rule in (rule for file in read_files(names) for rule in file.rules):
        if rule.id not in highest or highest[rule.id].version < rule.version:
            highest[rule.id] = rule
    if not any(rule.state == "active" for rule in highest.values()):
        raise BadInput(f"{', '.join(names)}: no rule is active, so nothing would be found")
    return sorted(highest.values(), key=lambda rule: rule.id)


def _known(at: Settings) -> Known:
    """Hear what the side topics hold now."""
    sides = Sides(Known(judging_of_settings()))
    try:
        sides.open(at.kafka)
    finally:
        sides.close()
    return sides.known


def _refuse_nothing(stored: Stored, asked: Asked) -> None:
    """Refuse a time of which nothing is stored.

    Raises:
        BadInput: nothing is.

    """
    if any(of.first < of.end for of in stored.stretches):
        return
    raise BadInput(
        f"no purchase is stored that Kafka had from {moment(asked.from_ms)} to {moment(asked.to_ms)}: flow "
        "archive stores them (./gamewax run archive); --from and --to are Kafka's time, not the game's"
    )


def _labels(client: Client) -> dict[Spot, bool]:
    """Read what is known of purchases by now."""
    labels = read_labels(client, now_ms())
    rows = labels.select("log", "partition", "offset", "fraud").iter_rows()
    return {(log, partition, offset): fraud for log, partition, offset, fraud in rows}


def _bounds(client: Client, stored: Stored) -> dict[Place, Bound]:
    """Say up to where each partition can be compared with what the live flow logged."""
    read, archived = books(client, FLOW), books(client, ARCHIVE)
    found = {}
    for of in stored.stretches:
        if of.place not in read:
            continue
        end = min(of.end, read[of.place].next_offset)
        caught_up = of.place in archived and archived[of.place].next_offset >= read[of.place].next_offset
        found[of.place] = Bound(of.first, end, whole=caught_up and of.stored <= end)
    return found


def _drawn(run: Backtest) -> int:
    """Run with a bar; gives the number of stored rows read."""
    total = sum(piece.rows for piece in run.pieces)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("purchases", total=total)
        for rows in run.run():
            bar.advance(task, rows)
    return total


def _began_ms(stored: Stored, archived: Mapping[Place, Book]) -> int | None:
    """Say when the archive began, where it missed what histories would need; None: it missed nothing."""
    late = [
        of.began_ms
        for of in stored.stretches
        if of.begin == of.low and not (of.place in archived and archived[of.place].from_start)
    ]
    return max(late, default=None)


def _compared(client: Client, run: Backtest, began_ms: int | None) -> Iterator[Compared]:
    """Hold what the live flow logged of the rules in question against what it should have."""
    live, model = run.asked.live, run.asked.was.model is not None
    if run.oldest_ms is None or not run.logged.bounds:
        return
    for rule in run.asked.published:
        logged = logged_alerts(client, rule, run.oldest_ms)
        replayed = run.logged.alerts.get(rule.name, {})
        if logged or replayed:
            why = inexact(rule, live, model=model)
            why += [] if began_ms is None else [f"the archive began later than the log: {moment(began_ms)}"]
            to = Compared(rule.name, why)
            exact = exact_decisions(live, model=model)
            yield compare(to, logged, replayed, run.logged.bounds, decisions=exact)
