"""An outage makes its server's players leave or wait, nobody there buys, and the truth says so."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path

from simulator.plan import PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS, Plan
from simulator.run import Run, Stop
from simulator.servers import Outage
from simulator.trouble import trouble
from simulator.truth import Truth
from simulator.truth_file import moment, write_truth
from simulator.world import world
from simulator.writing import game_of
from tests.simulator.reading import Event, ms, read

START_MS = 1_767_225_600_000
COUNT, RATE = 480_000, 1000


@cache
def played() -> tuple[Truth, list[Event], list[Event]]:
    """A run of eight minutes with two outages: its truth, player events and purchases by time, each once."""
    run = Run(Plan(3, START_MS, RATE, trouble=trouble("late,duplicate,outage")), COUNT, live=False)
    truth = Truth(run.traffic.world)
    found: dict[str, dict[str, Event]] = {topic: {} for topic in run.plan.topics}
    for block in run.blocks(Stop()):
        truth.add(block)
        for batch in block:
            found[batch.topic].update({str(event["event_id"]): event for event in map(read, batch.values)})
    events, purchases = (
        sorted(found[topic].values(), key=lambda event: (at(event), str(event["event_id"])))
        for topic in (PLAYER_EVENTS, PURCHASE_EVENTS)
    )
    assert found[SERVER_METRICS]
    return truth, events, purchases


def at(event: Event) -> int:
    return ms(event.get("timestamp", event.get("purchase_timestamp", 0)))


def outages() -> list[Outage]:
    return played()[0].world.servers.outages(START_MS + COUNT // RATE * 1000)


def there(outage: Outage) -> dict[str, list[Event]]:
    """Who was on the server in its last five minutes and had not ended the session; all that they did."""
    server = played()[0].world.servers.ids[outage.server]
    last: dict[tuple[str, str], Event] = {}
    everything: dict[str, list[Event]] = {}
    for event in played()[1]:
        if event["server_id"] == server:
            everything.setdefault(str(event["player_id"]), []).append(event)
            if outage.from_ms - 300_000 < at(event) <= outage.from_ms:
                last[str(event["player_id"]), str(event.get("session_id"))] = event
    playing = {player for (player, _), event in last.items() if event["event_type"] != "session_end"}
    return {player: everything[player] for player in playing}


def test_in_an_outage_players_leave_or_wait_and_go_on_afterwards() -> None:
    for outage in outages():
        ends = Counter[str]()
        for events in there(outage).values():
            types = [event["event_type"] for event in events if outage.from_ms <= at(event) < outage.to_ms]
            assert set(types) <= {"session_end"}  # the same player may sit at two seats
            later = [event for event in events if outage.to_ms <= at(event) < outage.to_ms + 30_000]
            if not types and later:
                before = [event for event in events if at(event) < outage.from_ms][-1]
                assert later[0].get("session_id") == before.get("session_id")
            ends["left" if types else "waits"] += 1
        assert ends.total() > 30
        assert 0.4 < ends["left"] / ends.total() < 0.8


def test_nobody_on_the_server_buys_or_begins_meanwhile_and_elsewhere_life_goes_on() -> None:
    truth, events, purchases = played()
    server_of = {str(event["player_id"]): event["server_id"] for event in events}
    for outage in outages():
        server = truth.world.servers.ids[outage.server]
        begun, bought = Counter[bool](), Counter[bool]()
        for event in events:
            if outage.from_ms <= at(event) < outage.to_ms and event["event_type"] == "session_start":
                begun[event["server_id"] == server] += 1
        for event in purchases:
            if outage.from_ms <= at(event) < outage.to_ms:
                bought[server_of.get(str(event["player_id"])) == server] += 1
        assert begun[True] == bought[True] == 0
        assert min(begun[False], bought[False]) > 100


def test_the_truth_names_the_server_its_players_and_their_revenue(tmp_path: Path) -> None:
    truth, _, purchases = played()
    write_truth(tmp_path / "truth.jsonl", truth)
    told = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    facts = [fact for fact in told if fact["fact"] == "outage"]
    assert [fact["from"] for fact in facts] == [moment(outage.from_ms) for outage in outages()]
    for fact, outage in zip(facts, outages(), strict=True):
        players = there(outage)
        last = {who: [event for event in of if at(event) <= outage.to_ms][-1] for who, of in players.items()}
        left = sum(e["event_type"] == "session_end" and at(e) > outage.from_ms for e in last.values())
        assert fact["server_id"] == truth.world.servers.ids[outage.server]
        assert sorted(fact["players"]) == sorted(players)
        assert (fact["left"], fact["silent"]) == (left, len(players) - left)
        sums: dict[str, list[Decimal]] = {}
        for event in purchases:
            if str(event["player_id"]) in players and -1_800_000 < at(event) - outage.from_ms <= 90_000:
                both = sums.setdefault(str(event["currency"]), [Decimal(0), Decimal(0)])
                both[at(event) > outage.from_ms] += Decimal(str(event["price"]))
        assert {
            of["currency"]: [Decimal(of["before"]), Decimal(of["during"])] for of in fact["revenue"]
        } == sums
        assert len(sums) == 5


def test_players_play_on_a_server_of_their_game_if_it_has_one() -> None:
    truth, events, _ = played()
    games = {key.server_id: key.game_id for key in truth.server_health(60)}
    assert set(games.values()) == {"", "arena", "kart"}
    assert {(games[str(event["server_id"])], str(event.get("game_id", ""))) for event in events} == {
        (game, game) for game in games.values()
    }
    few = world(Plan(3, START_MS, 100))
    assert few.servers.count == 2
    assert [game_of(server) for server in range(2)] == ["", ""]
    assert set(few.players.server.tolist()) == {0, 1}
