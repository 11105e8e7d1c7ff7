"""Each burn rule fires at the minute that a hand computes and not before; its SQL runs on the real engine."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.grafana.conftest import CLEAN_MIN, SILENT_MIN, TROUBLE_MIN, Planted
from tests.grafana.grafana_engine import firing, queries, rules

BUDGETS = {"server_latency": Fraction(1, 100), "server_stalls": Fraction(1, 1000)}
BUDGETS["server_availability"] = Fraction(5, 1000)
PACES = {"14x": (Fraction(144, 10), 60, 5), "6x": (Fraction(6), 360, 30), "1x": (Fraction(1), 4320, 360)}
RULES = rules()
BURNS = sorted(name for name in RULES if "_burns_" in name)


def of_name(name: str) -> tuple[str, Fraction, Fraction, int, int]:
    """Give a rule's objective, its budget, its pace and its windows (minutes), by its name alone."""
    slo, pace = name.split("_burns_")
    return slo, BUDGETS[slo], *PACES[pace]


def first_minute(name: str, share: Fraction) -> int | None:
    """Compute after how many bad minutes a rule fires: all before were good; None: never."""
    _, budget, pace, long_min, short_min = of_name(name)
    for bad_min in range(1, long_min + 1):
        long, short = share * bad_min / long_min, share * min(bad_min, short_min) / short_min
        if long > pace * budget and short > pace * budget:
            return bad_min
    return None


def test_there_are_three_rules_for_each_objective() -> None:
    assert sorted(f"{slo}_burns_{pace}" for slo in BUDGETS for pace in PACES) == BURNS


@pytest.mark.parametrize("name", BURNS)
@pytest.mark.parametrize("percent", [20, 2])
def test_it_fires_at_the_minute_computed_by_hand(planted: Planted, name: str, percent: int) -> None:
    game = f"silent_{percent}" if name.startswith("server_availability") else f"slow_{percent}"
    minute = first_minute(name, Fraction(percent, 100))
    if minute is None:
        planted.complete_until(CLEAN_MIN + (SILENT_MIN if "silent" in game else TROUBLE_MIN))
        assert game not in firing(planted.reader, RULES[name])
        return
    planted.complete_until(CLEAN_MIN + minute - 1)  # the rows of all later minutes are there already
    before = firing(planted.reader, RULES[name])
    planted.complete_until(CLEAN_MIN + minute)
    assert (game in before, game in firing(planted.reader, RULES[name])) == (False, True)


def test_the_minutes_are_these() -> None:
    """What the hand computes, written down once, so that the arithmetic is no copy of the SQL's."""
    minutes = {name: [first_minute(name, Fraction(of, 100)) for of in (20, 2)] for name in BURNS}
    assert minutes == {
        "server_latency_burns_14x": [44, None],  # 14.4 % of 60 minutes at 20 %: 43.2
        "server_latency_burns_6x": [109, None],
        "server_latency_burns_1x": [217, 2161],
        "server_stalls_burns_14x": [5, 44],
        "server_stalls_burns_6x": [11, 109],
        "server_stalls_burns_1x": [22, 217],
        "server_availability_burns_14x": [22, None],
        "server_availability_burns_6x": [55, None],
        "server_availability_burns_1x": [109, 1081],
    }


@pytest.mark.parametrize("name", BURNS)
def test_it_never_fires_in_clean_days_for_three_samples_or_for_servers_that_left(
    planted: Planted, name: str
) -> None:
    quiet = {"clean", "three_samples", "left"}
    for minute in (CLEAN_MIN + 3, CLEAN_MIN + SILENT_MIN):
        planted.complete_until(minute)
        assert firing(planted.reader, RULES[name]) & quiet == set()


@pytest.mark.parametrize("name", [name for name in BURNS if name.startswith("server_stalls")])
def test_three_bad_samples_would_fire_without_the_guard(planted: Planted, name: str) -> None:
    planted.complete_until(CLEAN_MIN + 3)
    unguarded = RULES[name] | {"data": [dict(of) for of in RULES[name]["data"]]}
    for of in unguarded["data"]:
        if "rawSql" in of["model"]:
            of["model"] = of["model"] | {
                "rawSql": of["model"]["rawSql"].replace("sum(bad) < 10", "sum(bad) < 3")
            }
    assert "three_samples" in firing(planted.reader, unguarded)


@pytest.mark.parametrize("name", BURNS)
def test_nothing_fires_while_no_minute_of_the_trouble_is_complete(planted: Planted, name: str) -> None:
    planted.complete_until(CLEAN_MIN)
    assert firing(planted.reader, RULES[name]) == set()


@pytest.mark.parametrize("name", ["server_latency_burns_14x", "server_availability_burns_1x"])
def test_nothing_fires_before_any_minute_is_complete(planted: Planted, name: str) -> None:
    planted.writer.command("TRUNCATE TABLE complete_windows_upserts")
    assert firing(planted.reader, RULES[name]) == set()


@pytest.mark.parametrize("pace", PACES)
def test_the_short_window_ends_it_soon_after_recovery(planted: Planted, pace: str) -> None:
    name = f"server_stalls_burns_{pace}"
    _, budget, rate, _, short_min = of_name(name)
    share = Fraction(20, 100)
    ended = next(
        after for after in range(1, 1000) if share * max(short_min - after, 0) / short_min <= rate * budget
    )
    assert ended <= short_min
    answers = []
    for after in (0, ended - 1, ended):
        planted.complete_until(CLEAN_MIN + 60 + after)
        answers.append("slow_for_an_hour" in firing(planted.reader, RULES[name]))
    assert answers == [True, True, False]


def test_the_sql_of_alerts_has_no_variable_no_macro_and_no_clock() -> None:
    texts = {f"{name} {ref}": sql for name in BURNS for ref, sql in queries(RULES[name]).items()}
    assert len(texts) == 2 * len(BURNS)
    assert [name for name, sql in texts.items() if "$" in sql or "now" in sql.lower() or "today" in sql] == []
