"""Sentences and bodies about servers: what people read at night, whatever servers are called."""

from __future__ import annotations

import json
import math

import msgspec
import pytest

from models.alarm_words import LONGEST, MARKUP, said, told
from models.incident import Incident, begun
from models.incident_message import LONGEST_ID, message
from models.server_alarm import CRITICAL, Alarm, Change, Kind
from sinks.webhook_dispatcher import read_message
from sinks.webhook_lane import LONGEST_BODY
from tests.windows.alarm_logs import START_MS, alarm

HOSTILE = (
    "<!channel> <https://evil.test|click> @everyone `rm -rf` *bold*",
    'a"b\\c\n\r\t\x00\x1b[31m',
    "\u202egnp.exe\u200b\u2066",
    "\x01" * 100_000,
    "\U0001f3ae" * 100_000,
    "server_" + "0" * 100_000,
    " ",
    "{{ template }} %s %n ${jndi:ldap://x}",
)


def changed(alarm: Alarm, **fields: object) -> Alarm:
    return msgspec.structs.replace(alarm, **fields)


ONE = changed(alarm("server_07", 200), metric="latency", value=812.3)


@pytest.mark.parametrize(
    ("of", "sentence"),
    [
        (ONE, "latency of server_07 at 812 ms, expected 14 to 60, since 22:16:20Z"),
        (changed(ONE, low=None), "latency of server_07 at 812 ms, expected at most 60, since 22:16:20Z"),
        (changed(ONE, high=None), "latency of server_07 at 812 ms, expected at least 14, since 22:16:20Z"),
        (changed(ONE, low=None, high=None), "latency of server_07 at 812 ms, since 22:16:20Z"),
        (changed(ONE, kind=Kind.FLATLINE, metric="cpu_load", value=0.0),
         "cpu_load of server_07 has stood still at 0 % since 22:16:20Z"),
        (changed(ONE, kind=Kind.MISSED_HEARTBEAT, metric="heartbeat", value=math.nan),
         "server_07 has been silent since 22:16:20Z"),
        (changed(ONE, change=Change.RESOLVED, time_ms=START_MS + 260_000),
         "latency of server_07 at 812 ms, expected 14 to 60, since 22:16:20Z; over at 22:17:40Z"),
        (changed(ONE, value=-0.00012345, metric="odd", low=1e9, high=math.inf),
         "odd of server_07 at -0.000123, expected 1,000,000,000 to inf, since 22:16:20Z"),
    ],
)  # fmt: skip
def test_an_alarm_is_one_plain_sentence(of: Alarm, sentence: str) -> None:
    assert said(of) == sentence


def test_an_incident_says_how_many_where_and_what() -> None:
    incident = begun(0, alarm("a", 0))
    assert told(incident) == said(alarm("a", 0))
    incident.join(0, alarm("a", 1, metric="cpu_load"))
    assert told(incident) == (
        "a: cpu_load shift (1), latency shift (1); "
        "first: latency of a at 812 ms, expected 14 to 60, since 22:13:00Z"
    )
    for server in ("b", "c"):
        incident.join(0, alarm(server, 2, kind=Kind.MISSED_HEARTBEAT, metric="heartbeat"))
    assert told(incident).startswith(
        "3 servers in eu-west: silent (2), cpu_load shift (1), latency shift (1); "
    )
    incident.join(0, alarm("d", 3, region=""))
    assert told(incident).startswith("4 servers: silent (2), latency shift (2), ")


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_a_sentence_or_a_message(name: str) -> None:
    incident = of_strangers(name)
    sentences = [told(incident), *(said(of) for of in incident.shown)]
    assert all(sentence.isprintable() and not MARKUP & set(sentence) for sentence in sentences)
    assert max(map(len, sentences)) < 5 * LONGEST + 300
    sent = message(incident, 1)
    assert len(sent.body.encode()) < LONGEST_BODY
    assert read_message(msgspec.json.encode(sent)) == sent  # the dispatcher takes it
    content = json.loads(sent.body)["data"]
    assert content["servers"] == len(incident.servers)
    assert max(map(len, content["server_ids"])) <= LONGEST_ID
    if len(name) < LONGEST_ID // 2:
        assert f"{name}00" in content["server_ids"]  # exact, as JSON


def of_strangers(name: str) -> Incident:
    incident = begun(0, stranger(name, 0))
    for number in range(1, 60):
        incident.join(0, stranger(name, number))
    incident.worsen(0, changed(stranger(name, 0), change=Change.WORSE, severity=CRITICAL))
    return incident


def stranger(name: str, number: int) -> Alarm:
    server, place = f"{name}{number:02d}", f"{number:02d}{name}"
    of = alarm(server, number, game=name, region=place)
    return changed(of, fleet_id=place, value=math.nan)


def test_a_message_is_the_same_after_its_incident_was_kept() -> None:
    incident = of_strangers("server_")
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(incident), type=Incident)
    assert message(kept, 1) == message(incident, 1)
