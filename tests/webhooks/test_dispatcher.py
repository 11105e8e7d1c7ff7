"""What the dispatcher does over hours: when it tries, in which order, whom it leaves alone, when it ends."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from sinks.outbox import Outbox
from sinks.outbox_care import enable, forget, send_again
from sinks.outbox_report import reading, standings, wanted_again
from sinks.webhook_endpoints import Wanted
from sinks.webhook_exchange import Answer
from sinks.webhook_schedule import WAITS_S
from tests.webhooks.played import BEGIN_MS, DELIVERED, Played, Post, endpoint, outgoing, taken

FAILS = Answer("http_5xx", 500, "HTTP 500")
GONE = Answer("http_4xx", 410, "HTTP 410 no more")
HOUR_S = 3_600.0
A, B = endpoint("a"), endpoint("b")


def test_a_message_that_nobody_takes_is_tried_as_planned_and_then_dead_with_the_reason(
    tmp_path: Path,
) -> None:
    played = Played(tmp_path, lambda _post, _turn: FAILS)
    played.run([A], 100 * HOUR_S, (1.0, taken(outgoing("m1"))))
    waits = [later.at_s - earlier.at_s for earlier, later in pairwise(played.posts)]
    assert played.posts[0].at_s == pytest.approx(1.0, abs=0.01)
    assert [round(wait / planned, 3) for wait, planned in zip(waits, WAITS_S[1:], strict=True)] == [
        pytest.approx(1.0, abs=0.2)
    ] * 10
    assert len({round(wait / planned, 2) for wait, planned in zip(waits, WAITS_S[1:], strict=True)}) > 5
    assert played.states("m1") == {"a": ("dead", 11, "11 tries, the last: HTTP 500")}
    assert [of.number for of in played.tries("m1")] == list(range(1, 12))


def test_every_try_has_the_same_id_and_body_and_its_own_time(tmp_path: Path) -> None:
    played = Played(tmp_path, lambda _post, turn: DELIVERED if turn == 4 else FAILS)
    changed = outgoing("m1", decision="review")
    played.run([A], HOUR_S, (1.0, taken(outgoing("m1"))), (2.0, taken(changed, outgoing("m1"), at=1)))
    assert {(post.id, post.body) for post in played.posts} == {("m1", outgoing("m1").body.encode())}
    assert [post.timestamp for post in played.posts] == [
        int(BEGIN_MS / 1000 + post.at_s) for post in played.posts
    ]
    assert played.states("m1") == {"a": ("delivered", 4, "")}


def test_a_player_s_messages_go_in_order_and_others_do_not_wait(tmp_path: Path) -> None:
    def script(post: Post, turn: int) -> Answer:
        return FAILS if post.id == "m1" and turn <= 2 else DELIVERED

    played = Played(tmp_path, script)
    came = [outgoing("m1"), outgoing("m1.block"), outgoing("m2"), outgoing("n1", "p2"), outgoing("n2", "p2")]
    played.run([A, B], HOUR_S, (0.0, taken(*came)))
    for name in ("a", "b"):
        order = played.of(name)
        assert [of for of in order if of.startswith("m")] == ["m1", "m1", "m1", "m1.block", "m2"]
        assert [of for of in order if of.startswith("n")] == ["n1", "n2"]
        assert order.index("n2") < order.index("m1.block")


def test_an_update_goes_once_the_first_is_dead(tmp_path: Path) -> None:
    def script(post: Post, turn: int) -> Answer:
        return Answer("http_4xx", 400, "HTTP 400") if post.id == "m1" else DELIVERED

    played = Played(tmp_path, script)
    played.run([A], 100 * HOUR_S, (0.0, taken(outgoing("m1"), outgoing("m1.block"))))
    assert played.of("a") == ["m1"] * 11 + ["m1.block"]


def test_an_endpoint_that_hangs_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    async def slow() -> Answer:
        await asyncio.sleep(15)
        return Answer("timeout", None, "no answer within 15 s")

    played = Played(tmp_path, lambda post, _turn: slow() if post.endpoint == "a" else DELIVERED)
    played.run([A, B], 30, (1.0, taken(*(outgoing(f"m{n}", f"p{n}") for n in range(200)))))
    assert sorted(played.of("b")) == sorted(f"m{n}" for n in range(200))
    assert max(post.at_s for post in played.posts if post.endpoint == "b") < 1.01
    assert len(played.of("a")) == A.at_once + 1  # then its breaker is open, and lets one try


def test_an_open_breaker_lets_one_message_try_and_all_go_when_it_succeeds(tmp_path: Path) -> None:
    def script(post: Post, turn: int) -> Answer:
        return DELIVERED if post.at_s > 100 else Answer("connection", None, "ConnectionRefusedError")

    played = Played(tmp_path, script)
    played.run([A], 300, (0.0, taken(*(outgoing(f"m{n}", f"p{n}") for n in range(300)))))
    failed = [post for post in played.posts if post.at_s <= 100]
    assert len(failed) <= A.at_once + 6  # the rests double: 5, 10, 20, 40 s
    assert len({post.at_s for post in failed[A.at_once :]}) == len(failed) - A.at_once
    assert {played.states(f"m{n}")["a"][0] for n in range(300)} == {"delivered"}
    assert max(post.at_s for post in played.posts) < 170


def test_what_waits_for_an_endpoint_that_never_comes_back_is_dead_after_the_whole_plan(
    tmp_path: Path,
) -> None:
    played = Played(tmp_path, lambda _post, _turn: FAILS)
    played.run([A], 120 * HOUR_S, (0.0, taken(*(outgoing(f"m{n}", f"p{n}") for n in range(50)))))
    assert {played.states(f"m{n}")["a"][0] for n in range(50)} == {"dead"}


def test_time_that_is_asked_for_is_given_to_the_whole_endpoint(tmp_path: Path) -> None:
    def script(post: Post, turn: int) -> Answer:
        return Answer("http_4xx", 429, "HTTP 429", "600") if post.at_s < 600 else DELIVERED

    played = Played(tmp_path, script)
    later = (30.0, taken(outgoing("m2", "p2"), at=1))
    played.run([A], HOUR_S, (1.0, taken(outgoing("m1"))), later)
    assert [(post.id, post.at_s > 600) for post in played.posts] == [
        ("m1", False),
        ("m2", True),
        ("m1", True),
    ]


def test_a_date_may_ask_for_time_but_for_a_day_at_most(tmp_path: Path) -> None:
    date = "Wed, 21 Oct 2099 07:28:00 GMT"
    played = Played(
        tmp_path, lambda _post, turn: Answer("http_5xx", 503, "", date) if turn == 1 else DELIVERED
    )
    played.run([A], 30 * HOUR_S, (0.0, taken(outgoing("m1"))))
    assert [round(post.at_s / HOUR_S, 2) for post in played.posts] == [0.0, 24.0]


def test_gone_disables_until_enabled_and_what_is_dead_can_be_sent_again(tmp_path: Path) -> None:
    played = Played(
        tmp_path, lambda post, turn: GONE if (post.endpoint, post.id, turn) == ("a", "m1", 1) else DELIVERED
    )
    played.run(
        [endpoint("a", at_once=1), B],
        10,
        (0.0, taken(outgoing("m1"), outgoing("m2", "p2"))),
        (5.0, taken(outgoing("m3", "p3"), at=2)),
    )
    assert played.of("a") == ["m1"]
    assert {of: played.states(of)["a"][0] for of in ("m1", "m2", "m3")} == dict.fromkeys(
        ("m1", "m2", "m3"), "dead"
    )
    assert all("gone" in played.states(of)["a"][2] for of in ("m1", "m2", "m3"))
    assert played.of("b") == ["m1", "m2", "m3"]

    def mended(_: object) -> None:
        outbox = Outbox(tmp_path)
        assert enable(outbox, "a")
        assert send_again(outbox, wanted_again(outbox.db, "", "", dead=True), BEGIN_MS) == 3
        outbox.close()

    played.run([endpoint("a", at_once=1), B], 10, (1.0, mended))
    assert played.of("a") == ["m1", "m1", "m2", "m3"]
    assert played.states("m1") == {"a": ("delivered", 1, ""), "b": ("delivered", 1, "")}


def test_an_endpoint_with_a_new_address_begins_anew(tmp_path: Path) -> None:
    played = Played(tmp_path, lambda post, _turn: GONE if post.id == "m1" else DELIVERED)
    played.run([A], 5, (0.0, taken(outgoing("m1"))))
    moved = endpoint("a", url="https://localhost/new")
    played.run([moved], 5, (0.0, taken(outgoing("m2"), at=1)))
    assert played.of("a") == ["m1", "m2"]


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    played = Played(tmp_path, lambda _post, turn: DELIVERED if turn == 4 else FAILS)
    played.run([A], 20, (0.0, taken(outgoing("m1"))))
    assert played.states("m1")["a"][:2] == ("pending", 2)
    played.run([A], HOUR_S)
    assert played.states("m1")["a"] == ("delivered", 4, "")
    assert len(played.posts) == 4


def test_a_clock_that_is_set_back_makes_nothing_wait_longer(tmp_path: Path) -> None:
    played = Played(tmp_path, lambda post, _turn: DELIVERED if post.at_s > 30 else FAILS)

    def set_back(_: object) -> None:
        played.off_ms = -3_600_000

    came = taken(*(outgoing(f"m{n}", f"p{n}") for n in range(20)))
    played.run([A], 600, (0.0, came), (7.0, set_back))
    assert {played.states(f"m{n}")["a"][0] for n in range(20)} == {"delivered"}


def test_what_is_silenced_is_told_as_such_and_not_sent(tmp_path: Path) -> None:
    until = BEGIN_MS + 60_000

    def silenced(player_id: str, rule_id: str, now_ms: int) -> int | None:
        return until if (player_id, rule_id) == ("p1", "velocity") else None

    played = Played(tmp_path, lambda _post, _turn: DELIVERED, silenced=silenced)
    played.run(
        [A], 90, (0.0, taken(outgoing("m1"), outgoing("n1", "p2"))), (70.0, taken(outgoing("m2"), at=2))
    )
    assert played.of("a") == ["n1", "m2"]
    assert played.states("m1") == {"a": ("silenced", 0, "silenced until 2026-11-18T11:07:40Z")}
    assert [(of.result, of.number) for of in played.tries("m1")] == [("silenced", 0)]


def test_endpoints_choose(tmp_path: Path) -> None:
    endpoints = [
        endpoint("all"),
        endpoint("rule", Wanted(rules=frozenset({"velocity"}))),
        endpoint("other", Wanted(rules=frozenset({"ring"}))),
        endpoint("score", Wanted(least_score=0.8)),
        endpoint("blocks", Wanted(decisions=frozenset({"block"}))),
        endpoint("fraud", Wanted(kinds=frozenset({"fraud.*"}))),
        endpoint("servers", Wanted(kinds=frozenset({"server.*"}))),
        endpoint("ends", Wanted(kinds=frozenset({"server.incident.resolved", "fraud.alert.updated"}))),
    ]
    incident = [
        msgspec.structs.replace(outgoing(name, "s1", 0.9, "critical"), kind=kind, rule_id="server_health")
        for name, kind in (("i1", "server.incident"), ("i1.resolved", "server.incident.resolved"))
    ]
    played = Played(tmp_path, lambda _post, _turn: DELIVERED)
    played.run(
        endpoints, 5, (0.0, taken(outgoing("m1", score=0.8), outgoing("m2", "p2", 0.79, "review"), *incident))
    )
    got = {of.name: sorted(played.of(of.name)) for of in endpoints}
    alerts, incidents = ["m1", "m2"], ["i1", "i1.resolved"]
    assert got == {
        "all": incidents + alerts,
        "rule": alerts,
        "other": [],
        "score": [*incidents, "m1"],
        "blocks": ["m1"],
        "fraud": alerts,
        "servers": incidents,
        "ends": ["i1.resolved"],
    }


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff", b'{"id": 1}', b"[" * 100_000])
def test_what_is_no_message_is_kept_and_holds_nothing_up(tmp_path: Path, value: bytes | None) -> None:
    played = Played(tmp_path, lambda _post, _turn: DELIVERED)
    bad_id = outgoing("x\r\nhost: evil")
    played.run([A], 5, (0.0, taken(value, bad_id, outgoing("m1"))))
    assert played.of("a") == ["m1"]
    outbox = Outbox(tmp_path)
    assert outbox.places("0a1b2c3d") == {0: 3}
    assert outbox.db.execute("SELECT part, place FROM unreadable ORDER BY place").fetchall() == [
        (0, 0),
        (0, 1),
    ]
    outbox.close()


def test_a_body_that_is_too_long_is_dead_at_once(tmp_path: Path) -> None:
    too_long = msgspec.structs.replace(outgoing("m1"), body="x" * 20_001)
    played = Played(tmp_path, lambda _post, _turn: DELIVERED)
    played.run([A], 5, (0.0, taken(too_long, outgoing("m2"))))
    assert played.of("a") == ["m2"]
    assert played.states("m1") == {"a": ("dead", 0, "its body has 20,001 bytes, more than 20,000")}


def test_what_ended_long_ago_is_forgotten_but_for_its_id(tmp_path: Path) -> None:
    played = Played(tmp_path, lambda _post, _turn: DELIVERED)
    played.run([A], 5, (0.0, taken(outgoing("m1"))))
    outbox = Outbox(tmp_path)
    assert forget(outbox, BEGIN_MS + 10**9) == 1
    assert outbox.db.execute("SELECT id, body FROM messages").fetchall() == [("m1", None)]
    outbox.close()
    played.run([A], 5, (0.0, taken(outgoing("m1"))))
    assert played.of("a") == ["m1"]


def test_an_endpoint_that_left_the_file_keeps_its_queue_until_that_is_too_old(tmp_path: Path) -> None:
    played = Played(tmp_path, lambda _post, _turn: FAILS)
    played.run([A], 1, (0.0, taken(outgoing("m1"))))
    played.run([B], 80 * HOUR_S)
    with reading(tmp_path / "outbox.sqlite") as db:
        assert standings(db)["a"].pending == 1
    played.run([B], 20 * HOUR_S)
    assert played.states("m1") == {"a": ("dead", 1, "the endpoint is not in the file any more")}
