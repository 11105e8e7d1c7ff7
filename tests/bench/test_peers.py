"""Peers are compared by our truth, their figures count only with right rows, an absent one says why."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from bench.check import Checked
from bench.load import Load
from bench.peers.bytewax_windows import EPOCH, LEVELS, SIZE_S, Level
from bench.peers.contest import FlinkSql
from bench.peers.finished import Finished
from bench.peers.flink_jars import CONNECTOR, ENGINE, PINS, flink_jars, version_of
from bench.peers.flink_jvm import last_error, version_in
from bench.peers.peer import Peer
from bench.peers.run import contests, judged
from bench.peers.table import peers_table
from topics.errors import Broken

LOAD = Load(2_000, ids=False)
FIGURES = {"rate": 1000.0, "cpu_us": 20.0, "rss_mb": 800.0, "drain_s": 2.0, "wall_s": 9.0}


def truth_as_csv(path: Path, work: str, *, stamps: bool) -> Finished:
    from bench.peers.run import truth_of

    rows = truth_of(work, LOAD)
    if stamps:
        start = pl.from_epoch("window_start").dt.strftime("%Y-%m-%d %H:%M:%SZ")
        rows = rows.with_columns(start.alias("window_start"))
    rows.write_csv(path, include_header=False)
    return Finished("X", FIGURES, path)


@pytest.mark.parametrize("stamps", [True, False])
@pytest.mark.parametrize("work", ["ENG", "PLY"])
def test_rows_are_read_as_flink_and_as_bytewax_write_them(tmp_path: Path, work: str, *, stamps: bool) -> None:
    finished = truth_as_csv(tmp_path / "rows.csv", work, stamps=stamps)
    checked = judged(finished, FlinkSql(work, LOAD, ""))
    assert checked.exact
    assert checked.wanted > 0


def test_rows_in_several_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    whole = (
        truth_as_csv(tmp_path / "whole.csv", "ENG", stamps=True).rows.read_text().splitlines(keepends=True)
    )
    folder = tmp_path / "rows"
    folder.mkdir()
    for name, lines in {"part-0": whole[::2], "part-1": whole[1::2], "part-2": [], ".part-3": ["x"]}.items():
        (folder / name).write_text("".join(lines))
    assert judged(Finished("X", FIGURES, folder), FlinkSql("ENG", LOAD, "")) == Checked(
        len(whole), len(whole)
    )


def test_a_row_that_differs_and_one_too_many_are_told(tmp_path: Path) -> None:
    path = truth_as_csv(tmp_path / "rows.csv", "PLY", stamps=False).rows
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text("".join([re.sub(r"\d+\n", "99\n", first), *others, "0,player_x,1\n"]))
    checked = judged(Finished("X", FIGURES, path), FlinkSql("PLY", LOAD, ""))
    assert (checked.wanted - checked.right, checked.extra) == (1, 1)


def peer(**given: object) -> Peer:
    made = Peer("FLINK-SQL-ENG-COLD", "parallelism 2", 2_000, [FIGURES, {**FIGURES, "rate": 3000.0}])
    for name, value in given.items():
        setattr(made, name, value)
    return made


def test_a_peer_with_right_rows_gives_its_medians() -> None:
    right = peer(checked=[Checked(5, 5), Checked(5, 5)])
    assert (right.reached, right.figures["rate"]) == (True, 2000.0)
    assert str(right).startswith(
        "FLINK-SQL-ENG-COLD events_per_s=2,000 (1,000-3,000) rows=5/5 cpu_s_per_m=20.00"
    )


def test_wrong_rows_give_no_figure_and_an_absent_peer_says_why() -> None:
    wrong = peer(checked=[Checked(5, 5), Checked(4, 5, extra=2)])
    absent = peer(rounds=[], why_not="no network")
    assert [(of.reached, of.figures) for of in (wrong, absent)] == [(False, {}), (True, {})]
    assert str(wrong).endswith(
        "rows=4/5 (+2 that nobody wanted): rows differ from the truth, so no figure counts"
    )
    assert str(absent) == "FLINK-SQL-ENG-COLD not run: no network"


def test_the_table_has_a_line_for_each_peer() -> None:
    peers = [
        peer(checked=[Checked(5, 5)], ran_on="Flink 2.1.0"),
        peer(why_not="no network"),
        peer(checked=[Checked(4, 5)]),
    ]
    lines = peers_table(peers).splitlines()[2:]
    assert lines == [
        "| FLINK-SQL-ENG-COLD | 5/5 | 2,000 | 2,000 | 20.00 | 800 | 2.0 | 9.0 | Flink 2.1.0: parallelism 2 |",
        "| FLINK-SQL-ENG-COLD | - | 2,000 | - | - | - | - | - | not run: no network |",
        "| FLINK-SQL-ENG-COLD | 4/5 | 2,000 | - | - | - | - | - | rows differ, so no figure counts |",
    ]


def test_every_peer_has_a_name_of_its_own_and_flink_drains_the_whole_topic() -> None:
    of = contests(8_000_000)
    names = [name for contest in of for name in contest.names]
    assert len(names) == len(set(names)) == 12
    assert {contest.load.events for contest in of if isinstance(contest, FlinkSql)} == {8_000_000}


def test_flinks_pins_are_whole_hashes_sorted_and_of_one_version() -> None:
    lines = PINS.read_text().splitlines()
    assert all(re.fullmatch(r"[0-9a-f]{64}  [\w.-]+:[\w.-]+:[\w.-]+", line) for line in lines)
    assert [line.split()[1] for line in lines] == sorted({line.split()[1] for line in lines})
    own = {jar.version for jar in flink_jars() if jar.group == "org.apache.flink"}
    shaded = {version for version in own if re.search(r"-\d+\.0$", version)} - {version_of(CONNECTOR)}
    assert own - shaded == {version_of(ENGINE), version_of(CONNECTOR)}


def test_checkpoints_are_in_the_sql_only_where_the_name_says_so() -> None:
    plain, kept = (FlinkSql("ENG", LOAD, mark).sql for mark in ("", "+CHECKPOINTS"))
    assert ["checkpointing" in sql for sql in (plain, kept)] == [False, True]
    assert [sql.replace("$servers", "").count("$topic") for sql in (plain, kept)] == [1, 1]


def test_what_java_says_of_itself_is_read() -> None:
    assert version_in('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime') == "17.0.15"
    with pytest.raises(Broken, match="this is no Java"):
        version_in("command not found")


def test_the_cause_is_found_in_flinks_log(tmp_path: Path) -> None:
    log = tmp_path / "flink.log"
    log.write_text("WARN x\nException in thread main\n\tat a\nCaused by: no broker\n\tat b\n")
    assert last_error(log) == "Caused by: no broker"
    log.write_text("")
    assert last_error(log) == "its log is empty"


def test_bytewaxs_levels_count_as_the_truth_does() -> None:
    event = {"event_type": "move", "player_id": "a", "level_id": "l", "map_id": "m"}
    one, other = (
        Level().add(event),
        Level().add({**event, "event_type": "level_fail"}).add({**event, "player_id": "b"}),
    )
    assert (LEVELS.key(event), LEVELS.row(one.merge(other))) == ("l,m", "3,2,0,0,0,1,2")
    assert EPOCH.timestamp() % SIZE_S == 0
