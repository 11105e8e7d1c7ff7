"""Kills change no number; and the comparison that says so finds a single wrong row, a single lost message."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flow_fixture import ROOT, World
from verify.chaos.ending import Found, compare_all
from verify.chaos.feed import Feed
from verify.chaos.parts import FLOWS
from verify.chaos.run import FLOW_SETTINGS, LIMITS, streams
from verify.oracle import Limits

KILLS, SEED = 3, 20261122
VIEWS = 18  # four of windows, three of raw events, and of each topic letters, late events, books, less one

pytestmark = pytest.mark.slow


def test_kills_of_anything_change_no_number(tmp_path: Path) -> None:
    words = ("verify", "chaos", "--kills", str(KILLS), "--seed", str(SEED), "--report", tmp_path / "r.json")
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    report = json.loads((tmp_path / "r.json").read_text())
    print(done.stdout)
    assert (done.stdout.splitlines(), done.returncode) == ([report["line"]], 0), done.stderr
    assert report["line"].startswith(f"OK chaos kills={KILLS} lost=0 double=0 wrong=0 missing=0 ")
    assert sum(report["kills"].values()) == KILLS
    assert min(view["rows"] for view in report["compared"]) > 0
    assert {fault["kind"] for fault in report["faults"]} >= {"kill"}


def test_the_comparison_finds_one_wrong_row_and_one_lost_message(world: World) -> None:
    world.given |= FLOW_SETTINGS
    with Feed(world.kafka.bootstrap_servers, streams(SEED, 5.0)) as feed:
        give_up_at = time.monotonic() + 60
        while feed.acknowledged < 6_000:
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
    ended = world.run("-m", "cli", "run", *FLOWS, "--drain")
    assert (ended.returncode, ended.stderr) == (0, "")

    def found(limits: Limits = LIMITS) -> Found:
        with world.client() as client:
            return compare_all(world.kafka.bootstrap_servers, client, feed.acked, limits, print)

    right = found()
    assert (right.examples, right.right) == ([], True)
    assert sum(right.messages.values()) == feed.acknowledged

    place, offsets = next(iter(feed.acked.items()))
    offsets[0], offsets[10**6] = b"other bytes", b"never written"
    world.ask(
        "INSERT INTO item_sales_upserts "
        "SELECT * REPLACE (purchases + 1 AS purchases, version + 1 AS version) "
        "FROM item_sales_upserts FINAL LIMIT 1"
    )
    world.ask(
        "ALTER TABLE player_events_upserts DELETE WHERE partition = 0 AND offset = 7 "
        "SETTINGS mutations_sync = 1"
    )
    wrong = found()
    assert (wrong.total("wrong"), wrong.total("double"), wrong.total("lost"), wrong.right) == (2, 1, 1, False)
    assert wrong.missing == [
        f"{place[0]} {place[1]}:0 was acknowledged and holds other bytes",
        f"{place[0]} {place[1]}:1000000 was acknowledged and is not there",
    ]
