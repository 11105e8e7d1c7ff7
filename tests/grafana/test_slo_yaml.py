"""Objectives are read strictly: what is wrong is told with its line, and nothing is without effect."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from grafana.slo import Availability, Latency
from grafana.slo_sql import last_good_bucket
from grafana.slo_yaml import parse, read_all, read_slos
from models.sketch import value_of

GOOD = """\
id: fast
title: Fast
objective: 99.9
indicator:
  kind: latency
  below: 150
owner: us
meaning: It matters.
"""
WRONG = [
    ("", "", "line 1: Expected `object`, got `null`; a file holds one objective"),
    (GOOD, "- a", "line 1: Expected `object`, got `array`; a file holds one objective"),
    ("id: fast", "id: Fast!", "line 1: `id`: Expected `str` matching regex"),
    ("objective: 99.9", "objective: '99.9'", "line 3: `objective`: Expected `float`, got `str`"),
    ("objective: 99.9", "objective: 100", "line 3: `objective`: Expected `float` < 100.0"),
    (
        "objective: 99.9",
        "objective: 90",
        "line 3: `objective`: too low: burns_14x could not fire if all were bad",
    ),
    ("  below: 150", "  below: -1", "line 6: `indicator.below`: Expected `float` > 0.0"),
    ("kind: latency", "kind: latncy", "line 5: `indicator.kind`: Invalid value 'latncy'"),
    ("owner: us", "ownr: us", "line 1: Object contains unknown field `ownr`"),
    ("owner: us", "owner: us\nleast_bd: 3", "line 1: Object contains unknown field `least_bd`"),
    ("owner: us", "owner: us\nobjective: 1", "line 8: `objective` stands twice"),
    ("title: Fast", "title: Fast $x", "line 2: `title`: Expected `str` matching regex"),
    ("title: Fast", "title: {", "line 4: this is no YAML"),
    ("title: Fast", "title: !!python/name:os.system", "line 2: this is no YAML"),
    ("title: Fast", "title: \x00", "line 1: this is no YAML: it has a character that no text has"),
]


def test_a_file_is_an_objective() -> None:
    slo = parse(GOOD)
    assert (slo.id, slo.budget, slo.window_days, slo.least_bad) == ("fast", Decimal("0.001"), 30, 10)
    assert slo.indicator == Latency(below=150)


@pytest.mark.parametrize(("right", "wrong", "told"), WRONG)
def test_what_is_wrong_is_told_with_its_line(right: str, wrong: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
        parse(GOOD.replace(right, wrong) if right else wrong)


def test_two_files_with_one_id_and_one_that_is_not_there_are_faults(tmp_path: Path) -> None:
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "none.yaml"]
    for file in files[:2]:
        file.write_text(GOOD)
    _, faults = read_all(files)
    assert faults == [
        f"{files[1]}: another file has the id fast",
        f"{files[2]}: cannot be read: No such file or directory",
    ]


def test_three_objectives_come_along() -> None:
    told = {slo.id: (slo.budget, slo.indicator) for slo in read_slos()}
    assert told == {
        "server_availability": (Decimal("0.005"), Availability(forget_hours=24)),
        "server_latency": (Decimal("0.01"), Latency(below=150)),
        "server_stalls": (Decimal("0.001"), Latency(below=500)),
    }


@pytest.mark.parametrize("below", [0.001, 1, 150, 500, 10**6])
def test_the_last_good_bucket_is_the_last_whose_value_is_within_the_limit(below: float) -> None:
    last = last_good_bucket(below)
    at, after = value_of(np.array([last, last + 1]))
    assert at <= below < after
