"""Every term gives the plain group-by's value, however events are split and in whatever order they meet."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.aggregates import Aggregate, count, distinct, greatest, least, mean, total
from windows.cell import Cell
from windows.partials import cut, evaluate

SCALE = 100
TERMS = Aggregate(
    table="terms",
    by=("level_id",),
    terms={
        "events": count(),
        "bought": count(pl.col("kind") == "buy"),
        "spent": total("price", SCALE),
        "cheapest": least("price"),
        "dearest": greatest("price"),
        "average": mean("price", SCALE),
        "players": distinct("player_id"),
    },
)
Event = tuple[str, str, int, str]
events = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["buy", "look"]),
    st.integers(-(10**12), 10**12),
    st.sampled_from(["p1", "p2", "p3"]),
)


def folded(batches: list[list[Event]]) -> dict[str, dict[str, Any]]:
    """Fold batches of one window, shard by shard; rows by level."""
    cells: dict[int, Cell] = {}
    for batch in filter(None, batches):
        frame = pl.DataFrame(batch, schema=["level_id", "kind", "price", "player_id"], orient="row")
        (columns,) = evaluate([TERMS], frame.with_columns(event_time=pl.lit(5_000, pl.Int64)))
        for partial in cut(columns, 10, None):
            cells.setdefault(partial.shard, Cell(TERMS, partial.start_ms)).fold(partial)
    rows = [row for cell in cells.values() for row in cell.changed_rows(10, 0).iter_rows(named=True)]
    return {row["level_id"]: {name: row[name] for name in TERMS.terms} for row in rows}


def grouped(all_events: list[Event]) -> dict[str, dict[str, Any]]:
    """Compute the same with lists and sets."""
    found = {}
    for level in {event[0] for event in all_events}:
        prices = [price for at, _, price, _ in all_events if at == level]
        found[level] = {
            "events": len(prices),
            "bought": sum(at == level and kind == "buy" for at, kind, _, _ in all_events),
            "spent": sum(prices) / SCALE,
            "cheapest": min(prices),
            "dearest": max(prices),
            "average": sum(prices) / SCALE / len(prices),
            "players": len({player for at, _, _, player in all_events if at == level}),
        }
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(events, max_size=12), max_size=6), st.randoms(use_true_random=False))
def test_terms_equal_a_plain_group_by(batches: list[list[Event]], random: Any) -> None:
    all_events = [event for batch in batches for event in batch]
    random.shuffle(batches)
    assert folded(batches) == grouped(all_events)
