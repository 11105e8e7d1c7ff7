import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from time import monotonic

import psutil
import pytest
from rich.console import Console

from demo.figures import Book, Figures, Level
from demo.folder import KAFKA_LOGS, LOCK, MADE_BY_US, owned
from demo.verdict import Compared, against, faults
from demo.view import Moment, plain, screen
from embedded.process import ROOT
from simulator.plan import PLAYER_EVENTS, Plan
from simulator.run import Run, Stop
from simulator.trouble import Trouble
from simulator.truth import Truth
from simulator.truth_rows import GameKey, GameRow
from topics.errors import BadInput

GAMEWAX = str(ROOT / "gamewax")
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all demos of this module, so that each meets what the last one left."""
    return tmp_path_factory.mktemp("demos") / "demo"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        command = [GAMEWAX, "demo", "--data", str(folder), *words]
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True))
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()
    until(lambda: not using(folder))


def using(folder: Path) -> list[int]:
    """Find the processes that were started for this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values(), process.cwd()]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in words) and process.pid != os.getpid():
            found.append(process.pid)
    return found


def until(happened: Callable[[], bool], within_s: float = 120) -> None:
    give_up_at = monotonic() + within_s
    while not happened():
        assert monotonic() < give_up_at


def read_to(demo: "subprocess.Popen[str]", word: str) -> None:
    assert demo.stdout
    assert any(word in line for line in demo.stdout)


@pytest.mark.slow
def test_a_demo_ends_with_figures_that_are_right_and_leaves_nothing(start: Start, folder: Path) -> None:
    demo = start("--for", "5", "--rate", "400", "--seed", "7")
    said, complaint = demo.communicate(timeout=200)
    last = said.splitlines()[-1]
    assert (demo.returncode, last[:3], complaint) == (0, "OK ", ""), said
    assert " 0 wrong, 0 lost, 0 double, first row on screen after " in last
    assert using(folder) == []


@pytest.mark.slow
def test_a_second_demo_is_refused_and_a_killed_one_leaves_nothing(start: Start, folder: Path) -> None:
    first = start("--for", "200")
    read_to(first, "busiest")
    second = start("--for", "5")
    said, complaint = second.communicate(timeout=150)
    assert (second.returncode, said) == (2, "")
    assert complaint.startswith(f"gamewax: a demo already runs on {folder} (process {first.pid}): ")
    assert len(using(folder)) >= 5
    first.kill()
    first.wait()
    until(lambda: not using(folder))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_everything_after_the_comparison(start: Start, folder: Path, number: int) -> None:
    demo = start("--rate", "300")
    read_to(demo, "busiest")
    demo.send_signal(number)
    said, complaint = demo.communicate(timeout=150)
    assert (demo.returncode, said.splitlines()[-1][:3], complaint) == (0, "OK ", "")
    assert using(folder) == []


@pytest.mark.slow
def test_ctrl_c_before_there_is_traffic_ends_everything(start: Start, folder: Path) -> None:
    demo = start()
    read_to(demo, "Starting Kafka")
    until(lambda: len(using(folder)) >= 2)
    demo.send_signal(signal.SIGINT)
    said, complaint = demo.communicate(timeout=150)
    assert (demo.returncode, complaint) == (130, "")
    assert said.splitlines()[-1] == "FALLS SHORT ended before anything could be compared"
    assert using(folder) == []


@pytest.mark.slow
def test_traffic_of_somebody_else_is_left_alone(start: Start, folder: Path) -> None:
    demo = start("--for", "1", "--rate", "100")
    assert "\nOK " in demo.communicate(timeout=200)[0]
    (folder / MADE_BY_US).unlink()
    refused = start("--for", "1")
    complaint = refused.communicate(timeout=200)[1]
    assert (refused.returncode, complaint.count("\n")) == (2, 1)
    assert complaint.startswith(f"gamewax: {folder} holds ")
    assert "give the demo another --data" in complaint
    (folder / MADE_BY_US).touch()


def test_a_demo_empties_only_what_a_demo_made(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    (theirs / KAFKA_LOGS).mkdir(parents=True)
    (theirs / KAFKA_LOGS / "log").touch()
    with owned(theirs), owned(mine):
        (mine / KAFKA_LOGS).mkdir(parents=True)
        (mine / KAFKA_LOGS / "log").touch()
    with owned(theirs), owned(mine):
        assert [path.name for path in theirs.glob("kafka/logs/*")] == ["log"]
        assert sorted(path.name for path in mine.iterdir()) == [LOCK, MADE_BY_US]


def test_a_folder_that_cannot_be_made_is_one_line() -> None:
    with pytest.raises(BadInput, match="cannot make the data folder"), owned(Path("/dev/null/demo")):
        pass


def test_missing_surplus_and_different_rows_are_wrong() -> None:
    lost, double, changed, same = (GameKey("", start) for start in (0, 10, 20, 30))
    true = {lost: GameRow(5, 1, 1), changed: GameRow(4, 2, 2), same: GameRow(9, 9, 9)}
    found = {double: GameRow(3, 1, 1), changed: GameRow(4, 2, 1), same: GameRow(9, 9, 9)}
    assert against("engagement", 10, found, true) == Compared("engagement", 10, 4, 3, lost=5, double=3)


def test_every_count_that_differs_is_a_fault() -> None:
    plan = Plan(3, 1_767_225_600_000, 1000, (PLAYER_EVENTS,), Trouble(0.02, 0.01, 0.01, 0.02))
    run = Run(plan, 20_000, live=False)
    truth = Truth(run.traffic.world)
    for block in run.blocks(Stop()):
        truth.add(block)
    kinds, reasons = truth.counts.kinds[PLAYER_EVENTS], truth.counts.reasons[PLAYER_EVENTS]
    counts = (kinds["good"] + kinds["late"], kinds["beyond"], kinds["malformed"], kinds["duplicate"])
    right = Figures(books=tuple(Book(size, 20_000, *counts) for size in (10, 60)), dead=reasons.copy())
    assert faults((), right, truth) == []
    wrong = Figures(books=(Book(10, 20_001, *counts), right.books[1]), dead=reasons - Counter(not_json=1))
    letters = reasons["not_json"]
    assert faults((Compared("engagement", 60, 9, 2, 1, 0),), wrong, truth) == [
        "engagement at 60 s has 2 wrong rows",
        "the accounting identity at 10 s is off by +1",
        "read at 10 s is 20,001, not 20,000",
        f"dead letters with not_json are {letters - 1:,}, not {letters:,}",
    ]
    assert faults((), Figures(), truth)[0] == "accounting lacks a window size"


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
@pytest.mark.parametrize("full", [True, False])
def test_the_view_fits_the_terminal_and_sends_no_control_characters(
    columns: int, lines: int, *, full: bool
) -> None:
    levels = tuple(Level(f"level\x1b[2J_{number}", 10_000 * number, 5, number) for number in range(20, 40))
    books = tuple(Book(size, 123_456_789, 123_000_000, 6_789, 50_000, 400_000) for size in (10, 60))
    figures = Figures(levels, 123_000_000, books, unsaved=1_234_567) if full else Figures()
    age_s, trouble = (1234.5, "Kafka: port in use, " * 9) if full else (None, "")
    moment = Moment("traffic is running", 4000, None, 123_456_789, 50_000, 50_000, age_s, figures, trouble)
    paper = StringIO()
    console = Console(file=paper, width=columns, height=lines, force_terminal=False, color_system=None)
    console.print(screen(moment, lines))
    drawn = paper.getvalue().splitlines()
    assert len(drawn) <= lines
    assert max(len(line) for line in drawn) <= columns
    assert "\x1b" not in paper.getvalue() + plain(moment)
    assert ("= aggregated" in paper.getvalue()) is full
