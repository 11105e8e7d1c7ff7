"""Every term gives the plain group-by's value, however events are split and in whatever order they meet."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.aggregates import (
    Aggregate,
    count,
    distinct,
    greatest,
    least,
    mean,
    peak,
    quantile,
    revenue,
    total,
)
from windows.cell import Cell
from windows.columns import evaluate
from windows.partials import cut

TERMS = Aggregate(
    table="terms",
    by=("level_id",),
    terms={
        "events": count(),
        "bought": count(pl.col("kind") == "buy"),
        "spent": revenue("price"),
        "points": total("price"),
        "cheapest": least("price"),
        "dearest": greatest("price"),
        "load": mean("load"),
        "peak": peak("load"),
        "players": distinct("player_id"),
    },
)
Event = tuple[str, str, int, str, float | None]
events = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["buy", "look"]),
    st.integers(-(10**16), 10**16),
    st.sampled_from(["p1", "p2", "p3"]),
    st.none() | st.integers(-(10**18) + 1, 10**18 - 1).map(lambda micros: micros / 10**6),
)
SCHEMA = {
    "level_id": pl.String,
    "kind": pl.String,
    "price": pl.Int64,
    "player_id": pl.String,
    "load": pl.Float64,
}


def folded(of: Aggregate, batches: list[list[Event]]) -> dict[str, dict[str, Any]]:
    """Fold batches of one window, shard by shard; rows by level."""
    cells: dict[int, Cell] = {}
    for batch in filter(None, batches):
        frame = pl.DataFrame(batch, schema=SCHEMA, orient="row")
        (columns,) = evaluate([of], frame.with_columns(event_time=pl.lit(5_000, pl.Int64)))
        for partial in cut(columns, 10, None):
            cells.setdefault(partial.shard, Cell(of, partial.start_ms)).fold(partial)
    rows = [row for cell in cells.values() for row in cell.changed_rows(10, 0).iter_rows(named=True)]
    return {row["level_id"]: {name: row[name] for name in of.terms} for row in rows}


def micros(load: float) -> int:
    """Round to millionths as a float does: an exact product may not be one."""
    return round(load * 10**6)


def grouped(all_events: list[Event]) -> dict[str, dict[str, Any]]:
    """Compute the same with lists, sets and fractions."""
    found = {}
    for level in {event[0] for event in all_events}:
        mine = [event for event in all_events if event[0] == level]
        prices = [event[2] for event in mine]
        loads = [micros(event[4]) for event in mine if event[4] is not None]
        found[level] = {
            "events": len(mine),
            "bought": sum(event[1] == "buy" for event in mine),
            "spent": Decimal(sum(prices)).scaleb(-4),
            "points": sum(prices),
            "cheapest": min(prices),
            "dearest": max(prices),
            "load": float(Fraction(sum(loads), len(loads) * 10**6)) if loads else None,
            "peak": max(loads) / 10**6 if loads else None,
            "players": len({event[3] for event in mine}),
        }
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(events, max_size=12), max_size=6), st.randoms(use_true_random=False))
def test_terms_equal_a_plain_group_by(batches: list[list[Event]], random: Any) -> None:
    all_events = [event for batch in batches for event in batch]
    random.shuffle(batches)
    assert folded(TERMS, batches) == grouped(all_events)


QUANTILES = {"p0": 0.0, "p50": 0.5, "p95": 0.95, "p99": 0.99, "p100": 1.0}
SKETCH = Aggregate("sketch", ("level_id",), {name: quantile("load", q) for name, q in QUANTILES.items()})
loads = st.one_of(
    st.none(),
    st.just(0.0),
    st.floats(-9e11, 9e11),
    st.floats(0.001, 500),
    st.integers(1, 9).map(lambda n: n / 10**6),
)
measured = st.tuples(st.sampled_from(["a", "b", "c"]), st.just("buy"), st.just(0), st.just("p"), loads)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(measured, max_size=30), max_size=6), st.randoms(use_true_random=False))
def test_quantiles_are_within_one_percent_of_the_sorted_values(
    batches: list[list[Event]], random: Any
) -> None:
    values: dict[str, list[float]] = {}
    for level, *_, load in (event for batch in batches for event in batch):
        values.setdefault(level, []).extend([] if load is None else [micros(load) / 10**6])
    random.shuffle(batches)
    found = folded(SKETCH, batches)
    assert found.keys() == values.keys()
    for level, row in found.items():
        ordered = sorted(values[level])
        for name, q in QUANTILES.items():
            true = ordered[int(q * (len(ordered) - 1))] if ordered else None
            assert row[name] == (None if true is None else pytest.approx(true, rel=0.010001, abs=0))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(measured, max_size=30), min_size=2, max_size=6))
def test_quantiles_are_the_same_bits_in_any_order(batches: list[list[Event]]) -> None:
    together = [[event for batch in reversed(batches) for event in reversed(batch)]]
    assert folded(SKETCH, batches) == folded(SKETCH, together)


def test_a_sum_that_no_decimal_holds_shows_the_largest() -> None:
    most: list[Event] = [("a", "buy", 10**16, "p1", None)] * 101
    assert folded(TERMS, [most])["a"]["spent"] == Decimal("99999999999999.9999")
    assert folded(TERMS, [most[:100]])["a"]["spent"] == Decimal("99999999999999.9999")
    assert folded(TERMS, [most[:99]])["a"]["spent"] == Decimal("99000000000000.0000")
