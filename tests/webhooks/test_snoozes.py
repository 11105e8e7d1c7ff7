"""A snoozed player and rule are not told of until the snooze ends; ClickHouse away changes nothing known."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

import settings
from cli.desk import Desk
from cli.desk_notes import Note, snooze, snoozes, wake
from sinks.clickhouse_client import open_client
from sinks.migrations import migrate
from sources.snoozes import Snoozes
from tests.clickhouse_fixture import READER, WRITER, RunningClickHouse
from tests.webhooks import played
from tests.webhooks.played import DELIVERED, Played, endpoint, outgoing, taken
from topics.errors import BadInput

HOUR_S = 3_600.0
NOTE = Note("on the phone", "mia")


@pytest.fixture
def at(clickhouse: RunningClickHouse) -> settings.Settings:
    server = {"url": clickhouse.url, "database": clickhouse.database}
    server |= dict(zip(("user", "password"), WRITER, strict=True))
    given = settings.Settings(clickhouse=settings.ClickHouse.model_validate(server))
    migrate(given)
    return given


def reader(at: settings.Settings) -> Client:
    """A client as the dispatcher has it: one that cannot write."""
    user, password = READER
    server = settings.ClickHouse.model_validate(
        {"url": at.clickhouse.url, "database": at.clickhouse.database, "user": user, "password": password}
    )
    return open_client(server, server.database, 5)


def test_a_snoozed_player_and_rule_are_not_told_of_until_it_ends_and_then_again(
    at: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(played, "BEGIN_MS", time.time_ns() // 1_000_000)
    with open_client(at.clickhouse, at.clickhouse.database) as client:
        desk = Desk(at, client)
        snooze(desk, "p1", "velocity", 3_600_000, NOTE)
        snooze(desk, "p9", "velocity", 3_600_000, NOTE)
        assert wake(desk, "p9", "velocity", NOTE)
        assert not wake(desk, "p8", "velocity", NOTE)
        assert [(of.player_id, of.set_by, of.reason) for of in snoozes(desk)] == [
            ("p1", "mia", "on the phone")
        ]
    other_rule = msgspec.structs.replace(outgoing("m3"), rule_id="dear")
    came = taken(outgoing("m1"), outgoing("m2", "p2"), other_rule, outgoing("m9", "p9"))
    after = taken(outgoing("m4"), at=4)
    with Snoozes(partial(reader, at)) as known:
        play = Played(tmp_path, lambda _post, _turn: DELIVERED, silenced=known.until)
        play.run([endpoint("a")], 2 * HOUR_S, (HOUR_S / 2, came), (1.5 * HOUR_S, after))
    assert sorted(post.id for post in play.posts) == ["m2", "m3", "m4", "m9"]
    ((state, tries, reason),) = play.states("m1").values()
    assert (state, tries, reason[:15]) == ("silenced", 0, "silenced until ")
    assert play.states("m4") == {"a": ("delivered", 1, "")}


def test_what_is_known_counts_while_clickhouse_is_away_and_nothing_is_silent_before_it_answers(
    at: settings.Settings,
) -> None:
    now_ms = time.time_ns() // 1_000_000
    open_now = [False]

    def connect() -> Client:
        if not open_now[0]:
            raise BadInput("nobody answers")
        return reader(at)

    known = Snoozes(connect)
    with open_client(at.clickhouse, at.clickhouse.database) as client:
        snooze(Desk(at, client), "p1", "velocity", 3_600_000, NOTE)
        known.look()
        assert known.until("p1", "velocity", now_ms) is None
        open_now[0] = True
        known.look()
        until_ms = known.until("p1", "velocity", now_ms)
        assert until_ms is not None
        client.command("DROP VIEW fraud_snoozes")
        known.look()
        assert known.until("p1", "velocity", now_ms) == until_ms
        assert known.until("p1", "velocity", until_ms) is None
