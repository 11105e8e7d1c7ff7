"""`item_sales` and `server_health` on real Kafka and ClickHouse, against truths told apart from the flows."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.flow_fixture import World
from verify.hostile import MAKERS, NO_METRICS, NO_PRICES, hostile
from verify.logs import read_back, write
from verify.oracle import Limits
from verify.sheets import compare
from verify.shown_sheets import shown_sheet
from verify.true_sheets import FLOW, accounting_of, true_sheets

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=500)
SETTINGS = {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "500"}
MESSAGES = 12_000
REASONS = {"purchase-events": set(NO_PRICES.values()), "server-metrics": set(NO_METRICS.values())}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("topic", REASONS)
def test_every_row_of_a_flow_is_true_over_a_restart(world: World, topic: str) -> None:
    world.given |= SETTINGS
    messages = list(islice(hostile(1, MAKERS[topic]), MESSAGES))
    for half in (messages[: MESSAGES // 2], messages[MESSAGES // 2 :]):
        write(world.kafka.bootstrap_servers, topic, half)
        done = world.run("-m", "cli", "run", FLOW[topic], "--drain")
        assert (done.returncode, done.stderr) == (0, "")

    true = true_sheets(topic, read_back(world.kafka.bootstrap_servers, topic), LIMITS)
    true["accounting"] = accounting_of(FLOW[topic], true["accounting"])
    with world.client() as client:
        compared = [
            compare(view, shown_sheet(client, view), sheet)
            for view, sheet in true.items()
            if view != topic.replace("-", "_")  # only the archive keeps raw events
        ]
    assert [example for of in compared for example in of.examples] == []
    assert min(of.rows for of in compared) >= 8
    assert {row["reason"] for row in true["dead_letters"].values()} == REASONS[topic]
