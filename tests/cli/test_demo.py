import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from decimal import Decimal
from io import StringIO
from pathlib import Path
from time import monotonic

import psutil
import pytest
from rich.console import Console

from demo.compared import Compared, Kept, against, agree
from demo.figures import Alerts, Book, Figures, Level, Load, Progress, Sale, Suspect, Tally
from demo.folder import ENDPOINTS, KAFKA_LOGS, LOCK, MADE_BY_US, owned
from demo.moment import Moment, Pace
from demo.streams import STREAMS
from demo.verdict import Found, faults, sent
from demo.view import screen
from demo.words import plain, summary
from embedded.process import ROOT
from simulator.plan import PLAYER_EVENTS, TOPICS, Plan
from simulator.run import Run, Stop
from simulator.trouble import Trouble
from simulator.truth import Truth
from simulator.truth_rows import GameKey, GameRow, HealthRow, SaleRow
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
def test_a_demo_ends_with_right_figures_leaves_nothing_and_touches_no_other_traffic(
    start: Start, folder: Path
) -> None:
    demo = start("--for", "9", "--rate", "400", "--seed", "99")  # frauds come early with this seed
    said, complaint = demo.communicate(timeout=200)
    last = said.splitlines()[-1]
    assert (demo.returncode, last[:3], complaint) == (0, "OK ", ""), said
    told = re.search(
        " 0 wrong, 0 lost, 0 double, ([1-9][0-9]*) fraud alerts, ([0-9]+) webhooks verified, ", last
    )
    assert told, last
    assert int(told[2]) >= int(told[1])
    assert f"  of {told[2]} messages {told[2]} were received, their signatures verified" in said.splitlines()
    assert (folder / ENDPOINTS).stat().st_mode & 0o777 == 0o600
    assert {line.split()[0] for line in said.splitlines() if "as many as events" in line} == {
        "player_events",
        "purchase_events",
        "server_metrics",
    }
    assert using(folder) == []
    (folder / MADE_BY_US).unlink()
    refused = start("--for", "1")
    complaint = refused.communicate(timeout=200)[1]
    assert (refused.returncode, complaint.count("\n")) == (2, 1)
    assert complaint.startswith(f"gamewax: {folder} holds ")
    assert "give the demo another --data" in complaint
    (folder / MADE_BY_US).touch()


@pytest.mark.slow
def test_a_second_demo_is_refused_and_ctrl_c_ends_everything_after_the_comparison(
    start: Start, folder: Path
) -> None:
    first = start("--rate", "300")
    read_to(first, "slowest")
    refused = start("--for", "5")
    said, complaint = refused.communicate(timeout=150)
    assert (refused.returncode, said) == (2, "")
    assert complaint.startswith(f"gamewax: a demo already runs on {folder} (process {first.pid}): ")
    first.send_signal(signal.SIGINT)
    said, complaint = first.communicate(timeout=150)
    assert (first.returncode, said.splitlines()[-1][:3], complaint) == (0, "OK ", "")
    assert using(folder) == []


@pytest.mark.slow
def test_a_killed_demo_leaves_nothing(start: Start, folder: Path) -> None:
    demo = start("--for", "200")
    read_to(demo, "Starting the flows")
    until(lambda: len(using(folder)) >= 7)
    demo.kill()
    demo.wait()
    until(lambda: not using(folder))


@pytest.mark.slow
def test_a_signal_before_there_is_traffic_ends_everything(start: Start, folder: Path) -> None:
    demo = start()
    read_to(demo, "Starting Kafka")
    until(lambda: len(using(folder)) >= 2)
    demo.send_signal(signal.SIGTERM)
    said, complaint = demo.communicate(timeout=150)
    assert (demo.returncode, complaint) == (130, "")
    assert said.splitlines()[-1] == "FALLS SHORT ended before anything could be compared"
    assert using(folder) == []


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


def test_money_averages_and_peaks_must_be_equal_and_percentiles_near() -> None:
    loads = (20.1, 30.0, 40.0, 50.0, 60.0, 100.0, 200.0, 300.0, 300.0)
    true = HealthRow(3, *loads, 5.5, 9, 40, 16.0, 18.0, 2, "eu-west", "eu")
    assert agree(true._replace(latency_p50=100.9, latency_p99=297.1), true)
    wrong = [true._replace(samples=4), true._replace(cpu_load_avg=20.100001)]
    wrong += [true._replace(latency_max=301.0), true._replace(latency_p95=203.0)]
    wrong += [true._replace(tick_ms_p99=18.2), true._replace(disconnects=3), true._replace(region="us")]
    assert [agree(row, true) for row in wrong] == [False] * 7
    sale = SaleRow(2, Decimal("0.0198"), 1)
    assert agree(sale._replace(revenue=Decimal("0.01980")), sale)
    assert not agree(sale._replace(revenue=Decimal("0.0199")), sale)
    assert not agree(None, sale)


def test_every_count_that_differs_is_a_fault() -> None:
    plan = Plan(3, 1_767_225_600_000, 1000, trouble=Trouble(0.02, 0.01, 0.01, 0.02))
    run = Run(plan, 20_000, live=False)
    truth = Truth(run.traffic.world)
    for block in run.blocks(Stop()):
        truth.add(block)
    flows = {
        stream.flow: Progress(tuple(Book(size, *astuple(sent(stream, truth))) for size in stream.windows_s))
        for stream in STREAMS
    }
    dead = {topic: reasons.copy() for topic, reasons in truth.counts.reasons.items()}
    right = Found(Figures(flows=flows, dead=dead), (), ())
    assert faults(right, truth) == []
    books = flows["purchases"].books
    one_more = Progress((replace(books[0], read=books[0].read + 1), books[1]))
    letters = dead[PLAYER_EVENTS]["not_json"]
    figures = Figures(
        flows={**flows, "purchases": one_more, "archive": Progress()},
        dead={**dead, PLAYER_EVENTS: dead[PLAYER_EVENTS] - Counter(not_json=1)},
    )
    found = Found(figures, (Compared("item_sales", 60, 9, 2, 1, 0),), (Kept("player_events", 9, 10),))
    assert faults(found, truth) == [
        "item_sales at 60 s has 2 wrong rows",
        "player_events has 9 rows, not 10",
        "the accounting identity of purchases at 10 s is off by +1",
        f"read of purchases at 10 s is {books[0].read + 1:,}, not {books[0].read:,}",
        "the accounting of archive lacks a window size",
        f"dead letters of player-events with not_json are {letters - 1:,}, not {letters:,}",
    ]


def full() -> Figures:
    """Give figures as wide as they get, with hostile names."""
    return Figures(
        tuple(Level(f"level\x1b[2J_{number}", 10_000 * number, 5, number) for number in range(20, 40)),
        99_999,
        tuple(
            Sale(f"item\x1b[2J_{number}", "JPY\x1b", 999_999, Decimal("9999999.99")) for number in range(40)
        ),
        tuple(Load(f"server\x1b[2J_{number}", 99.5, 99.5, 9999, 9999, 9999) for number in range(40)),
        {
            stream.flow: Progress(
                (Book(10, 123_456_789, 123_000_000, 6_789, 50_000, 400_000),), {}, 123_000_000, 1_234_567
            )
            for stream in STREAMS
        },
        {topic: Counter({f"reason_{number}": 9_999 for number in range(20)}) for topic in TOPICS},
        Alerts(
            {f"rule\x1b[2J_{number}": 9_999_999 for number in range(20)},
            Suspect("player\x1b[2J" * 9, "rule\x1b[2J" * 9, "block\x1b", ("price\x1b[2J 7 (limit 5)",) * 3),
        ),
    )


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (100, 30), (140, 50)])
@pytest.mark.parametrize("figures", [full(), Figures()], ids=["full", "empty"])
def test_the_view_fits_the_terminal_and_sends_no_control_characters(
    columns: int, lines: int, figures: Figures
) -> None:
    paces = {stream.flow: Pace(50_000.0, 1234.5) for stream in STREAMS} if figures.flows else {}
    trouble = "Kafka: port in use, " * 9 if figures.flows else ""
    moment = Moment(4000, None, 123_456_789, 50_000, paces, figures, Tally(9_999_999, 9_999_998, 9), trouble)
    paper = StringIO()
    console = Console(file=paper, width=columns, height=lines, force_terminal=False, color_system=None)
    console.print(screen(moment, columns, lines))
    drawn = paper.getvalue().splitlines()
    assert len(drawn) <= lines
    assert max(map(len, drawn)) <= columns
    said = plain(moment) + summary(Found(figures, (), ()))
    assert "\x1b" not in paper.getvalue() + said
    flows = [line for line in drawn if line.startswith("server_health")]
    assert ["0 ✓" in line for line in flows] == [bool(figures.flows)]
