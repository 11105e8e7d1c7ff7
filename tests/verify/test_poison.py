"""Poison through real Kafka, four flows and ClickHouse: nothing stops or is lost, and the check can fail."""

from __future__ import annotations

import pytest

import settings
from tests.flow_fixture import World
from verify.poison.run import Result, Wanted, judge_and_compare, poison

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GENERATED, SEED = 10_000, 20261122


def test_poison_stops_no_flow_and_every_message_is_counted_or_a_dead_letter(world: World) -> None:
    at = settings.Settings(
        kafka=settings.Kafka(bootstrap_servers=world.kafka.bootstrap_servers), clickhouse=world.server
    )
    wanted = Wanted(SEED, GENERATED, at, world.environment, lambda _: None, rounds=1)
    result = poison(wanted)
    assert result.right, "\n".join(result.lines())
    assert result.messages > GENERATED + 2 * result.forms
    assert result.messages - result.reasons["good"] > GENERATED // 3

    with world.client() as client:
        client.command(
            "ALTER TABLE dead_letters_upserts DELETE WHERE topic = 'purchase-events' AND partition = 3 "
            "AND offset = 0 SETTINGS mutations_sync = 2"
        )
    gone = Result(sent=result.sent)
    judge_and_compare(at, {}, gone)
    assert {of.view: (of.wrong, of.lost) for of in gone.compared if of.wrong} == {
        "dead_letters of purchase-events": (1, 1)
    }
    assert (gone.right, gone.wrong_reasons) == (False, 1)
