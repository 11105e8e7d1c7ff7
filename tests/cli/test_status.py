"""`gamewax status` says how the flows are: running, at rest, killed, and with nobody there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.status_model import Books, DeadLetters, FlowStatus, PartitionStatus, ServiceStatus, Status
from cli.status_view import drawn
from embedded.process import free_port
from tests.flow_fixture import PROCESS, ROOT, World, until
from verify.troubled import troubled

STATUS = ("-m", "cli", "status")
MESSAGES = 2_000


def told(world: World, *words: str) -> tuple[int, dict[str, Any]]:
    ended = world.run(*STATUS, *words, "--json")
    assert ended.stderr == ""
    return ended.returncode, json.loads(ended.stdout)


def flow_of(status: dict[str, Any]) -> dict[str, Any]:
    (found,) = [flow for flow in status["flows"] if flow["flow"] == "engagement"]
    return dict(found)


def rested(world: World) -> bool:
    code, status = told(world, "engagement")
    return code == 0 and flow_of(status)["lag"] == 0 and flow_of(status)["freshness_s"] is not None


@pytest.mark.slow
def test_a_flow_is_told_from_before_its_start_to_its_violent_end(world: World) -> None:
    world.send(*islice(troubled(1), MESSAGES))
    code, status = told(world)
    assert (code, flow_of(status)["health"], status["problems"]) == (
        1,
        "not started",
        ["no flow runs: ./gamewax run FLOW… starts some"],
    )
    with world.started(*PROCESS) as flow:
        until(lambda: world.place() == MESSAGES)
        until(lambda: rested(world))
        code, status = told(world)
        running = flow_of(status)
        books = "SELECT window_seconds, sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates)"
        assert [(*book.values(),)[:-1] for book in running["books"]] == world.ask(
            f"{books} FROM accounting GROUP BY 1 ORDER BY 1"
        )
        assert [book["off_by"] for book in running["books"]] == [0, 0]
        assert [of["lag"] for of in running["partitions"]] == [0, 0, 0, 0]
        assert (code, status["well"], running["health"], status["problems"]) == (0, True, "ready", [])
        assert [of["pid"] for of in running["processes"]] == [flow.pid]
        assert sum(of["count"] for of in status["dead_letters_last_hour"]) == running["books"][0]["dead"]
        shown = world.run(*STATUS)
        assert (shown.returncode, shown.stdout.splitlines()[-1].strip()) == (0, "all is well")
        flow.kill()
        flow.wait()
    world.send(*islice(troubled(2), MESSAGES))
    code, status = told(world)
    died = flow_of(status)
    assert (code, died["health"], died["lag"]) == (1, "died", MESSAGES)
    assert status["problems"][0] == "engagement: process 0: it died and was not started again"


def test_nobody_there_is_said_soon(tmp_path: Path) -> None:
    away = {
        "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "GAMEWAX_CLICKHOUSE__URL": f"http://127.0.0.1:{free_port()}",
        "GAMEWAX_RECOVERY__DIR": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, *STATUS, "--json"],
        cwd=ROOT,
        env=os.environ | away,
        capture_output=True,
        timeout=60,
        check=False,
    )
    status = json.loads(ended.stdout)
    assert (ended.returncode, [of["answers"] for of in status["services"]]) == (1, [False, False])
    named = [of["address"] in said for of, said in zip(status["services"], status["problems"], strict=False)]
    assert named == [True, True]
    assert [flow["health"] for flow in status["flows"]] == ["not started"] * len(status["flows"])
    assert status["dead_letters_last_hour"] is None


def test_an_unknown_flow_is_named_with_those_there_are() -> None:
    ended = subprocess.run(
        [sys.executable, *STATUS, "nosuch"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr.startswith("gamewax: there is no flow 'nosuch'")) == (2, True)


def seen(status: Status, width: int) -> str:
    """Draw a status as a terminal of this width shows it."""
    console = Console(file=io.StringIO(), width=width)
    console.print(drawn(status))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_what_is_wrong_stands_last_and_strangers_names_do_no_harm() -> None:
    books = (Books(10, 5_000_000_000, 4_999_999_999, 0, 0, 0, 1),)
    partitions = tuple(PartitionStatus("player-events", number, lag=number) for number in range(40))
    flow = FlowStatus("server_health", "ready", partitions=partitions, lag=780, books=books)
    status = Status(
        time="2026-11-22T09:00:00.000Z",
        well=False,
        services=(ServiceStatus("Kafka", "127.0.0.1:9092", answers=True),),
        flows=(flow,),
        dead_letters_last_hour=(DeadLetters("\x1b[31mred", "not_json", 7),),
        problems=tuple(flow.problems),
    )
    page = seen(status, 100)
    assert flow.is_bad
    assert page.splitlines()[-1].strip() == "the books are off by 1 (10 s windows)"
    assert "\x1b" not in page
    assert "…" not in page
    assert [line for line in page.splitlines() if len(line) > 100] == []
    assert "and 28 with less" in " ".join(page.split())
