"""What counts as equal when logged alerts are held against a replay, and what may differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.fraud_catalogue import FEATURES
from models.fraud_compared import Bound, Compared, Seen, compare, exact_decisions, inexact
from models.fraud_expression import compile_expression
from models.fraud_rule import Rule

KINDS = {name: feature.kind for name, feature in FEATURES.items()}
PLACE = ("log", 0)
WHOLE, CUT = Bound(100, 200, whole=True), Bound(100, 200, whole=False)


def alert(*offsets: int, purchases: int = 0, growing: bool = False) -> Seen:
    spots = tuple((*PLACE, offset) for offset in offsets)
    return Seen(spots, purchases or len(offsets), 1_000, "block", growing)


def held(logged: Seen | None, replayed: Seen | None, bound: Bound = WHOLE) -> Compared:
    live, again = ({} if of is None else {"a": of} for of in (logged, replayed))
    return compare(Compared("r:1", []), live, again, {PLACE: bound}, decisions=True)


@pytest.mark.parametrize(
    ("logged", "replayed"),
    [
        (alert(120), None),
        (None, alert(120)),
        (alert(120, 130), alert(120)),
        (alert(120, purchases=30), alert(120, purchases=31)),
        (replace(alert(120), decision="review"), alert(120)),
        (replace(alert(120), first_ms=999), alert(120)),
        (alert(120, 130), alert(120, growing=True)),
    ],
)
def test_what_differs_falls_short(logged: Seen | None, replayed: Seen | None) -> None:
    assert held(logged, replayed, CUT).falls_short


@pytest.mark.parametrize(
    ("logged", "replayed"),
    [
        (alert(120, 130), alert(120, 130)),
        (alert(90, 130), alert(130)),  # it began before
        (alert(200), None),  # it begins behind the end
        (alert(120, 210), alert(120, growing=True)),  # it grew behind the end
        (alert(*range(101, 121), purchases=50), alert(*range(101, 121), purchases=40, growing=True)),
    ],
)
def test_what_one_side_could_not_see_is_no_difference(logged: Seen, replayed: Seen | None) -> None:
    assert held(logged, replayed, CUT).equal


def test_counts_tell_what_was_compared() -> None:
    found = held(alert(90, 130), alert(130))
    assert (found.logged, found.replayed, found.both, found.began) == (0, 0, 0, 1)


def rule(when: str, **more: object) -> Rule:
    given: dict[str, object] = {"id": "mine", "version": 1, "decision": "block"} | more
    return Rule(when=compile_expression(when, KINDS), **given)  # type: ignore[arg-type]


def test_only_what_has_a_say_makes_a_rule_inexact() -> None:
    burst = rule("player_purchases_1m > 3")
    shared = rule("ip_players_1h > 3", id="shared")
    pardon = replace(shared, decision="allow")
    weighed = replace(burst, decision=None, weight=0.6)
    assert not inexact(burst, [burst, shared], model=True)
    assert not inexact(replace(burst, shadow=True), [pardon], model=True)
    assert "shared:1 may allow" in inexact(burst, [pardon], model=False)[0]
    assert "ip_players_1h" in inexact(shared, [], model=False)[0]
    assert inexact(rule("since_account_created_s < 60"), [], model=False)
    assert not inexact(weighed, [burst], model=False)
    assert len(inexact(weighed, [shared], model=True)) == 2
    assert (exact_decisions([burst], model=False), exact_decisions([burst, shared], model=False)) == (
        True,
        False,
    )
