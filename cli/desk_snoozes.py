"""Snoozes set, ended and listed, in a line each."""

from __future__ import annotations

from cli.desk import desk, span_ms
from cli.desk_notes import Note, alerts_of, snooze, snoozes, wake
from cli.desk_shown import as_json, show_snoozes
from cli.harmless import harmless, moment
from topics.errors import BadInput

LONGEST_MS = 366 * 86_400_000


def quieten(player: str, rule: str, time: str, note: Note) -> None:
    """Let a player and rule be silent for a while.

    Raises:
        BadInput: that is no span, or longer than a year.

    """
    for_ms = span_ms("--for", time)
    if for_ms > LONGEST_MS:
        raise BadInput(f"--for is a year at most, not {time}: who remembers it then? Retire the rule instead")
    check(player, rule)
    with desk() as at:
        until = snooze(at, player, rule, for_ms, note)
        known = alerts_of(at, player, rule)
    print(f"nobody is told of {harmless(player)} by {harmless(rule)} until {until}")
    if not known:
        print("note: there is no alert of this player by this rule yet; are both names right?")


def wake_up(player: str, rule: str, note: Note) -> None:
    """Let a player and rule be told of again."""
    with desk() as at:
        was_silent = wake(at, player, rule, note)
    told = f"{harmless(player)} by {harmless(rule)}"
    print(f"everybody is told of {told} again" if was_silent else f"{told} was not snoozed")


def list_snoozes(*, json: bool) -> None:
    """Print what is silent."""
    with desk() as at:
        found = snoozes(at)
    if json:
        as_json(
            [
                {
                    "player_id": of.player_id,
                    "rule_id": of.rule_id,
                    "until": moment(of.until_ms),
                    "reason": of.reason,
                    "set_by": of.set_by,
                    "set_at": moment(of.set_ms),
                }
                for of in found
            ]
        )
    else:
        show_snoozes(found)


def check(player: str, rule: str) -> None:
    """Refuse names that no alert can have.

    Raises:
        BadInput: one is empty, or the rule has its version with it.

    """
    if not player or not rule:
        raise BadInput("give a player and a rule")
    if ":" in rule:
        raise BadInput(f"a snooze holds for all versions of a rule: say {rule.partition(':')[0]}")
