"""The SQL of panels and runbooks runs as the reader, and its numbers are those of plain arithmetic."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from math import isclose

import numpy as np
import pytest

from embedded.process import ROOT
from grafana.slo_files import BOARD
from models.sketch import buckets_of
from tests.grafana.conftest import BEGIN, CLEAN_MIN, Planted
from tests.grafana.grafana_engine import Rule, firing, panel_sql, rules

BOARD_PANELS = json.loads((ROOT / BOARD).read_text())["panels"]
PANELS = {panel["id"]: panel["targets"][0]["rawSql"] for panel in BOARD_PANELS if panel["type"] != "row"}
MONTH_MIN = 30 * 1440
AVAILABILITY, LATENCY = 10, 20  # numbers of the first panel of an objective
TEXTS = {  # those of several pages once
    sql: f"{page.stem} {number}"
    for page in sorted((ROOT / "docs/runbooks").glob("*.md"))
    for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", page.read_text(), re.DOTALL))
}


def shown(planted: Planted, panel: int, game: str, after_min: int) -> list[float]:
    """Give what a panel shows for a game, the newest last, when the trouble lasted so long."""
    end = planted.complete_until(CLEAN_MIN + after_min)
    sql = panel_sql(PANELS[panel], end - timedelta(hours=3), end + timedelta(minutes=5))
    found = planted.reader.query(sql)
    at = found.column_names.index("game_id")
    return [row[-1] for row in found.result_rows if row[at] == game]


@pytest.mark.parametrize(
    ("first", "game", "budget", "share"),
    [(LATENCY, "slow_20", 0.01, 0.2), (AVAILABILITY, "silent_20", 0.005, 0.2)],
)
def test_budget_left_and_burn_rate_are_what_a_hand_computes(
    planted: Planted, first: int, game: str, budget: float, share: float
) -> None:
    left = 1 - share * 60 / MONTH_MIN / budget  # traffic is taken to go on as it was in these three days
    assert [isclose(of, left) for of in shown(planted, first + 1, game, 60)] == [True]
    burns = share * 30 / 60 / budget
    assert [isclose(of, burns) for of in shown(planted, first + 2, game, 30)] == [True]


@pytest.mark.parametrize(
    ("first", "game", "budget"), [(LATENCY, "slow_20", 0.01), (AVAILABILITY, "silent_20", 0.005)]
)
def test_a_burn_rate_over_time_rises_minute_by_minute_as_the_trouble_goes_on(
    planted: Planted, first: int, game: str, budget: float
) -> None:
    seen = shown(planted, first + 3, game, 30)
    assert len(seen) == 180  # three hours of minutes, none of the five behind the frontier
    wanted = [0.0] * 150 + [0.2 * minute / 60 / budget for minute in range(1, 31)]
    assert [isclose(one, other, abs_tol=1e-9) for one, other in zip(seen, wanted, strict=True)] == [
        True
    ] * 180


def test_budget_left_over_time_ends_where_the_number_beside_it_stands(planted: Planted) -> None:
    for first, game in ((LATENCY, "slow_20"), (AVAILABILITY, "silent_20")):
        (left,) = shown(planted, first + 1, game, 60)
        assert isclose(shown(planted, first + 4, game, 60)[-1], left)


def test_who_spends_it_is_named(planted: Planted) -> None:
    planted.complete_until(CLEAN_MIN + 30)
    slow = {row[0] for row in planted.reader.query(PANELS[LATENCY + 5]).result_rows}
    silent = {row[:2] for row in planted.reader.query(PANELS[AVAILABILITY + 5]).result_rows}
    assert {"slow_20", "slow_2"} <= slow
    assert {("silent_20", "s0"), ("silent_20", "s1"), ("silent_2", "s0")} <= silent


@pytest.mark.parametrize("sql", TEXTS, ids=TEXTS.values())
def test_the_sql_of_a_runbook_runs(planted: Planted, sql: str) -> None:
    planted.complete_until(CLEAN_MIN + 30)
    assert planted.reader.raw_query(sql, fmt="TSVWithNames")  # names of columns, if no rows


def test_a_server_that_is_back_and_one_forgotten_cost_what_they_were_away(planted: Planted) -> None:
    """Of 2 servers one is silent for 7 minutes, and one for ever, which counts for a day."""
    begin = CLEAN_MIN
    planted.beats("away", range(begin, begin + 100), range(1))
    planted.beats("away", range(begin, begin + 10), range(1, 2))
    planted.silent("away", begin + 10, range(1, 2), back=begin + 17)
    planted.beats("away", range(begin + 17, begin + 100), range(1, 2))
    planted.beats("away", range(begin + 100, begin + 2000), range(1))
    planted.silent("away", begin + 100, range(1, 2))
    for after, bad, good in ((100, 7, 193), (160, 67, 253), (2000, 7 + 1440, 2093)):
        (left,) = shown(planted, AVAILABILITY + 1, "away", after)
        assert isclose(left, 1 - bad / (bad + good) / 0.005 * after / MONTH_MIN)


def test_a_limit_is_exact_to_one_percent(planted: Planted) -> None:
    """Good for sure is 148.5 of 150, bad for sure 151.6; the sketch's buckets are those of the flow."""
    rule: Rule = rules()["server_latency_burns_14x"]
    minute = 30_000  # where no other game has samples
    for game, value in (("just_good", 148_500_000), ("just_bad", 151_600_000)):
        (bucket,) = buckets_of(np.array([value])).tolist()
        planted.writer.command(
            "INSERT INTO server_health_upserts (game_id, server_id, window_seconds, window_start,"
            f" latency_buckets, latency_counts, version) VALUES ('{game}', 's', 60,"
            f" {int((BEGIN + timedelta(minutes=minute - 1)).timestamp())}, [{bucket}], [100], 1)"
        )
    planted.complete_until(minute)
    assert firing(planted.reader, rule) == {"just_bad"}
