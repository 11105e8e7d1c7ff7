"""Server incidents on their way to receivers: in order, to those who want them; readable in the commands."""

from __future__ import annotations

from pathlib import Path

from models.incident import begun
from models.incident_message import message
from models.server_alarm import CRITICAL, Change
from sinks.outbox import Outbox
from sinks.outbox_care import know
from sinks.webhook_endpoints import Wanted
from sinks.webhook_exchange import Answer
from tests.webhooks.dispatcher_fixture import Place
from tests.webhooks.played import BEGIN_MS, DELIVERED, Played, Post, endpoint, outgoing, taken
from tests.windows.alarm_logs import alarm
from topics.fraud_outbox import Outgoing

SERVER = "server_\x1b[31m\u202e<!channel>"


def story() -> list[Outgoing]:
    """One incident: it opens, gets severer, is over."""
    incident = begun(0, alarm(SERVER, 0))
    told = [message(incident, 1)]
    incident.tell()
    incident.worsen(0, alarm(SERVER, 5, Change.WORSE, opened_s=0, told=2, severity=CRITICAL))
    told.append(message(incident, 2))
    incident.tell()
    incident.resolve(0, alarm(SERVER, 50, Change.RESOLVED, opened_s=0, told=3))
    incident.end()
    return [*told, message(incident, 3)]


def test_messages_of_an_incident_come_in_order_though_the_first_is_tried_again(tmp_path: Path) -> None:
    told = story()

    def script(post: Post, turn: int) -> Answer:
        fails = post.id == str(told[0].id) and turn == 1
        return Answer("refused", 500) if fails else DELIVERED

    played = Played(tmp_path, script)
    endpoints = [endpoint("on-call", Wanted(kinds=frozenset({"server.*"})))]
    endpoints.append(endpoint("critical", Wanted(decisions=frozenset({"critical"}))))
    played.run(endpoints, 60, (0.0, taken(outgoing("m1"), *told)))
    first, *later = [str(of.id) for of in told]
    assert played.of("on-call") == [first, first, *later]
    assert played.of("critical") == later
    assert [of.kind for of in told] == [
        "server.incident",
        "server.incident.updated",
        "server.incident.resolved",
    ]
    assert later == [f"{first}.2", f"{first}.resolved"]


def test_commands_say_what_an_incident_is_about(tmp_path: Path) -> None:
    place = Place(tmp_path, "127.0.0.1:1")
    place.endpoints(on_call="http://127.0.0.1:9/")
    place.store.parent.mkdir(parents=True)
    outbox = Outbox(place.store.parent)
    with outbox.writing():
        know(outbox, "on_call", "http://127.0.0.1:9/")
        for number in (outbox.add(of, BEGIN_MS) for of in story()):
            outbox.address(number or 0, SERVER, "on_call", BEGIN_MS)
    outbox.close()
    code, out, err = place.ask("log", f"{story()[0].id}.resolved")
    assert (code, err) == (0, "")
    said = "latency of server_?[31m??!channel? at 812 ms, expected 14 to 60, since 22:13:00Z"
    assert out.splitlines()[1:4] == [
        "kind       server.incident.resolved",
        f"incident   {said}; over at 22:14:10Z",
        "severity   critical, score 0.9",
    ]
    assert "pending, behind an earlier one of the same player or server" in out
    assert ("\x1b" in out, "\u202e" in out) == (False, False)
