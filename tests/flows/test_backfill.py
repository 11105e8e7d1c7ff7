"""A backfill gives the rows that the live flow gives for the same events, and touches no other."""

from __future__ import annotations

import json
import re
import signal
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest
from confluent_kafka import TopicPartition

from flows.past import committed_lanes
from tests.file_fixture import Desk, lines, truth_of
from tests.flow_fixture import TOPIC, World, until
from tests.flows.timed_log import LIMITS, MINUTE_MS, SETTINGS, messages, send
from verify.logs import ends, read_back
from verify.troubled import POISON, START_MS
from verify.views import Views, expected, shown

pytestmark = pytest.mark.slow
BEGIN_MS = START_MS // MINUTE_MS * MINUTE_MS
FROM_MS, TO_MS = BEGIN_MS + 10 * MINUTE_MS, BEGIN_MS + 30 * MINUTE_MS
BUSY = {"GAMEWAX_BACKFILL__NICE": "0"}  # the machine that tests is: the last of all would wait for long
WRONG = """INSERT INTO engagement_upserts (game_id, window_seconds, window_start, events, version)
SELECT game_id, window_seconds, window_start, 1000000, 1000000 FROM engagement"""


def text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def words(*more: str) -> list[str]:
    return ["-m", "cli", "backfill", "engagement", *more]


def span(from_ms: int = FROM_MS, to_ms: int = TO_MS) -> list[str]:
    return ["--from", text(from_ms), "--to", text(to_ms)]


def seen(world: World) -> Views:
    with world.client() as client:
        return shown(client)


def backfill(world: World, *more: str) -> tuple[int, str]:
    ended = world.run(*words(*more))
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def inside(rows: Any, *, of_span: bool = True) -> dict[Any, Any]:
    """The rows of windows that the span holds, or the others."""
    return {key: row for key, row in rows.items() if (FROM_MS <= key[1] < TO_MS) == of_span}


@pytest.fixture
def spoilt(world: World) -> tuple[World, Views, Views]:
    """A world whose live flow has read all, what it showed, and what it shows with all rows made wrong."""
    send(world, 6)
    world.given |= BUSY
    world.drain()
    live = seen(world)
    with world.client() as client:
        client.command(WRONG)
    return world, live, seen(world)


def check_repaired(world: World, live: Views, wrong: Views) -> None:
    found = seen(world)
    assert found.by_level == live.by_level
    assert inside(found.whole_game) == inside(live.whole_game) != inside(wrong.whole_game)
    assert inside(found.whole_game, of_span=False) == inside(wrong.whole_game, of_span=False) != {}
    assert (found.late, found.dead, found.books) == (live.late, live.dead, live.books)


def test_killed_and_stopped_it_goes_on_to_what_the_live_flow_had_counted(
    spoilt: tuple[World, Views, Views],
) -> None:
    world, live, wrong = spoilt
    assert live == expected(read_back(world.kafka.bootstrap_servers, TOPIC), LIMITS, POISON)
    world.given["GAMEWAX_RECOVERY__EPOCH_S"] = "0.2"
    with world.started(*words(*span(), "--rate", "100")) as run:
        until(lambda: committed(world) > 0)
        said = "gamewax: flow engagement is being rebuilt or backfilled by another process: wait for it\n"
        assert backfill(world, *span(FROM_MS + MINUTE_MS)) == (2, said)
        flows = psutil.Process(run.pid).children(recursive=True)
        for process in [*flows, psutil.Process(run.pid)]:
            process.kill()
        psutil.wait_procs(flows, 10)
    killed = committed(world)
    assert inside(seen(world).whole_game) != inside(live.whole_game)
    with world.started(*words(*span(), "--rate", "100")) as run:
        until(lambda: committed(world) > killed)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=30)
        first, last = said.splitlines()
        told = (" goes on with windows from " in first, "the same command goes on from there" in last)
        assert (run.returncode, *told) == (0, True, True), said
    code, said = backfill(world, *span())
    assert (code, "engagement done: windows from 2023-" in said) == (0, True), said
    check_repaired(world, live, wrong)

    again = seen(world)
    assert (backfill(world, *span())[0], seen(world)) == (0, again)
    bounds = [datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=None) for ms in (FROM_MS, TO_MS)]
    assert world.ask("SELECT generation, reason, from, to FROM generations") == [(1, "backfill", *bounds)]


def committed(world: World) -> int:
    """How many messages the backfill's store says were read."""
    stores = (world.folder / "recovery").glob("engagement-backfill-*/store")
    return sum(lane.read for store in stores for lane in committed_lanes(store, "engagement.read"))


def test_what_the_live_flow_may_still_write_or_the_log_no_longer_holds_is_refused(world: World) -> None:
    send(world, 7)
    world.given |= BUSY
    code, said = backfill(world, *span())
    assert (code, "never ran with the recovery store" in said) == (2, True), said
    world.drain()
    live = seen(world)
    code, said = backfill(world, *span(to_ms=BEGIN_MS + 60 * MINUTE_MS))
    assert (code, "the latest --to is 2023-" in said) == (2, True), said

    held = ends(world.kafka.bootstrap_servers, TOPIC)
    places = [TopicPartition(TOPIC, number, high // 2) for number, (_, high) in held.items()]
    for done in world.admin.delete_records(places).values():
        done.result(30)
    code, said = backfill(world, *span())
    earliest = re.search(r"the earliest is ./gamewax backfill engagement --from (\S+)", said)
    assert (code, said.count(f"{TOPIC}/")) == (3, 4), said
    assert earliest, said
    assert backfill(world, "--from", earliest[1], "--to", text(TO_MS))[0] == 0
    assert seen(world) == live
    assert world.ask("SELECT count() FROM generations") == [(1,)]


def test_files_are_counted_up_to_where_the_live_flow_begins(desk: Desk) -> None:
    desk.given |= SETTINGS | BUSY
    files: list[list[bytes]] = [[] for _ in range(4)]
    for partition, value, _ in messages(8):
        files[partition].append(value or b" ")
    for number, held in enumerate(files):
        desk.put(f"in/{number}.ndjson", lines(held))
    true = truth_of(files, POISON, LIMITS)
    asked = ["backfill", "engagement", "--files", "in/*", "--as-of", "2026-01-01T00:00:00Z"]
    code, said = desk.run_words(*asked)
    assert (code, "say with --to which windows are left to it" in said) == (2, True), said

    asked += span()
    code, said = desk.run_words(*asked)
    assert (code, said.count("\n")) == (0, 2), said
    found = desk.shown()
    assert {**found.whole_game} == inside(true.whole_game) != {}
    assert {**found.by_level} == inside(true.by_level) != {}
    assert found.dead == true.dead
    for _, read, aggregated, late, dead, duplicates in found.books.values():
        assert read == aggregated + late + dead + duplicates
    left_out = int(re.findall(r"([\d,]+) of another time left out", said)[0].replace(",", ""))
    assert left_out + sum(of[1] for key, of in found.books.items() if key[1] == 10) == sum(
        len([of for of in held if of.strip()]) for held in files
    )
    assert desk.run_words(*asked)[0] == 0
    assert desk.shown() == found
    notes = next((desk.folder / "recovery").glob("engagement-backfill-*/backfill.json"))
    assert json.loads(notes.read_bytes())["generation"] == 1
