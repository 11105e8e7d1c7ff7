"""`./gamewax fraud evaluate --simulated`: how well the built-in rules find fraud whose truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:  # imported when the command runs
    from collections.abc import Iterator

    from verify.fraud_marks import Mark, Marks

SHARE = 0.05  # of the purchases are planted


def judge_simulated(events: int, seed: int) -> int:
    """Simulate three days of a shop, judge them by the built-in rules, and say how well they did."""
    from models.fraud_rule import RuleBook
    from simulator.fraud_days import HOURS, Days
    from sources.rule_files import built_in
    from verify.fraud_days import judged

    book = RuleBook()
    for rule in built_in():
        book.add(rule)
    marks = judged(Days(seed, events, SHARE), book)
    typer.echo(
        f"{marks.purchases:,} purchases in {HOURS} hours of game time, "
        f"{sum(mark.cases for mark in marks.kinds):,} cases of fraud among them (seed {seed})"
    )
    for line in told(marks):
        typer.echo(line)
    return 0 if marks.passes else 1


def told(marks: Marks) -> Iterator[str]:
    """Say it: a line a kind, what was missed or wrong, and the verdict."""
    from verify.fraud_marks import LEAST_PRECISION, LEAST_RECALL

    yield f"{'kind':<20}{'cases':>7}{'found':>7}{'recall':>8}{'alerts':>8}{'right':>7}{'precision':>11}"
    for mark in marks.kinds:
        yield _row(mark)
    for case in marks.missed:
        yield f"missed: {case.kind} by {_some(case.players)} with {case.event_ids[0]}"
    for alert in marks.false:
        yield f"wrong: {alert.rule_id} on {alert.player_id} for {_some(sorted(alert.event_ids))}"
    if marks.unasked:
        yield f"FALLS SHORT nothing was planted of {', '.join(marks.unasked)}: give more --events"
        return
    yield (
        f"{'OK' if marks.passes else 'FALLS SHORT'} recall >= {least(marks, 'recall'):.3f} and "
        f"precision >= {least(marks, 'precision'):.3f} in every kind "
        f"(floors {LEAST_RECALL} and {LEAST_PRECISION}), {marks.nat_alerts} alerts on honest players "
        f"of {marks.shared_addresses:,} shared addresses (0)"
    )


def _row(mark: Mark) -> str:
    recall = f"{mark.recall:.3f}" if mark.cases else "-"
    precision = f"{mark.precision:.3f}" if mark.alerts else "-"
    found = f"{mark.kind:<20}{mark.cases:>7}{mark.found:>7}{recall:>8}"
    return f"{found}{mark.alerts:>8}{mark.right:>7}{precision:>11}"


def least(marks: Marks, what: Literal["recall", "precision"]) -> float:
    """Give the lowest mark of all kinds."""
    return min(mark.recall if what == "recall" else mark.precision for mark in marks.kinds)


def _some(names: list[str]) -> str:
    """Name the first three."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004
