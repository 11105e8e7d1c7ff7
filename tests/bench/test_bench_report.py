"""Figures go into the page between its markers; what is written by hand stays."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bench.ahead import ahead
from bench.check import Checked
from bench.drained import Drained, joined
from bench.load import Load
from bench.peers.peer import Peer
from bench.report import BLOCKS, EMPTY, block, complete, updated
from bench.work import Entry, eng
from cli.bench import RESULTS

FLOW = {"cpu_s": 2.0, "snapshot_s": 0.1, "wait_s": 0.5, "rows": 4_000, "rss_mb": 250.0, "grown_mb": 1.0}
FLOW |= {"thread_reader": 0.5, "thread_other": 1.0, "thread_memory": 0.5}


@dataclass(frozen=True)
class Said:
    """A result of another kind."""

    name: str
    line: str
    reached: bool = True
    figures: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.line}"


def drained(name: str = "ENG", took_s: float = 2.0, right: int = 10) -> Drained:
    """One round of a million events, with a bare loop of a million a second."""
    entry = Entry(name, (eng(1_000_000),), {"ratio": 0.42, "rss_mb": 280.0})
    flow = joined([{**FLOW, "began": 5.0, "ended": 5.0 + took_s}], 1_000_000)
    bare = {"rate": 1_000_000.0, "cpu_us": 0.9}
    return Drained(entry, [bare], [flow], [Checked(right, 10)])


def test_a_result_says_its_figures_in_one_line() -> None:
    assert str(drained()) == (
        "ENG ratio=0.50 (0.50-0.50) rows=10/10 rss_mb=250 cpu_s_per_m=2.00 snapshots=5.0% "
        "events_per_s=500,000 runs=1"
    )
    assert drained().reached


def test_a_missed_goal_is_named() -> None:
    slow = drained(took_s=4.0)
    assert not slow.reached
    assert slow.missed == ["ratio 0.25, goal >= 0.42"]
    assert str(slow).endswith("[ratio 0.25, goal >= 0.42]")


def test_wrong_rows_give_no_figure() -> None:
    wrong = drained(right=9)
    assert not wrong.reached
    assert wrong.figures == {}
    assert str(wrong) == "ENG rows=9/10: rows differ from the truth, so no figure counts"
    page = updated(EMPTY, [wrong], "a test", [])
    assert "500,000" not in page
    assert block(page, "threads")[2:] == []


def test_flows_at_once_count_until_the_last_and_use_what_all_use() -> None:
    first = {**FLOW, "began": 10.0, "ended": 12.0}
    second = {**FLOW, "began": 10.5, "ended": 14.0}
    both = joined([first, second], 1_000_000)
    assert (both["rate"], both["cpu_us"], both["rss_mb"], both["rows"]) == (250_000, 4.0, 500.0, 8_000)
    assert both["waits"] == 0.125


def test_a_cost_is_told_from_the_other_entry_of_the_same_round() -> None:
    bad = drained("ENG-BAD", took_s=2.5)
    bad.against = drained()
    assert bad.figures["cost"] == pytest.approx(0.2)


def test_a_row_replaces_its_own_and_leaves_others_and_words_alone() -> None:
    page = complete(EMPTY).replace("## All works", "## All works\n\nBy hand.")
    page = updated(page, [drained("ENG"), drained("PLY")], "first", ["one machine"])
    page = updated(page, [drained("PLY", took_s=4.0)], "second", ["another machine"])
    rows = block(page, "works")[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| ENG", "| PLY"]
    assert rows[0].endswith("| first |")
    assert rows[1].endswith("| falls short: ratio 0.25, goal >= 0.42 | second |")
    assert block(page, "machine") == ["another machine"]
    assert "By hand." in page


def test_each_kind_of_result_has_its_table() -> None:
    keyed = drained("KEYS-1000")
    page = updated(
        EMPTY,
        [
            keyed,
            Said("KEYS", "flat=1.05"),
            Said("LAT", "p99_s=1"),
            Said("SCALE-ENG", "two"),
            Said("FLINK-SQL", "x", reached=False),
        ],
        "a test",
        [],
    )
    assert [row.split(" | ")[0] for row in block(page, "keys")[2:]] == ["| KEYS-1000", "| KEYS"]
    assert block(page, "peers")[2].startswith("| FLINK-SQL |  | ")
    assert block(page, "peers")[2].endswith(" | FALLS SHORT x | a test |")
    assert block(page, "latency")[2:] == ["| LAT | OK p99_s=1 | a test |"]
    assert block(page, "scale")[2:] == ["| SCALE-ENG | OK two | a test |"]
    assert block(page, "threads")[2] == "| KEYS-1000 | 0.50 | 0.00 | 0.00 | 0.00 | 1.50 | 2.00 | 0.90 |"


def test_a_peer_has_its_own_columns() -> None:
    met = {"rate": 250_000.0, "cpu_us": 8.0, "rss_mb": 900.0, "drain_s": 8.0, "wall_s": 9.0}
    peer = Peer(
        "FLINK-SQL-ENG-WARM", "as its docs say", 2_000_000, [met], [Checked(10, 10)], ran_on="Java 21"
    )
    page = updated(EMPTY, [peer], "a test", [])
    head, _, row = block(page, "peers")
    assert head.count("|") == row.count("|")
    assert row.startswith("| FLINK-SQL-ENG-WARM | 10/10 | 2,000,000 | 250,000 | 8.00 | 900 |")


def test_we_are_so_many_times_as_fast_as_a_peer_in_the_same_run() -> None:
    slow = {"rate": 100_000.0, "cpu_us": 8.0, "rss_mb": 900.0, "drain_s": 8.0, "wall_s": 9.0}
    warm = Peer("FLINK-SQL-ENG-WARM", "", 2_000_000, [slow], [Checked(10, 10)])
    absent = Peer("BYTEWAX-DOCS-ENG", "", 2_000_000, why_not="no network")
    flink, windows = ahead([drained("ENG-BESIDE"), warm, absent])
    assert str(flink) == "ENG-BESIDE/FLINK-SQL-ENG-WARM times=5.0 (goal >= 3) cpu_times=4.0"
    assert str(windows) == "ENG-BESIDE/BYTEWAX-DOCS-ENG not compared"
    assert flink.reached
    assert windows.reached
    wrong = Peer("FLINK-SQL-ENG-WARM", "", 2_000_000, [slow], [Checked(9, 10)])
    assert not ahead([drained("ENG-BESIDE"), wrong])[0].reached


def test_a_block_that_is_not_there_is_put_at_the_end_and_no_figure_is_lost() -> None:
    page = updated("# Mine\n\nBy hand.\n", [drained()], "a test", ["one machine"])
    assert page.startswith(
        "# Mine\n\nBy hand.\n\n## Machine and versions\n\n<!-- begin machine -->\none machine\n"
    )
    assert [page.count(f"<!-- begin {name} -->") for name in BLOCKS] == [1] * len(BLOCKS)
    assert block(page, "works")[2].startswith("| ENG | 10/10")
    assert complete(page) == page


def test_the_page_in_the_repository_has_all_blocks() -> None:
    page = RESULTS.read_text()
    assert complete(page) == page


def test_a_topic_is_named_by_all_that_makes_its_load() -> None:
    loads = [
        Load(8_000_000, ids=False),
        Load(8_000_000, ids=True),
        Load(8_000_000, ids=False, players=5),
        Load(8_000_000, ids=False, per_s=1_000_000),
        Load(8_000_000, ids=False, in_turn=True),
        Load(8_000_000, ids=False, bad_every=100),
    ]
    assert len({load.topic for load in loads}) == len(loads)
