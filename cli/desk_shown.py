"""The desk as people and programs read it: cases, one alert whole, snoozes, how good rules are.

Rules: what came from outside is escaped before it is shown (`cli.harmless`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.desk_again import Judged, verdict
from cli.desk_alerts import Alert, Case
from cli.desk_notes import Snooze
from cli.harmless import harmless, moment
from models.fraud_columns import Value

WIDE = 140  # columns when nobody says how wide the output is
ID = 12  # characters of an alert's id in lists
FEATURES = 8  # of a purchase that are shown
TIMES = {
    "first_event_ms": "first_event_time",
    "detected_ms": "detected_at",
    "snoozed_until_ms": "snoozed_until",
}
STYLES = {"block": "bold red", "review": "yellow", "fraud": "bold red", "honest": "green", "open": "yellow"}


def show_cases(found: Sequence[Case], count: int) -> None:
    """Print a list of cases, the newest first."""
    console = _console()
    if not found:
        console.print("no such cases")
        return
    table = _table("alert", "detected (UTC)", "player", "rule", "does", "score", "bought", "case", "label")
    for of in found:
        state = of.state + (f", {harmless(of.assigned_to, 20)}" if of.assigned_to else "")
        state += ", snoozed" if of.snoozed_until_ms else ""
        rule = of.rule + (" (shadow)" if of.shadow else "")
        table.add_row(
            Text(of.alert_id[:ID]), _second(of.detected_ms), Text(harmless(of.player_id, 24)),
            Text(harmless(rule, 40)), _styled(of.decision), f"{of.score:.2f}", f"{of.purchases:,}",
            Text(state, STYLES.get(of.state, "dim")), _styled(of.label),
        )  # fmt: skip
    console.print(table)
    if count > len(found):
        console.print(Text(f"and {count - len(found):,} older ones (--limit)", "dim"))
    console.print(Text("one with its evidence: ./gamewax fraud show ALERT", "dim"))


def show_alert(alert: Alert, case: Case) -> None:
    """Print an alert with its reasons and its evidence."""
    console, shadow = _console(), " (shadow: nobody was told)" if alert.shadow else ""
    label = f"{case.label} (by {harmless(case.labelled_by or 'somebody', 40)})" if case.label else "none yet"
    state = case.state + (f", {harmless(case.assigned_to, 40)} has it" if case.assigned_to else "")
    silent = f", silent until {_second(case.snoozed_until_ms)}" if case.snoozed_until_ms else ""
    for name, told in (
        ("alert", alert.alert_id),
        ("player", harmless(alert.player_id)),
        ("rule", f"{harmless(case.rule)}{shadow}"),
        ("does", f"{alert.decision or 'nothing'}, score {alert.score:g}"),
        ("model", harmless(alert.model_version) or "none was asked"),
        ("first", f"{moment(case.first_event_ms)} by the game's clock, detected {moment(case.detected_ms)}"),
        ("case", state + silent),
        ("label", label),
    ):
        console.print(Text(f"{name:<8}", "dim"), Text(told, STYLES.get(told, "")), soft_wrap=True)
    console.print(Text("\nbecause", "bold"))
    for reason in alert.reasons:
        beside = "" if reason.threshold is None else f"   against {_value(reason.threshold)}"
        console.print(Text(f"  {reason.name} = {_value(reason.value)}{beside}"))


def show_evidence(alert: Alert, judged: Sequence[Judged]) -> None:
    """Print the purchases that were judged, each with its score then, and what it is by judging again."""
    console = _console()
    more = alert.purchases - len(judged)
    head = f"evidence: {len(judged)} purchases" + (
        f", and {more:,} more that are only counted" if more else ""
    )
    console.print(Text(f"\n{head}", "bold"))
    table = _table("purchase", "time (UTC)", "score", "again", "rules that matched", "what they saw")
    first = {reason.name for reason in alert.reasons}
    for of in judged:
        seen = of.evidence
        again = "cannot" if of.score is None else f"{of.score:g}"
        table.add_row(
            Text(f"{seen.topic}:{seen.partition}:{seen.offset}"), _second(seen.time_ms), f"{seen.score:g}",
            Text(again, "bold red" if of.wrong else "green"), Text(harmless("\n".join(seen.rules))),
            Text(_features(seen.features, first)),
        )  # fmt: skip
    console.print(table)


def again_told(alert: Alert, judged: list[Judged]) -> str:
    """Say in a line whether the alert's evidence gives what the alert says."""
    different = verdict(alert, judged)
    if different:
        return f"judged again from its evidence: DIFFERENT: {different}"
    return f"judged again from its evidence: same score {alert.score:g}"


def show_snoozes(found: Sequence[Snooze]) -> None:
    """Print what is silent."""
    console = _console()
    if not found:
        console.print("nothing is snoozed: everybody is told of every live alert")
        return
    table = _table("player", "rule", "until (UTC)", "by", "reason")
    for of in found:
        words = (of.player_id, of.rule_id, _second(of.until_ms), of.set_by, of.reason)
        table.add_row(*(Text(harmless(word, 80)) for word in words))
    console.print(table)


def show_quality(rows: Sequence[Mapping[str, object]]) -> None:
    """Print how good rules are."""
    console = _console()
    if not rows:
        console.print("no alerts")
        return
    table = _table("rule", "alerts", "purchases", "labelled", "fraud", "honest", "precision")
    for of in rows:
        name = f"{of['rule_id']}:{of['rule_version']}" + (" (shadow)" if of["shadow"] else "")
        figures = (f"{of[column]:,}" for column in ("alerts", "hits", "labelled", "fraud", "honest"))
        share = of["precision"]
        table.add_row(Text(harmless(name)), *figures, "-" if share is None else f"{share:.3f}")
    console.print(table)


def as_json(found: object) -> None:
    """Print anything as JSON."""
    print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())


def case_json(of: Case) -> dict[str, object]:
    """Give a case by name, times as RFC 3339."""
    told = of._asdict()
    for at, name in TIMES.items():
        ms = told.pop(at)
        told[name] = None if ms is None else moment(ms)
    return told


def _features(seen: Mapping[str, Value], first: set[str]) -> str:
    """Give features in words, those of the reasons before the others."""
    names = sorted((name for name in seen if seen[name] is not None), key=lambda name: name not in first)
    told = [f"{harmless(name)} = {_value(seen[name])}" for name in names[:FEATURES]]
    more = len(names) - len(told)
    return "\n".join([*told, *([f"and {more} more (--json)"] if more else [])])


def _value(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return harmless(str(value), 60)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name in {"alert", "detected (UTC)", "purchase"})
    return table


def _styled(word: str) -> Text:
    return Text(word, STYLES.get(word, ""))


def _second(ms: int) -> str:
    return moment(ms)[:19].replace("T", " ")
