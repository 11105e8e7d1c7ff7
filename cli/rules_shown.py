"""Rules as people and programs read them.

Rules: what came from the topic is escaped before it is shown (`cli.harmless`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.harmless import harmless, moment, now_ms
from cli.rules_known import KnownRules, Version, known_rules
from settings import Kafka

WIDE = 140  # columns when nobody says how wide the output is
OVER = {"replaced", "retired"}
STYLES = {"live": "green", "waits": "yellow"}


def show_rules(kafka: Kafka, *, every: bool, as_json: bool) -> None:
    """Print the rules that there are."""
    now = now_ms()
    with known_rules(kafka) as (known, _):
        states = {of: known.state(of, now) for _, of in sorted(known.versions.items(), key=lambda it: it[0])}
    shown = [of for of, state in states.items() if every or state not in OVER]
    if as_json:
        rules = [_json(of, states[of]) for of in shown]
        print(json.dumps({"rules": rules, "refused": known.bad}, indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    console.print(_table(shown, states))
    _print_rest(console, known, len(states) - len(shown))


def _print_rest(console: Console, known: KnownRules, hidden: int) -> None:
    if hidden:
        console.print(Text(f"and {hidden} versions that were replaced or retired (--all)", "dim"))
    for bad in known.bad:
        console.print(Text(f"refused: {harmless(bad)}", "red"), soft_wrap=True)


def _table(shown: Sequence[Version], states: dict[Version, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("rule", no_wrap=True)
    for name in ("state", "does", "counts from", "owner", "from"):
        table.add_column(name, overflow="fold")
    for of in shown:
        rule, state = of.rule, states[of]
        does = rule.decision or f"weight {rule.weight:g}"
        shown_state = Text(f"{state}, shadow" if rule.shadow else state, STYLES.get(state, "dim"))
        table.add_row(
            Text(rule.name), shown_state, does,
            moment(of.from_ms) if of.from_ms else "always", Text(harmless(rule.owner, 40)), of.source,
        )  # fmt: skip
    return table


def _json(of: Version, state: str) -> dict[str, object]:
    rule = of.rule
    return {
        "id": rule.id,
        "version": rule.version,
        "state": state,
        "shadow": rule.shadow,
        "decision": rule.decision,
        "weight": rule.weight,
        "when": rule.when.text,
        "suppress_s": rule.suppress_s,
        "effective_at": moment(of.from_ms),
        "published_at": None if of.published_ms is None else moment(of.published_ms),
        "owner": rule.owner,
        "description": rule.description,
        "from": of.source,
    }
