"""Benchmarks are found by name, whatever the case; a wrong name lists all."""

from __future__ import annotations

import pytest

from bench.result import Failed
from bench.run import RUN, check_there
from bench.work import KEYS, ONE, keys, named
from cli.bench import conclude
from cli.bench_names import BENCHES, chosen
from topics.errors import BadInput


def test_case_does_not_matter_and_all_means_everything_that_is_not_too_long() -> None:
    assert chosen("ENG") == chosen("eng") == ["eng"]
    assert chosen("All") == [name for name in BENCHES if name not in {"fleets", "backfill", "hour"}]


def test_a_wrong_name_lists_all() -> None:
    with pytest.raises(BadInput, match=r"no benchmark 'engg'; there are: eng, ids, .*hour \(or all\)"):
        chosen("engg")


def test_every_name_can_be_run() -> None:
    assert RUN.keys() == BENCHES.keys()


def test_a_part_that_is_not_here_is_told() -> None:
    check_there("eng", {"alert": "bench.nowhere"})
    with pytest.raises(BadInput, match=r"benchmark alert needs bench/nowhere\.py"):
        check_there("alert", {"alert": "bench.nowhere"})
    with pytest.raises(BadInput, match=r"needs bench/no/where\.py"):
        check_there("peers", {"peers": "bench.no.where"})


@pytest.mark.parametrize("name", ONE)
def test_a_work_is_the_same_in_the_process_that_runs_it(name: str) -> None:
    work = named(name, 700_000)
    assert (work.name, work.load.events) == (name, 700_000)
    assert named(name, work.load.events).load == work.load


def test_works_of_many_keys_are_found_by_their_number() -> None:
    for players in KEYS:
        work = keys(700_000, players)
        assert named(work.name, 700_000).load == work.load


def test_a_benchmark_says_the_options_and_the_time_of_what_was_asked() -> None:
    assert BENCHES["ply"].size(1, 300_000, 40) == "--runs 1 --events 300000"
    assert BENCHES["lat"].size(1, 0, 20) == "--seconds 20"
    assert BENCHES["ply"].takes_minutes(6, 8_000_000, 40) == 2 * BENCHES["ply"].minutes
    assert BENCHES["alert"].takes_minutes(1, 0, 80) == 2 * BENCHES["alert"].minutes


def test_the_last_line_tells_of_what_broke_and_of_what_did_not(capsys: pytest.CaptureFixture[str]) -> None:
    fine = Failed("LAT", "p99_s=1", reached=True)
    assert conclude([fine]) == 0
    assert conclude([fine, Failed("PLY", "Broken: no broker")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "OK LAT broke: p99_s=1",
        "FALLS SHORT LAT broke: p99_s=1; PLY broke: Broken: no broker",
    ]
