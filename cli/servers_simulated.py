"""`./gamewax servers evaluate --simulated`: alarms of servers whose faults are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:  # imported when the command runs
    from simulator.faults import Sort
    from verify.fleet_marks import Marks
    from verify.fleet_watch import Judged

MINUTE_S = 60


def judge_simulated(seed: int, days: int, servers: int) -> int:
    """Simulate days of a fleet, let it be watched, and say how well that went."""
    from rich.console import Console
    from rich.progress import Progress

    from simulator.fleet_days import FleetDays
    from verify.fleet_watch import judged

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{days} days of {servers} servers", total=1.0)
        fleet = FleetDays(seed, days, servers)
        found = judged(fleet, lambda done: progress.update(task, completed=done))
    typer.echo(
        f"{found.samples:,} samples of {servers} servers in {days} days, {len(fleet.plan.restarts)} restarts "
        f"and {len(fleet.plan.holes)} holes in all reports among them (seed {seed})"
    )
    for line in lines(found):
        typer.echo(line)
    return 0 if found.passes else 1


def lines(found: Judged) -> Iterator[str]:
    """Say it: a line a sort of fault, false alarms, and the verdict."""
    from verify.fleet_marks import ALLOWED, by_sort

    ours, theirs, steadier = found.ours, found.theirs, found.steadier
    counts = dict(by_sort(one.fault for one in found.planted))
    yield f"{'':<35}{ours.name:>15}{theirs.name:>23}"
    yield f"{'planted':<19}{'size, sd':>13}" + f"{'found':>8}{'share':>7}{'after':>8}" * 2 + "   in time is"
    for sort, count in counts.items():
        watchers = _marks(ours, sort, count) + _marks(theirs, sort, count)
        yield f"{sort:<10}{count:>9}{_size(found, sort):>13}{watchers}   {ALLOWED[sort]}"
    for marks in (ours, theirs, steadier):
        kinds = Counter(page.kind for page in marks.false).most_common()
        told = ", ".join(f"{count:,} {kind}" for kind, count in kinds)
        yield (
            f"{marks.name}: recall {marks.recall:.3f}, {marks.false_a_day:.2f} false alarms a server and day"
            + (f" ({told})" if told else "")
        )
    if missing := [sort for sort, count in counts.items() if not count]:
        yield f"FALLS SHORT nothing was planted of {', '.join(missing)}: give more --days or --servers"
        return
    yield (
        f"{'OK' if found.passes else 'FALLS SHORT'} recall {ours.recall:.3f} (3 sigma {theirs.recall:.3f}, "
        f"3 in a row {steadier.recall:.3f}), false alarms a server and day {ours.false_a_day:.2f} "
        f"(3 sigma {theirs.false_a_day:.2f}, 3 in a row {steadier.false_a_day:.2f})"
    )


def _size(found: Judged, sort: Sort) -> str:
    """Tell the sizes of a sort's faults: a small, the middle and a large one (10, 50, 90 of 100)."""
    sizes = sorted(one.size for one in found.planted if one.fault.sort == sort)
    if not sizes or not sizes[-1]:
        return "-"
    tenth = len(sizes) // 10
    return f"{sizes[tenth]:.0f}-{median(sizes):.0f}-{sizes[-1 - tenth]:.0f}"


def _marks(marks: Marks, sort: Sort, count: int) -> str:
    found, delay_s = marks.of(sort)
    share = f"{found / count:.3f}" if count else "-"
    return f"{found:>8}{share:>7}{_span(delay_s):>8}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if seconds < 2 * MINUTE_S else f"{seconds / MINUTE_S:.0f} min"
