"""The flow killed at random moments while events arrive shows what it would have shown unharmed."""

from __future__ import annotations

import time
from random import Random

import pytest

from tests.flow_fixture import PROCESS, TOPIC, World
from verify.kill import Cost, Feed, cost, kill_at_random
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import POISON, troubled
from verify.views import expected, shown

SEED, KILLS, PER_SECOND = 20261122, 10, 1_000
LIMITS = Limits(lateness_ms=60_000, dedup_offsets=2_000)
SETTINGS = {
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60",
    "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "2000",
    "GAMEWAX_WINDOWS__UPSERT_EVERY_S": "0.2",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.4",
}


@pytest.mark.slow
def test_ten_kills_lose_nothing_and_count_nothing_twice(world: World) -> None:
    world.given |= SETTINGS
    began = time.monotonic()

    with Feed(world.kafka.bootstrap_servers, TOPIC, troubled(SEED), PER_SECOND) as feed:
        kill_at_random(lambda: world.started(*PROCESS), world.place, KILLS, Random(SEED))
    world.drain()
    with world.client() as client:
        found = shown(client)
    true = expected(read_back(world.kafka.bootstrap_servers, TOPIC), LIMITS, POISON)
    inserted = world.ask("SELECT count() FROM engagement_by_level_upserts")[0][0]
    harm = cost(found, true)
    print(
        f"seed {SEED}: {KILLS} kills in {time.monotonic() - began:.0f} s, {feed.sent} messages, "
        f"{len(true.by_level)} rows by level ({inserted} stored), {len(true.late)} late, "
        f"{len(true.dead)} dead: {harm}"
    )
    assert (harm, found) == (Cost(0, 0, 0, 0), true)
