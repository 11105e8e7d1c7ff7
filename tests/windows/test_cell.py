"""A cell's rows are those of a plain group-by, whether it was written down, put to rest or held all along."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.aggregates import Aggregate, count, distinct, quantile, total
from windows.arrays import Hashes
from windows.cell import Cell
from windows.columns import evaluate
from windows.groups import no_groups, placed
from windows.packed import FEW, CellState, packed, unpacked
from windows.partials import Partial, cut

OF = Aggregate(
    "t",
    ("game_id", "player_id"),
    {
        "events": count(),
        "points": total("points"),
        "levels": distinct("level_id"),
        "p": quantile("load", 0.5),
    },
)
Rows = dict[str, dict[str, Any]]


def events(first: int, players: int) -> pl.DataFrame:
    number = np.arange(first, first + 3 * players) % (first + players)
    return pl.DataFrame(
        {
            "game_id": ["", "spiel-ü"] * (len(number) // 2) + [""] * (len(number) % 2),
            "player_id": [f"player-{of}-{'日' * (of % 3)}" for of in number],
            "points": number * 7,
            "level_id": [f"level {of % 11}" for of in number],
            "load": number / 3,
            "event_time": np.full(len(number), 5_000),
        }
    )


def partials(batch: pl.DataFrame) -> list[Partial]:
    (columns,) = evaluate([OF], batch)
    return [of for of in cut(columns, 10, None) if of.shard == 3]


def rows(cell: Cell) -> Rows:
    found = cell.changed_rows(10, 0).iter_rows(named=True)
    return {f"{row['game_id']}/{row['player_id']}": row for row in found}


def again(cell: Cell) -> Cell:
    """Write a cell down and read it, as a recovery store does."""
    document = msgspec.msgpack.encode(cell.state())
    return Cell(OF, cell.start_ms, msgspec.msgpack.decode(document, type=CellState))


@pytest.mark.parametrize("players", [40, 20_000])
def test_written_down_put_to_rest_or_held_a_cell_gives_the_same_rows(players: int) -> None:
    halves = [partials(events(0, players)), partials(events(players // 2, players))]
    held, resting, restored = (Cell(OF, 0) for _ in range(3))
    given_out: list[Rows] = []
    for half in halves:
        for partial in half:
            for cell in (held, resting, restored):
                cell.fold(partial)
        given_out.append(rows(resting))
        resting.state()
        resting.rest()
        restored = again(restored)
    every = rows(held)
    assert (len(every) > FEW) == (players > 40)
    assert rows(restored) == every
    assert given_out[0] | given_out[1] == every
    assert not resting.changed
    assert again(resting).settle().group.tolist() == held.settle().group.tolist()
    assert again(resting).settle().check.tolist() == held.settle().check.tolist()


def test_a_cell_with_rows_to_give_out_does_not_rest() -> None:
    cell = Cell(OF, 0)
    for partial in partials(events(0, 40)):
        cell.fold(partial)
    cell.state()
    cell.rest()
    assert cell.changed
    assert len(rows(cell)) == len(cell.settle().group) > 0


@pytest.mark.parametrize(("hash_bits", "last_group"), [(48, 2**16 - 1), (40, 2**17)])
def test_sets_are_written_down_exactly(hash_bits: int, last_group: int) -> None:
    of = Aggregate("t", ("player_id",), {"levels": distinct("level_id")})
    random = np.random.default_rng(5)
    group = random.integers(0, last_group + 1, 200_000, np.uint64)
    values = np.unique(group << np.uint64(hash_bits) | random.integers(0, 2**hash_bits, 200_000, np.uint64))
    groups = no_groups(of)
    groups.names = [pl.Series("player_id", [str(number) for number in range(last_group + 1)])]
    groups.group = groups.check = np.zeros(last_group + 1, np.uint64)
    groups.measures = np.ones((len(of.measures()), last_group + 1), np.int64)
    groups.sets, groups.hash_bits = [values], hash_bits
    found = unpacked(of, packed(0, groups))
    assert found.hash_bits == hash_bits
    assert np.array_equal(found.sets[0], values)
    assert found.names[0].equals(groups.names[0])


hashes = st.lists(st.integers(0, 9).map(lambda of: of * 2**60), min_size=1)


@given(st.sets(st.integers(0, 9)).map(lambda of: [number * 2**60 for number in of]), hashes)
@settings(max_examples=200)
def test_groups_are_found_by_hash_and_new_ones_numbered_as_they_came(
    known: list[int], came: list[int]
) -> None:
    numbers, first = {of: number for number, of in enumerate(known)}, []
    for of in came:
        first.append(of not in numbers)
        numbers.setdefault(of, len(numbers))
    index, new = placed(_hashes(known), _hashes(came))
    assert index.tolist() == [numbers[of] for of in came]
    assert new.tolist() == first


def _hashes(of: list[int]) -> Hashes:
    return np.array(of, np.uint64)
