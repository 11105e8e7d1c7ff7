"""`./gamewax run engagement --from-files` as people run it, on the real ClickHouse engine, without Kafka."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
from collections.abc import Callable, Sequence
from itertools import islice

import psutil
import pytest
import zstandard

from tests.file_fixture import AS_OF_MS, Desk, lines, truth_of
from tests.flow_fixture import ROOT, until
from verify.oracle import Limits
from verify.troubled import GOOD, POISON, troubled

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=500)
TABLES = ("engagement_by_level", "engagement", "accounting", "dead_letters", "late_events")

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.given |= {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "500"}
    return desk


def traffic(seed: int, files: int, messages: int = 20_000) -> list[list[bytes]]:
    """Troubled traffic by file; a message without a value is a blank line, which is none."""
    found: list[list[bytes]] = [[] for _ in range(files)]
    for sent in islice(troubled(seed, files), messages):
        found[sent.partition].append(sent.value or b" ")
    return found


def put(desk: Desk, files: Sequence[Sequence[bytes]]) -> None:
    """Put files down, packed in turn in every way."""
    ways: list[tuple[str, Callable[[bytes], bytes]]] = [
        ("ndjson", bytes),
        ("jsonl.gz", gzip.compress),
        ("json.zst", zstandard.compress),
    ]
    for number, messages in enumerate(files):
        ending, pack = ways[number % len(ways)]
        desk.put(f"in/{number}.{ending}", pack(lines(messages)))


def contents(desk: Desk) -> list[list[tuple[object, ...]]]:
    return [desk.ask(f"SELECT * FROM {name} ORDER BY ALL") for name in TABLES]


def test_files_show_what_the_oracle_computes_and_once_more_changes_nothing(desk: Desk) -> None:
    files = traffic(1, 4)
    put(desk, files)
    code, said = desk.run("in/*")
    assert (code, desk.shown()) == (0, truth_of(files, POISON, LIMITS)), said
    before = contents(desk)
    assert (desk.run("in/*"), contents(desk)) == ((0, said), before)
    assert said.startswith("gamewax: flow engagement: read all of 4 files: ")


def test_a_run_killed_in_the_middle_goes_on_exactly_there(desk: Desk) -> None:
    desk.given["GAMEWAX_RECOVERY__EPOCH_S"] = "0.2"
    files = traffic(2, 3, 50_000)
    put(desk, files)
    with desk.started("in/*") as run:
        until(lambda: read(desk) > 0)
        flows = psutil.Process(run.pid).children(recursive=True)
        for process in flows:
            process.kill()
        run.kill()
        psutil.wait_procs(flows, 10)
    assert 0 < read(desk) < 45_000
    assert desk.run("in/*")[0] == 0
    assert desk.shown() == truth_of(files, POISON, LIMITS)


def read(desk: Desk) -> int:
    return int(desk.ask("SELECT sum(read) FROM accounting WHERE window_seconds = 10")[0][0])


def test_a_dead_letter_tells_file_and_line_and_the_time_is_judged_as_of_the_one_given(desk: Desk) -> None:
    late = json.dumps(GOOD | {"timestamp": AS_OF_MS + 300_001}).encode()
    path = desk.put("in/a.ndjson", lines([json.dumps(GOOD).encode(), b"", b"nonsense", late]))
    assert desk.run("in/a.ndjson")[0] == 0
    assert desk.ask(
        "SELECT partition, offset, reason, error, key, first_seen FROM dead_letters ORDER BY offset"
    ) == [
        (0, 3, "not_json", f"the value is not JSON (file {path}, line 3)", "", first_seen(desk)),
        (
            0,
            4,
            "time_future",
            desk.ask("SELECT error FROM dead_letters WHERE offset = 4")[0][0],
            "",
            first_seen(desk),
        ),
    ]
    code, said = desk.run("in/a.ndjson", "--as-of", "2027-01-01T00:00:00Z")
    assert (code, "were begun as of 2026-01-01T00:00:00.000+00:00" in said) == (2, True)


def first_seen(desk: Desk) -> object:
    return desk.ask(f"SELECT fromUnixTimestamp64Milli({AS_OF_MS}, 'UTC')")[0][0]


def test_a_cut_archive_ends_the_run_with_its_name_and_what_stood_before_is_no_obstacle(desk: Desk) -> None:
    files = traffic(3, 2)
    whole = gzip.compress(lines(files[1]))
    desk.put("in/0.ndjson", lines(files[0]))
    desk.put("in/1.ndjson.gz", whole[: len(whole) // 2])
    code, said = desk.run("in/*")
    assert (code, len(said.splitlines()), "in/1.ndjson.gz is cut at or after line" in said) == (2, 1, True), (
        said
    )
    desk.put("in/1.ndjson.gz", whole)
    assert desk.run("in/*")[0] == 0
    assert {**desk.shown().whole_game} == {**truth_of(files, POISON, LIMITS).whole_game}


def test_files_that_are_mostly_no_events_end_the_run(desk: Desk) -> None:
    desk.put("in/a.ndjson", lines([b"{}"] * 30_000))
    code, said = desk.run("in/*")
    assert (code, "messages of player-events are dead letters" in said) == (3, True), said


def test_a_terminal_sees_a_bar(desk: Desk) -> None:
    put(desk, traffic(4, 3))
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        desk.command("in/*"), cwd=ROOT, env=desk.environment | {"TERM": "xterm"}, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 4096):
            seen += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert (run.wait(30), b" messages" in seen, b"MB" in seen) == (0, True, True), seen
