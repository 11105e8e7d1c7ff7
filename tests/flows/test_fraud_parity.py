"""The flow sees the same features as training does, to the last bit, also after kills in the middle."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, run_main

from flows.fraud import SEALED, build
from flows.fraud_known import Court, Known
from flows.past import committed_contents
from flows.store_unfinished import forget_unfinished
from models.fraud_features import FEATURES, Histories, Pieces, assemble
from topics.decode import decode
from topics.purchase_events import TOPIC
from windows.events import EventLane
from windows.join import Joined
from windows.operator import Clock
from windows.plan import NO_WINDOW_S, Plan
from windows.take import Arrivals, Take, fresh_state

PURCHASES, PARTITIONS, EACH = 50_000, 4, 500
START_MS = 1_767_225_600_000
PLAN = Plan("fraud", (), (NO_WINDOW_S,))
OWN = [name for name, feature in FEATURES.items() if feature.group == "player"]


@dataclass
class Noting(Known):
    """Keeps the features of every take that is judged; the last word counts, as in a table."""

    seen: dict[tuple[int, int], pl.DataFrame] = field(default_factory=dict)

    def judged(self, plan: Plan, joined: Joined) -> list[Any]:  # noqa: ARG002
        assert joined.take.events is not None
        after = joined.take.after
        features = assemble(joined.take.events, cast("Pieces", joined.parts))
        self.seen[after.partition, after.next_offset] = features
        return []


def purchase(rng: random.Random, number: int) -> bytes:
    """One of few players on few addresses and devices, some of it missing, some out of order."""
    player = rng.randrange(2_000)
    event = {
        "player_id": f"p{player}",
        "item_id": f"i{rng.randrange(40)}",
        "price": rng.randrange(1, 9_999) / 100,
        "currency": rng.choice(("EUR", "EUR", "USD")),
        "ip_address": f"10.{player % 3}.{rng.randrange(4)}.{player % 40}",
        "purchase_timestamp": START_MS + number * 1_500 - (rng.random() < 0.1) * rng.randrange(300_000),
        "country": rng.choice(("DE", "DE", "DE", "FR")),
        "session_id": f"s{player}-{number // 5_000}" if rng.random() < 0.8 else None,
        "device_id": f"d{player % 700}" if rng.random() < 0.7 else None,
        "transaction_id": f"t{rng.randrange(30_000)}" if rng.random() < 0.5 else None,
    }
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def takes() -> list[Take]:
    """All purchases as lanes hand them on, partition after partition in turn."""
    rng = random.Random(5)
    lanes = [
        EventLane(PLAN, partial(decode, TOPIC), fresh_state("0a1b2c3d", TOPIC.name, of, 0), PARTITIONS)
        for of in range(PARTITIONS)
    ]
    found = []
    for turn in range(PURCHASES // EACH):
        first, lane = turn // PARTITIONS * EACH, lanes[turn % PARTITIONS]
        values = [purchase(rng, turn * EACH + number) for number in range(EACH)]
        at = np.full(EACH, START_MS + turn * EACH * 1_500 + 10**6, np.int64)
        found.append(lane.take(Arrivals(values, np.arange(first, first + EACH), at, [b"key"] * EACH)))
    return found


def trained(of: list[Take]) -> dict[tuple[int, int], pl.DataFrame]:
    """The same as training computes it: a player's features by partition, others in the order of takes."""
    own, others = [Histories() for _ in range(PARTITIONS)], Histories()
    found = {}
    for take in of:
        assert take.events is not None
        mine, shared = own[take.after.partition].fold(take.events), others.fold(take.events)
        found[take.after.partition, take.after.next_offset] = shared.with_columns(mine.select(OWN))
    return found


def run(items: list[Any], known: Known, store: Path) -> None:
    """Run the flow to the end of its items, or to a crash among them."""
    forget_unfinished(store)
    sealed: Mapping[str, bytes] = committed_contents(store, SEALED)
    nothing: TestingSink[Any] = TestingSink([])
    clock = Clock(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    court = Court(known, nothing, sealed.get)
    flow = build(TestingSource(items), nothing, nothing, PLAN, clock, court)  # type: ignore[arg-type]
    run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(store))


def test_the_flow_and_training_compute_the_same_features_also_after_kills(tmp_path: Path) -> None:
    every = takes()
    wanted = trained(every)
    known = Noting()
    init_db_dir(tmp_path, 1)
    for crash_at in (37, 71, len(every)):
        items: list[Any] = list(every)
        if crash_at < len(every):
            items.insert(crash_at, TestingSource.ABORT())
        run(items, known, tmp_path)
    assert known.seen.keys() == wanted.keys()
    assert sum(of.height for of in wanted.values()) > 0.9 * PURCHASES  # the others came too late
    for place, features in wanted.items():
        assert known.seen[place].equals(features, null_equal=True), place
    assert committed_contents(tmp_path, SEALED)  # what went on after a kill had sealed rows too
