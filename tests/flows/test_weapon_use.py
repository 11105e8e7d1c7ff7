"""Weapon use per guild against a plain group-by: the example of docs/add-a-dataflow.md."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.weapon_use import AGGREGATES, NAME
from topics.decode import decode
from topics.player_events import TOPIC
from verify.core import Core, Log, Tables
from windows.plan import Plan

START_MS = 1_699_999_980_000  # a minute begins
events = st.fixed_dictionaries(
    {
        "player_id": st.sampled_from(["p1", "p2", "p3"]),
        "event_type": st.sampled_from(["weapon_use", "battle"]),
        "timestamp": st.integers(START_MS, START_MS + 59_999),
    },
    optional={
        "guild_name": st.sampled_from(["", "Foxes", "Bears"]),
        "weapon_type": st.sampled_from(["bow", "axe"]),
        "game_id": st.sampled_from(["", "g2"]),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(events, max_size=60), st.integers(1, 20))
def test_uses_and_players_equal_a_plain_group_by(happened: list[dict[str, Any]], batch: int) -> None:
    values = [json.dumps(event).encode() for event in happened]
    tables = Tables()
    core = Core(
        Plan(NAME, AGGREGATES), partial(decode, TOPIC), {0: Log(values, [START_MS] * len(values))}, tables
    )
    while core.read(0, batch):
        pass
    core.end()

    players: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for event in happened:
        if event["event_type"] == "weapon_use" and "weapon_type" in event:
            group = event.get("game_id", ""), event.get("guild_name", ""), event["weapon_type"]
            players[group].append(event["player_id"])

    rows = tables.rows.get("weapon_use_by_guild_upserts", {}).values()
    minutes = [row for row in rows if row["window_seconds"] == 60]
    found = {
        (row["game_id"], row["guild_name"], row["weapon_type"]): (row["uses"], row["players"])
        for row in minutes
    }
    assert found == {key: (len(uses), len(set(uses))) for key, uses in players.items()}
