"""`gamewax webhooks` as people use it, beside a dispatcher that runs on a real Kafka."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from standardwebhooks.webhooks import Webhook

from sinks.outbox_report import reading, standings
from tests.flow_fixture import until
from tests.webhooks import receiver as to
from tests.webhooks.dispatcher_fixture import SECRET, Place, new_topic, send
from tests.webhooks.played import outgoing
from tests.webhooks.receiver import receiving

SOON_S = 2.0  # generous: it is some milliseconds on a machine that has time


def listed(place: Place) -> dict[str, dict[str, object]]:
    code, out, err = place.ask("list", "--json")
    assert (code, err) == (0, "")
    return {of["endpoint"]: of for of in json.loads(out)["endpoints"]}


def delivered(place: Place, name: str) -> int:
    with reading(place.store) as db:
        return standings(db)[name].delivered


@pytest.mark.slow
def test_a_day_with_the_dispatcher(kafka: str, kafka_admin: AdminClient, tmp_path: Path) -> None:
    new_topic(kafka, kafka_admin)
    place = Place(tmp_path, kafka)
    with receiving("", gone=to.says("410 Gone")) as receiver:
        place.endpoints(well=receiver.url("/well"), gone=receiver.url("/gone"))
        with place.dispatcher() as running:
            until(lambda: "dispatcher runs" in place.said)
            sent_at = time.monotonic()
            send(kafka, [outgoing("m1"), b"no message", outgoing("m2", "p2")])
            until(lambda: len(receiver.of("/well")) == 2)
            assert time.monotonic() - sent_at < SOON_S
            until(lambda: len(receiver.of("/gone")) >= 1)
            found = listed(place)
            assert (found["well"]["state"], found["well"]["delivered"]) == ("delivering", 2)
            assert (found["gone"]["state"], found["gone"]["dead"]) == ("disabled", 2)
            second = place.ask("run")
            assert (second[0], "in use by process" in second[2]) == (2, True)
            again(place, receiver)
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
        a_store_that_is_gone(place)


def again(place: Place, receiver: to.Receiver) -> None:
    """What is dead is sent again after the endpoint was mended, under the same id with the same body."""
    receiver.behaviours.clear()
    assert place.ask("enable", "gone")[0] == 0
    code, out, _ = place.ask("resend", "--dead")
    assert (code, out.startswith("2 to send again; the dispatcher is process ")) == (0, True)
    until(lambda: len({asked.id for asked in receiver.of("/gone")}) == 2)
    until(lambda: delivered(place, "gone") == 2)
    assert {asked.body for asked in receiver.of("/gone")} == {asked.body for asked in receiver.of("/well")}
    code, out, err = place.ask("log", "m1")
    assert (code, err) == (0, "")
    assert "HTTP 410" in out
    assert out.count("HTTP 204") == 2
    tries = json.loads(place.ask("log", "--endpoint", "well", "--json")[1])
    assert sorted(of["id"] for of in tries) == ["m1", "m2"]


def a_store_that_is_gone(place: Place) -> None:
    """A store that is gone is never begun anew in silence."""
    for path in place.store.parent.iterdir():
        path.unlink()
    code, _, err = place.ask("run")
    assert (code, "--begin committed|earliest" in err) == (3, True)


def test_a_test_message_says_what_the_endpoint_answers(tmp_path: Path) -> None:
    place = Place(tmp_path, "127.0.0.1:1")
    with receiving("", ill=to.says("500 Oh", body=b"boom\x1b[31m")) as receiver:
        place.endpoints(well=receiver.url("/well"), ill=receiver.url("/ill"))
        code, out, err = place.ask("test", "well")
        assert (code, err) == (0, "")
        (asked,) = receiver.asked
        assert asked.id in out
        assert Webhook(SECRET).verify(asked.body, asked.headers)["type"] == "webhook.test"
        code, out, err = place.ask("test", "ill")
        assert (code, out) == (1, "")
        assert "HTTP 500 boom\\x1b[31m" in err


def test_commands_without_a_store_say_how_to_make_one(tmp_path: Path) -> None:
    place = Place(tmp_path, "127.0.0.1:1")
    place.endpoints(well="http://127.0.0.1:9/")
    code, out, _ = place.ask("list")
    assert (code, "well" in out, "no dispatcher runs" in out) == (0, True, True)
    code, out, err = place.ask("resend", "--dead")
    assert (code, out, "./gamewax webhooks run makes it" in err) == (2, "", True)
