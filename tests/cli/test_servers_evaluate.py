"""`./gamewax servers evaluate`: what it prints, and when it says OK."""

import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli.app import app
from cli.servers_simulated import lines
from simulator.faults import SORTS, Fault
from simulator.fleet_days import Planted
from simulator.loads import CPU
from topics.errors import BadInput
from verify.fleet_marks import Page, marked
from verify.fleet_watch import Judged

FAULTS = [Fault(sort, 0, 10**7 * n, 10**7 * n + 300_000, (CPU,), 0.5) for n, sort in enumerate(SORTS, 1)]
PAGES = [Page(0, CPU, "spike", fault.from_ms + 20_000) for fault in FAULTS]
NOISE = [Page(1, CPU, "spike", 1_000), Page(1, CPU, "missed_heartbeat", 2_000)]
PLANTED = tuple(Planted(fault, 4.0) for fault in FAULTS)


def judged(ours: list[Page], theirs: list[Page], steadier: list[Page] | None = None) -> Judged:
    named = (("gamewax", ours), ("3 sigma", theirs), ("steadier", theirs if steadier is None else steadier))
    return Judged(1_000, PLANTED, *(marked(name, pages, FAULTS, 4) for name, pages in named))


def test_the_command_prints_a_line_for_each_sort_and_a_verdict() -> None:
    words = ["servers", "evaluate", "--simulated", "--days", "2", "--servers", "6"]
    ended = CliRunner().invoke(app, words, standalone_mode=False)
    said = ended.stdout.splitlines()
    assert said[0].endswith("in all reports among them (seed 1)")
    assert [line.split()[0] for line in said[3:8]] == list(SORTS)
    assert said[8].startswith("gamewax: recall ")
    assert said[9].startswith("3 sigma: recall ")
    assert said[10].startswith("3 sigma, 3 in a row: recall ")
    assert re.match(
        r"(OK|FALLS SHORT) recall [\d.]+ \(3 sigma [\d.]+, 3 in a row [\d.]+\), false alarms a server and ",
        said[-1],
    )
    assert ended.return_value == (0 if said[-1].startswith("OK") else 1)


def test_ok_needs_more_recall_and_fewer_false_alarms_than_both_others() -> None:
    assert list(lines(judged(PAGES, [*PAGES[1:], *NOISE])))[-1] == (
        "OK recall 1.000 (3 sigma 0.800, 3 in a row 0.800), "
        "false alarms a server and day 0.00 (3 sigma 0.50, 3 in a row 0.50)"
    )
    worse, silent, better = [*PAGES[1:], *NOISE], PAGES[1:], [*PAGES, *NOISE]
    for ours, theirs, steadier in (
        (PAGES, PAGES, PAGES),
        (PAGES, silent, silent),
        (PAGES[1:], better, better),
        (PAGES, worse, silent),
        (PAGES, silent, worse),
    ):
        found = judged(ours, theirs, steadier)
        assert list(lines(found))[-1].startswith("FALLS SHORT recall ")
        assert not found.passes


def test_a_sort_that_was_not_planted_is_told() -> None:
    found = replace(judged(PAGES, []), planted=PLANTED[1:])
    assert list(lines(found))[-1] == (
        "FALLS SHORT nothing was planted of spike: give more --days or --servers"
    )
    assert not found.passes


def test_without_a_choice_it_says_what_to_choose() -> None:
    ended = CliRunner().invoke(app, ["servers", "evaluate"])
    assert isinstance(ended.exception, BadInput)
    assert "--simulated" in str(ended.exception)


def test_more_than_a_machine_can_hold_is_refused() -> None:
    words = ["servers", "evaluate", "--simulated", "--days", "60", "--servers", "200"]
    ended = CliRunner().invoke(app, words)
    assert str(ended.exception) == "--days times --servers may be 10,000 at most, not 12,000"


@pytest.mark.parametrize("days", ["0", "61"])
def test_days_have_bounds(days: str) -> None:
    ended = CliRunner().invoke(app, ["servers", "evaluate", "--simulated", "--days", days])
    assert ended.exit_code == 2
