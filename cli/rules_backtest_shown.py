"""What a backtest found, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.harmless import moment
from cli.rules_alerts import alert_json, example, example_line
from cli.rules_backtest_run import Found
from cli.rules_compared import comparison, comparison_json
from cli.rules_lengths import a_day, length
from models.fraud_compared import AGE
from models.fraud_kinds import WINDOWS
from models.fraud_rule import Rule
from models.fraud_tally import Counts, Tally

WIDE = 160  # columns when nobody says how wide the output is
NUMBERS = ("alerts", "a day", "players", "purchases", "also live", "labelled", "precision", "recall")


@dataclass(frozen=True, slots=True)
class Line:
    """One rule's line of the table."""

    rule: Rule
    counts: Counts
    live: bool


def show(found: Found) -> None:
    """Print a backtest."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    for line in head(found):
        console.print(Text(line), soft_wrap=True)
    console.print()
    console.print(_table(found))
    console.print(Text(_legend(found), "dim"), soft_wrap=True)
    for line in (*_examples(found), *comparison(found.compared)):
        console.print(Text(line), soft_wrap=True)


def head(found: Found) -> Iterator[str]:
    """Say what was judged, and what is to be known about it."""
    asked, run = found.asked, found.run
    rate = found.rows / found.seconds if found.seconds else 0
    begin_ms, end_ms = found.span
    yield (
        f"{run.judged:,} purchases that Kafka had from {moment(begin_ms)} to {moment(end_ms)} "
        f"({length(end_ms - begin_ms)}), judged as the flow would; {found.rows:,} stored ones read in "
        f"{found.seconds:.1f} s ({rate:,.0f}/s)"
    )
    if (begin_ms, end_ms) != (asked.from_ms, asked.to_ms):
        yield f"of {moment(asked.from_ms)} to {moment(asked.to_ms)} nothing more is stored"
    states = [lane.state for lane in run.stored.lanes.values()]
    duplicates, late = sum(of.duplicates for of in states), sum(sum(of.late.values()) for of in states)
    if duplicates or late:
        yield f"left out, as the flow does: {duplicates:,} duplicates and {late:,} late ones"
    yield from _history(found)
    if not found.question.known.created and any(AGE in of.when.names for of in _all_rules(found)):
        yield f"topic players tells of no account: {AGE} is missing"


def found_json(found: Found) -> dict[str, object]:
    """Give everything as JSON."""
    asked, run = found.asked, found.run
    states = [lane.state for lane in run.stored.lanes.values()]
    return {
        "from": moment(asked.from_ms),
        "to": moment(asked.to_ms),
        "stored_from": moment(found.span[0]),
        "stored_to": moment(found.span[1]),
        "alone": asked.alone,
        "judged": run.judged,
        "read": found.rows,
        "seconds": round(found.seconds, 3),
        "duplicates": sum(of.duplicates for of in states),
        "late": sum(sum(of.late.values()) for of in states),
        "history_complete_from": None if (ms := _complete_ms(found)) is None else moment(ms),
        "labelled_fraud": run.frauds,
        "other_alerts": None if asked.alone else _of_others(found, run.was),
        "other_alerts_beside": None if asked.alone else _of_others(found, run.beside),
        "rules": [_line_json(line, found) for line in _lines(found)],
        "compared": [comparison_json(of) for of in found.compared],
    }


def _history(found: Found) -> Iterator[str]:
    complete_ms = _complete_ms(found)
    if complete_ms is not None and found.began_ms is not None:
        yield (
            f"stored purchases begin at {moment(found.began_ms)}: histories of 30 days are complete for "
            f"purchases from {moment(complete_ms)} on, those before are judged by what is there"
        )


def _complete_ms(found: Found) -> int | None:
    """Give from when on histories are complete, where they are not for all (Kafka time, epoch ms)."""
    if found.began_ms is None:
        return None
    complete_ms = found.began_ms + WINDOWS["30d"]
    return complete_ms if complete_ms > found.asked.from_ms else None


def _lines(found: Found) -> Iterator[Line]:
    """Give the rules in question, and the live versions of their ids whose place they take."""
    asked = {rule.name: rule for rule in found.asked.rules}
    for name, rule in asked.items():
        if rule.state == "active":
            yield Line(rule, found.run.would.counts.get(name, Counts(name, rule.shadow)), live=False)
    ids = {rule.id for rule in asked.values()}
    for rule in found.question.live:
        if rule.id in ids and rule.name not in asked and not found.asked.alone:
            yield Line(rule, found.run.was.counts.get(rule.name, Counts(rule.name, rule.shadow)), live=True)


def _all_rules(found: Found) -> list[Rule]:
    return [*found.asked.rules, *([] if found.asked.alone else found.question.live)]


def _table(found: Found) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True)
    table.add_column("does")
    for name in NUMBERS:
        table.add_column(name, justify="right")
    for line in _lines(found):
        counts, covered = line.counts, "" if line.live or found.asked.alone else line.counts.covered
        table.add_row(
            f"{line.rule.name}{' (live)' if line.live else ''}",
            _does(line.rule),
            f"{counts.alerts:,}",
            _number(a_day(counts.alerts, found.span)),
            f"{len(counts.players):,}",
            f"{counts.purchases:,}",
            _of(covered, counts.alerts) if covered != "" else "-",
            f"{counts.labelled:,}",
            _share(counts.precision),
            _share(counts.recall(found.run.frauds)),
            style="dim" if line.live else None,
        )
    return table


def _legend(found: Found) -> str:
    told = f"purchases labelled as fraud: {found.run.frauds:,}"
    if found.asked.alone:
        return told
    was, beside = _of_others(found, found.run.was), _of_others(found, found.run.beside)
    return (
        f"{told}; also live: another live rule hit the player in the alert's window\n"
        f"the other live rules gave {was:,} alerts in that time; with these rules beside them {beside:,}"
    )


def _of_others(found: Found, tally: Tally) -> int:
    """Count the alerts of live rules that keep their place."""
    ids = {rule.id for rule in found.asked.rules}
    others = (of for name, of in tally.counts.items() if name.rpartition(":")[0] not in ids)
    return sum(of.alerts for of in others if not of.shadow)


def _examples(found: Found) -> Iterator[str]:
    for line in _lines(found):
        if line.counts.strongest and not line.live:
            yield ""
            yield f"strongest of {line.rule.name}:"
            yield from (f"  {example_line(example(alert))}" for alert in line.counts.strongest)


def _does(rule: Rule) -> str:
    does = rule.decision or f"weight {rule.weight:g}"
    return f"{does}, shadow" if rule.shadow else does


def _line_json(line: Line, found: Found) -> dict[str, object]:
    counts = line.counts
    return {
        "rule": line.rule.id,
        "version": line.rule.version,
        "live": line.live,
        "decision": line.rule.decision,
        "weight": line.rule.weight,
        "shadow": line.rule.shadow,
        "alerts": counts.alerts,
        "alerts_a_day": a_day(counts.alerts, found.span),
        "players": len(counts.players),
        "purchases": counts.purchases,
        "decisions": dict(counts.decisions),
        "also_live": None if line.live or found.asked.alone else counts.covered,
        "labelled": counts.labelled,
        "fraud": counts.fraud,
        "precision": counts.precision,
        "caught": counts.caught,
        "recall": counts.recall(found.run.frauds),
        "strongest": [alert_json(alert) for alert in counts.strongest],
    }


def _of(part: int | str, whole: int) -> str:
    return f"{part} ({int(part) / whole:.0%})" if whole else str(part)


def _number(number: float | None) -> str:
    return "-" if number is None else f"{number:,.1f}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"
