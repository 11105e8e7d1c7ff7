"""`gamewax simulate`: game traffic into Kafka, into files, or as lines on stdout."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput

if TYPE_CHECKING:  # imported when the command runs
    from simulator.run import Run

DEFAULT_RATE = 1000  # a second
LINES_START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z: lines depend on the arguments alone

Rate = Annotated[int | None, typer.Option(min=1, help="Messages a second (1000 if not given).")]
Events = Annotated[int | None, typer.Option(min=1, help="Stop after so many messages; else at Ctrl-C.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed and start, same bytes.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Only this topic (may be repeated).")]
Troubles = Annotated[
    str,
    typer.Option(
        "--trouble",
        metavar="NAME[=SHARE],…",
        help="What goes wrong: late, beyond (too late to be counted), duplicate, malformed, "
        "skew (clients' clocks), outage, leak, fraud-rings, server-faults; all; none.",
    ),
]
Lines = Annotated[bool, typer.Option("--print", help="Write lines to stdout, not to Kafka.")]
To = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write lines to FILE.ndjson[.gz|.zst], one for each topic, not to Kafka."
    ),
]
TruthTo = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write what every table must show, and what was planted, to FILE.jsonl."
    ),
]
Start = Annotated[
    str, typer.Option(help="First event time (now if not given; 2026-01-01T00:00:00Z for lines and files).")
]
FraudShare = Annotated[
    float | None,
    typer.Option(
        "--fraud",
        min=0,
        max=0.5,
        metavar="SHARE",
        help="Plant fraud among honest customers: this share of purchases (try 0.05). Also sends `players`.",
    ),
]
Daily = Annotated[
    bool, typer.Option("--daily", help="Players come and go with the hour; --rate is at 20:00 UTC.")
]


def simulate(  # noqa: PLR0913 — one argument an option
    rate: Rate = None,
    events: Events = None,
    seed: Seed = 1,
    topic: Topics = None,
    trouble: Troubles = "late,duplicate,malformed",
    *,
    lines: Lines = False,
    to: To = None,
    truth: TruthTo = None,
    start: Start = "",
    daily: Daily = False,
    fraud: FraudShare = None,
) -> None:
    """Make up the traffic of a game: players, purchases, servers, and what goes wrong.

    With --events and without --rate it goes as fast as it can, and its event times end about now.
    """
    from simulator.fraud import Fraud
    from simulator.plan import PLAYERS, PURCHASE_EVENTS, TOPICS, Plan
    from simulator.run import Run
    from simulator.trouble import trouble as read_trouble

    if lines and to:
        raise BadInput("--print and --to exclude each other")
    if unknown := set(topic or ()) - set(TOPICS):
        raise BadInput(f"--topic knows {', '.join(TOPICS)}, not {', '.join(sorted(unknown))}")
    speed, text = rate or DEFAULT_RATE, lines or to is not None
    at_once = events is not None and (text or rate is None)
    length_ms = (events or 0) * 1000 // speed if at_once else 0
    start_ms = epoch_ms(start) if start else LINES_START_MS if text else now_ms() - length_ms
    chosen = tuple(name for name in TOPICS if not topic or name in topic)
    if fraud is not None:
        if PURCHASE_EVENTS not in chosen:
            raise BadInput(f"--fraud needs purchases: add --topic {PURCHASE_EVENTS}")
        chosen = (*chosen, PLAYERS)
    planted = None if fraud is None else Fraud(fraud)
    plan = Plan(seed, start_ms, speed, chosen, read_trouble(trouble), daily, text, planted)
    send(Run(plan, events, live=not at_once), "-" if lines else to, truth)


def send(run: Run, to: Path | str | None, truth_to: Path | None) -> None:
    """Send a run to a file, to stdout (`-`) or to Kafka (`None`), and say what was sent."""
    import settings
    from simulator.counts import Counts
    from simulator.outputs import to_files, to_kafka, to_stdout
    from simulator.text_files import check_writable
    from simulator.truth import Truth
    from simulator.truth_file import write_truth

    if truth_to:
        check_writable(truth_to)
    truth = Truth(run.traffic.world) if truth_to else None
    counts = truth.counts if truth else Counts(run.plan.topics)
    kept = truth or counts
    if isinstance(to, Path):
        said = to_files(run, to, kept)
    else:
        said = to_stdout(run, kept) if to else to_kafka(run, settings.load().kafka, kept)
    if truth and truth_to:
        write_truth(truth_to, truth)
    for line in (*counts.lines(), said):
        typer.echo(line, err=to == "-")


def now_ms() -> int:
    """Give the present, epoch ms."""
    import time

    return time.time_ns() // 1_000_000


def epoch_ms(text: str) -> int:
    """Read an RFC 3339 time.

    Raises:
        BadInput: it is none, or has no offset.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--start must be a time like 2026-01-01T00:00:00Z, not {text!r}") from error
    if moment.tzinfo is None:
        raise BadInput(f"--start {text!r} needs an offset: add Z for UTC")
    return int(moment.timestamp() * 1000)
