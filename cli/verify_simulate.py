"""`gamewax verify simulate`: the flows on a simulated engine, one seed a story, compared with the truth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verify.simulation.many import Tally

MOST_SHOWN = 5  # failing seeds, and lines of what differs
SHOWN = (
    *("epochs", "crashes", "torn", "stops", "rescales", "growths", "silences", "jumps"),
    *("late", "idle", "duplicates", "dead", "failed_inserts", "adrift"),
)


def simulate(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 0 on.")] = 500,
    seed: Annotated[int | None, typer.Option(help="Only this one, told at length.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
) -> int:
    """Run the real flows on a simulated engine, thousands of times, each in another way, and compare.

    A seed decides a story: messages out of order, twice, late or broken; partitions silent or added; workers
    that die between any two steps, half-written snapshots, planned stops, more or fewer workers, inserts that
    fail, come twice or much later, a clock that jumps. Lanes, windows, accounting and the Kafka source are
    the real ones. After each story every row of every table must be what a plain sort and group-by gives.
    A failing seed is shown with a shortened story; --seed plays it again. The last line says OK or not.
    """
    os.environ["POLARS_MAX_THREADS"] = "1"  # noqa: TID251  read once, when polars is imported
    if seed is not None:
        return _tell(seed)
    from verify.simulation.many import Tally, many

    began, tally = monotonic(), Tally()
    with _bar(seeds) as show:
        for part in many(range(seeds), jobs):
            tally.add(part)
            show(part.seeds)
    for wrong in sorted(tally.wrong)[:MOST_SHOWN]:
        _tell(wrong)
    print("FALLS SHORT" if tally.wrong else "OK", _figures(tally, monotonic() - began))
    return 1 if tally.wrong else 0


def _figures(tally: Tally, seconds: float) -> str:
    counted = " ".join(f"{name}={tally.counts[name]}" for name in SHOWN)
    rate = f"seeds_per_s={tally.seeds / seconds:.1f} messages={tally.counts['messages']}"
    return f"simulate seeds={tally.seeds} wrong={len(tally.wrong)} {rate} {counted}"


def _tell(seed: int) -> int:
    """Run one seed here, and show its story; of a failing one the shortest that still fails."""
    from verify.simulation.many import run_seed, scratch
    from verify.simulation.run import run
    from verify.simulation.scenario import story_of
    from verify.simulation.shrink import shrunk, told

    with scratch() as folder:
        outcome = run_seed(seed, folder)
        story = story_of(seed)
        if outcome.wrong:
            print(f"seed {seed} is wrong ({len(outcome.wrong)} differences):")
            story = shrunk(story, lambda shorter: bool(run(shorter, folder).wrong))
            outcome = run(story, folder)
            print("\n".join(f"  {line}" for line in outcome.wrong[:MOST_SHOWN]))
            print(f"the shortest story that fails (play it whole with --seed {seed}):")
    print("\n".join(told(story)))
    counts = " ".join(f"{name}={count}" for name, count in sorted(outcome.counts.items()))
    print("FALLS SHORT" if outcome.wrong else "OK", f"simulate seed={seed} {counts}")
    return 1 if outcome.wrong else 0


@contextmanager
def _bar(seeds: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal only; gives what tells it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("seeds", total=seeds)
        yield lambda done: bar.advance(task, done)
