"""What a load holds follows from the load alone, and every message of it is what it claims to be."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import polars as pl

from bench.bad import letters, spoiled
from bench.load import Load, Sequel, blocks
from bench.raw_truth import placed
from bench.servers import ServerLoad
from topics import player_events, server_metrics
from topics.decode import decode
from topics.topic import Topic

NOW_MS = 1_800_000_000_000


def reasons(topic: Topic, values: list[bytes]) -> Counter[str]:
    rejects = decode(topic, values, np.full(len(values), NOW_MS)).rejects
    return Counter(str(reject.reason) for reject in rejects)


def values_of(load: Load | ServerLoad | Sequel) -> list[bytes]:
    return list(chain.from_iterable(values for values, _ in load.batches()))


def test_all_messages_of_good_loads_are_events() -> None:
    assert not reasons(player_events.TOPIC, values_of(Load(2_000, ids=False)))
    assert not reasons(player_events.TOPIC, values_of(Load(2_000, ids=True)))
    assert not reasons(server_metrics.TOPIC, values_of(ServerLoad(2_000)))


def test_every_hundredth_message_is_bad_with_the_reason_that_was_told() -> None:
    load = Load(1_234, ids=False, bad_every=100)
    assert reasons(player_events.TOPIC, values_of(load)) == letters(1_234, 100)
    assert sum(letters(1_234, 100).values()) == 13


def test_blocks_are_spoiled_alike_wherever_they_begin() -> None:
    whole = [b'{"player_id":"level_1","event_type":"move","timestamp":"2026"}' for _ in range(40)]
    parted = spoiled(whole[:17], 0, 4) + spoiled(whole[17:], 17, 4)
    assert spoiled(whole, 0, 4) == parted


def test_players_in_turn_are_all_live_before_one_comes_again() -> None:
    events = pl.concat(blocks(Load(1_000, ids=False, players=1_000, in_turn=True)))
    assert events["player"].n_unique() == 1_000


def test_the_loads_of_a_sequel_follow_each_other() -> None:
    first, second = Load(300, ids=False), Load(200, ids=False, players=10, start_ms=1_800_000_000_000)
    assert values_of(Sequel("two", (first, second))) == values_of(first) + values_of(second)


def test_each_message_stands_where_the_truth_of_the_archive_says() -> None:
    load = Load(3_000, ids=False)
    told = pl.concat(placed(load)).sort("partition", "offset")
    sent: dict[int, list[bytes]] = {}
    for values, partitions in load.batches():
        for value, partition in zip(values, partitions, strict=True):
            sent.setdefault(partition, []).append(value)
    values = list(chain.from_iterable(sent[of] for of in sorted(sent)))
    found = decode(player_events.TOPIC, values, np.full(len(values), NOW_MS))
    assert found.frame["player_id"].to_list() == told["player_id"].to_list()
    assert found.frame["level_id"].to_list() == told["level_id"].to_list()
