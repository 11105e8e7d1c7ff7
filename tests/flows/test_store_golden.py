"""Every store that a release has left is loaded, and goes on to what a run over the whole log shows."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import pytest

from flows.registry import FLOWS
from flows.store import Store
from flows.store_steps import check_steps
from verify.golden import EACH, GOLDEN, Tables, built, golden_stores, run


@cache
def whole(name: str) -> Tables:
    """What the tables show when nothing was ever stopped."""
    return run(name, EACH, None)


def name_of(golden: Path) -> str:
    return golden.name.partition(".")[0]


@pytest.mark.parametrize("golden", list(golden_stores()), ids=lambda of: f"{of.parent.name} {name_of(of)}")
def test_a_released_store_goes_on_to_the_right_rows(golden: Path, tmp_path: Path) -> None:
    name = name_of(golden)
    part = tmp_path / name / "store" / "part-0.sqlite3"
    part.parent.mkdir(parents=True)
    part.parents[1].chmod(0o700)
    part.write_bytes(gzip.decompress(golden.read_bytes()))
    check_steps(part.parent, built(name, EACH, {}))

    found = run(name, EACH, Store(tmp_path / name).own())

    right = {
        table: {key: rows[key] for key in found[table]}
        for table, rows in whole(name).items()
        if table in found
    }
    assert found == right
    books = {key: rows["read"] for key, rows in found["accounting_upserts"].items()}
    assert len(books) >= 2
    assert set(books.values()) == {EACH}


def test_every_release_has_a_store_of_every_flow_that_it_had() -> None:
    assert {name_of(of) for of in (GOLDEN / "0.1.0").iterdir()} == set(FLOWS) - {"fraud", "thresholds"}
