"""Rows rebuilt from the raw events are those of a run in which nothing came too late."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from flows.rebuild import check_none_fewer
from tests.flow_fixture import TOPIC, World
from tests.flows.raw_truth import purchases, true_rows
from topics.errors import NeedsOperator
from verify.logs import read_back, write
from verify.oracle import Limits
from verify.sheets import Sheet
from verify.troubled import POISON, START_MS, troubled
from verify.views import Views, expected, shown
from windows.plan import Plan
from windows.rebuild import Rebuilt

DEDUP, MESSAGES = 500, 8_000
SETTINGS = {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": str(DEDUP)}
NOTHING_LATE = Limits(lateness_ms=10**12, dedup_offsets=DEDUP)
BEGIN, BEFORE_ALL, END_OF_TIME = "2023-11-14T00:00:00Z", "2023-11-14T12:00:00Z", "2024-01-01T00:00:00Z"

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World) -> World:
    world.given |= SETTINGS
    return world


def drain(world: World, *flows: str) -> None:
    ended = world.run("-m", "cli", "run", *flows, "--drain")
    assert (ended.returncode, ended.stderr) == (0, "")


def rebuild(world: World, flow: str, to: str, *options: str) -> tuple[int, str]:
    ended = world.run("-m", "cli", "rebuild", flow, "--from", BEGIN, "--to", to, *options)
    return ended.returncode, ended.stdout + ended.stderr


def latest(world: World, flow: str) -> str:
    """The latest time that a rebuild may reach, by what it says when asked for more."""
    code, said = rebuild(world, flow, END_OF_TIME)
    found = re.search(r"the latest --to is (\S+)", said)
    assert code == 2, said
    assert found, said
    return found[1]


def epoch_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def seen(world: World) -> Views:
    with world.client() as client:
        return shown(client)


def test_a_rebuild_shows_what_a_run_shows_in_which_nothing_was_late(world: World) -> None:
    world.send(*islice(troubled(7), MESSAGES))
    drain(world, "engagement", "archive")
    live, to = seen(world), latest(world, "engagement")
    log = read_back(world.kafka.bootstrap_servers, TOPIC)
    true = expected(log, NOTHING_LATE, POISON)

    assert rebuild(world, "engagement", to)[0] == 0
    rebuilt = seen(world)
    for view in ("by_level", "whole_game"):
        was, now, must = (dict[Any, Any](getattr(of, view)) for of in (live, rebuilt, true))
        closed = {key for key in must if key[1] < epoch_ms(to)}
        assert len(closed) > len(must) / 2
        assert sum(was.get(key) != must[key] for key in closed) > len(closed) / 10
        assert now == {key: must[key] if key in closed else was[key] for key in closed | was.keys()}
    assert (rebuilt.late, rebuilt.dead, rebuilt.books) == (live.late, live.dead, live.books)

    assert rebuild(world, "engagement", to)[0] == 0
    assert seen(world) == rebuilt
    generations = world.ask("SELECT flow, generation, reason, to FROM generations ORDER BY generation")
    moment = datetime.fromisoformat(to).replace(tzinfo=None)
    assert generations == [("engagement", number, "rebuild", moment) for number in (1, 2)]


def test_rebuilt_sales_are_a_plain_group_by_of_what_the_topic_holds(world: World) -> None:
    kafka, topic = world.kafka.bootstrap_servers, "purchase-events"
    write(kafka, topic, islice(purchases(8), 3_000))
    drain(world, "purchases", "archive")
    to = latest(world, "purchases")

    assert rebuild(world, "purchases", to)[0] == 0
    sales = world.ask(
        "SELECT toUnixTimestamp(window_start), game_id, item_id, currency, purchases, revenue, buyers "
        f"FROM item_sales WHERE window_seconds = 60 AND window_start < {epoch_ms(to) // 1000}"
    )
    assert {row[:4]: row[4:] for row in sales} == sold(true_rows(kafka, topic), epoch_ms(to) // 1000)


def sold(rows: Sheet, before_s: int) -> dict[Any, Any]:
    """Purchases, revenue and buyers per minute, item and currency; an id repeated soon counts once."""
    groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    last: dict[tuple[int, str], int] = {}
    for partition, offset in sorted(rows):
        row: Mapping[str, Any] = rows[partition, offset]
        place = partition, row.get("event_id", f"none at {offset}")
        repeated = offset - last.get(place, -(10**9)) <= DEDUP
        last[place] = offset
        start = int(row["purchase_timestamp"].timestamp()) // 60 * 60
        if not repeated and start < before_s:
            groups[start, row["game_id"], row["item_id"], row["currency"]].append(row)
    return {
        key: (len(of), sum((row["price"] for row in of), Decimal(0)), len({row["player_id"] for row in of}))
        for key, of in groups.items()
    }


def test_a_rebuild_waits_for_the_archive_and_refuses_what_would_lose_events(world: World) -> None:
    world.send(*islice(troubled(9), 6_000))
    drain(world, "engagement")
    code, said = rebuild(world, "engagement", BEFORE_ALL, "--wait", "0")
    assert (code, "6,000 messages of player-events behind flow engagement" in said) == (2, True), said

    world.admin.delete_records([TopicPartition(TOPIC, 0, 17)])[TopicPartition(TOPIC, 0)].result(30)
    live, to = seen(world), latest(world, "engagement")
    with world.started("-m", "flows.process", "archive"):
        code, said = rebuild(world, "engagement", to)
    assert (code, "never saw 17 messages of player-events" in said) == (3, True), said
    assert seen(world).by_level == live.by_level

    assert rebuild(world, "engagement", to, "--accept-missing")[0] == 0
    assert seen(world).by_level != live.by_level


def test_a_window_of_which_raw_events_are_gone_is_refused() -> None:
    rebuilt = Rebuilt(Plan("engagement", ()))
    rebuilt.events[10, START_MS] = 7
    check_none_fewer({(10, START_MS): 7}, rebuilt)
    with pytest.raises(NeedsOperator, match="shows 8 events and the raw table has only 7"):
        check_none_fewer({(10, START_MS): 8}, rebuilt)
