"""Histories: stopped and restored anywhere they go on alike, and what is old takes no room."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.fraud_features import GROUPS, GroupHistory, Rows, named, rows_of, shard_of
from models.fraud_history import KEPT_MS
from models.fraud_kinds import Group
from tests.models import fraud_purchases
from topics.errors import NeedsOperator

DAY_MS = 86_400_000
SEGMENT = 97


def same(left: Mapping[str, npt.NDArray[Any]], right: Mapping[str, npt.NDArray[Any]]) -> None:
    assert left.keys() == right.keys()
    for name, column in left.items():
        np.testing.assert_array_equal(column, right[name], err_msg=name)


def restored(group: Group, segments: Sequence[Rows]) -> GroupHistory:
    """Fold what must be kept into a new history: no segment before the first that is not all old."""
    newest = max((rows.newest_ms for rows in segments), default=0)
    kept = [rows.newest_ms >= newest - KEPT_MS for rows in segments]
    first = kept.index(True) if True in kept else 0
    history = GroupHistory(group)
    if segments:
        history.fold(Rows.unpack(Rows.concat(segments[first:]).pack()))
    return history


@pytest.mark.parametrize("group", GROUPS)
def test_a_history_restored_anywhere_goes_on_as_if_it_had_never_stopped(group: Group) -> None:
    rows = rows_of(group, fraud_purchases.made(6000, seed=3, players=40, days=100))
    segments = [rows.take(slice(begin, begin + SEGMENT)) for begin in range(0, len(rows), SEGMENT)]
    dice, running, stopped = random.Random(3), GroupHistory(group), GroupHistory(group)
    for number, segment in enumerate(segments):
        if dice.random() < 0.3:
            stopped = restored(group, segments[:number])
        same(stopped.fold(segment), running.fold(segment))
    assert (stopped.newest_ms, stopped.live_entities) == (running.newest_ms, running.live_entities)


@pytest.mark.parametrize("group", GROUPS)
def test_shards_together_find_what_one_history_finds(group: Group) -> None:
    rows = rows_of(group, fraud_purchases.made(2000, seed=5, days=20))
    whole, shards = GroupHistory(group).fold(rows), shard_of(group, rows, 4)
    assert set(shards.tolist()) == {0, 1, 2, 3}
    for shard in range(4):
        places = np.flatnonzero(shards == shard)
        same(GroupHistory(group).fold(rows.take(places)), {name: of[places] for name, of in whole.items()})


def of_players(count: int, time_ms: int) -> Rows:
    """Make one purchase for each of many players."""
    hashes = np.random.default_rng(1).integers(1, 2**63, (count, 7)).astype(np.uint64)
    return Rows("player", np.full(count, time_ms), np.full(count, 49_900), hashes)


def test_after_silence_no_keys_are_live_and_the_memory_is_given_back() -> None:
    history, start = GroupHistory("player"), fraud_purchases.START_MS
    empty = history.bytes_held
    history.fold(of_players(100_000, start))
    assert (history.live_rows, history.live_entities) == (100_000, 300_000)
    history.fold(of_players(1, start + KEPT_MS + 1))
    assert (history.live_rows, history.live_entities, history.bytes_held) == (1, 3, empty)
    history.drop_before(start + KEPT_MS + 2)
    assert (history.live_rows, history.live_entities) == (0, 0)


def test_purchases_dropped_are_no_history_of_what_comes() -> None:
    rows = of_players(1, fraud_purchases.START_MS)
    history = GroupHistory("player")
    history.fold(rows)
    history.drop_before(fraud_purchases.START_MS)
    assert not history.fold(rows)["first_purchase"][0]
    history.drop_before(fraud_purchases.START_MS + 1)
    assert history.fold(rows)["first_purchase"][0]


def test_rows_are_packed_without_loss_and_refused_when_damaged() -> None:
    rows = named(fraud_purchases.made(300, seed=2)).rows("address")
    packed = rows.pack()
    read = Rows.unpack(packed)
    same(
        {"t": read.times, "p": read.prices, "h": read.hashes},
        {"t": rows.times, "p": rows.prices, "h": rows.hashes},
    )
    for damaged in (b"", b"frd2" + packed[4:], packed[:-9], packed[:4] + b"\x09" + packed[5:]):
        with pytest.raises(NeedsOperator):
            Rows.unpack(damaged)
