"""The demo's fraud: a receiver that trusts no wrong signature, and a verdict that lets nothing be missing."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.demo_webhooks import FILE, write_private
from demo.alerts import alerts
from demo.figures import Alerts, Figures, Suspect, Tally
from demo.fraud_panel import suspect
from demo.moment import Moment
from demo.receiver import Receiver
from demo.streams import ARCHIVE, STREAMS
from demo.told import Fraud, Told, faults_of_fraud, raised, told
from demo.verdict import Verdict, sent
from demo.words import plain
from simulator import fraud as planted
from simulator.fraud_truth import Case
from simulator.plan import PLAYERS, PURCHASE_EVENTS, TOPICS, Plan
from simulator.run import Run, Stop
from simulator.traffic import Traffic
from simulator.trouble import Trouble
from simulator.truth import Truth
from sinks.webhook_file import read_file
from verify.fraud_marks import Marks, Raised, marked

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
WELL = Told(alerts=30, due=31, missing=0, strange=0, unlike=0, tally=Tally(33, 33, 31))
CASES = tuple(
    Case(number, "ring", 1, 1_000, 2_000, [f"p{number}"], [], [f"e{number}"]) for number in range(6)
)
SEEN: dict[str, object] = {
    "log": "l",
    "topic": "t",
    "partition": 0,
    "offset": 1,
    "features": {},
    "rules": [],
    "model_score": None,
    "score": 1.0,
}
FOUND = [Raised("ring_on_one_address", f"p{number}", newest_ms=2_000) for number in range(6)]


def signed(name: str, body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Sign as the standard says, in the test's own words."""
    now = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{now}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(mac).decode()
    return {"webhook-id": name, "webhook-timestamp": now, "webhook-signature": signature}


def post(receiver: Receiver, body: bytes, headers: dict[str, str]) -> int:
    at = urlsplit(receiver.url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=20)
    try:
        connection.request("POST", at.path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_receiver_takes_what_is_signed_and_refuses_all_else() -> None:
    body = b'{"type":"fraud.alert"}'
    with Receiver(SECRET) as receiver:
        assert receiver.tally == Tally(0, 0, 0)
        assert [post(receiver, body, signed(name, body)) for name in ("a", "b", "a")] == [204] * 3
        assert receiver.tally == Tally(received=3, verified=3, messages=2)
        other = "whsec_" + base64.b64encode(b"x" * 32).decode()
        wrong = [
            (body, signed("c", body, other)),
            (b'{"type":"fraud.other"}', signed("d", body)),
            (body, {**signed("e", body), "webhook-id": "f"}),
            (body, {}),
            (b"\xff\xfe", signed("g", b"\xff\xfe")),
            (body, {**signed("h", body), "webhook-signature": "v1"}),
        ]
        assert [post(receiver, *each) for each in wrong] == [401] * len(wrong)
        assert receiver.ids == {"a", "b"}
        assert receiver.tally.wrong == len(wrong)
    with pytest.raises(OSError, match="refused"):
        post(receiver, body, signed("z", body))


def test_the_file_of_endpoints_is_ours_alone_and_the_dispatcher_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.yaml"
    file.write_text("what an earlier demo left")
    file.chmod(0o644)
    write_private(file, FILE.format(url="http://127.0.0.1:41234/", secret=SECRET))
    assert file.stat().st_mode & 0o777 == 0o600
    (endpoint,) = read_file(file).endpoints
    assert endpoint.name == "demo"


def marks(found: list[Raised]) -> Marks:
    return marked(found, CASES, (), 100)


def test_nothing_is_a_fault_when_all_was_told_and_found() -> None:
    assert list(faults_of_fraud(Fraud(WELL, marks(FOUND)))) == []
    few = replace(WELL, alerts=1, due=0)
    assert list(faults_of_fraud(Fraud(few, marked([Raised("ring", "honest")], CASES[:1], (), 9)))) == []


def test_everything_that_is_not_told_or_not_found_is_a_fault() -> None:
    bad = replace(WELL, missing=2, strange=1, unlike=3, tally=Tally(33, 32, 30))
    honest = [Raised("ring", f"honest{number}") for number in range(4)]
    assert list(faults_of_fraud(Fraud(bad, marks([*FOUND[:2], *honest])))) == [
        "1 webhooks had a wrong signature",
        "2 of 31 messages of fraud-outbox did not reach the receiver",
        "1 webhooks are no message of fraud-outbox",
        "3 alerts stand only in one of fraud_alerts and fraud-outbox",
        "only 2 of 6 planted frauds were found",
        "4 of 30 fraud alerts touch nothing that was planted",
    ]


def test_alerts_messages_and_what_came_are_compared_one_by_one() -> None:
    messages = {"a": "a", "a.block": "a", "b": "b", "x": "x"}
    came, tally = frozenset(["a", "b", "x", "y"]), Tally(9, 8, 4)
    assert told(frozenset(["a", "b", "c"]), messages, came, tally) == Told(3, 4, 1, 1, 2, tally)


def test_an_alert_is_as_new_as_its_newest_purchase() -> None:
    seen = [{**SEEN, "time_ms": time_ms} for time_ms in (5, 9, 7)]
    assert raised("ring", "p1", json.dumps(seen)) == Raised("ring", "p1", newest_ms=9)


def test_the_last_line_says_what_was_told() -> None:
    said = Verdict(100, 10.0, (), (), 3.0, WELL).line
    assert said == (
        "OK 100 events, 10 events/s, 30 fraud alerts, 33 webhooks verified, "
        "first row on screen after 3.0 s (goal 20 s)"
    )


def test_alerts_are_told_in_words_and_hostile_names_stay_harmless() -> None:
    why = [
        {"name": "country", "value": "E\x1b[2J", "threshold": None},
        {"name": "ip_players_10m", "value": 7.5, "threshold": 5},
    ]
    rows = [("dear", 3, 17, "p2", "block", "[]"), ("ring", 1, 18, "p\x1b[2J1", "review", json.dumps(why))]
    found = alerts(rows)
    assert alerts([]) == Alerts()
    assert (found.total, found.newest) == (
        4,
        Suspect("p\x1b[2J1", "ring", "review", ("country E\x1b[2J", "ip_players_10m 7.5 (limit 5)")),
    )
    assert found.newest
    assert suspect(found.newest) == "p·[2J1 ring review: country E·[2J, ip_players_10m 7.5 (limit 5)"
    figures = Figures(alerts=found)
    line = plain(Moment(5, None, 0, 0, {}, figures, Tally(6, 5, 4)))
    assert "  fraud 4 alerts  5 of 6 webhooks verified  newest p·[2J1 ring review: country E·[2J  " in line
    assert "fraud" not in plain(Moment(5, None, 0, 0, {}, Figures(alerts=Alerts())))


def test_the_books_of_fraud_are_judged_with_duplicates_and_late_ones() -> None:
    trouble = Trouble(0.02, 0.01, 0.02, 0.02)
    plan = Plan(3, 1_767_225_600_000, 1000, (*TOPICS, PLAYERS), trouble, fraud=planted.Fraud(0.1, 5_000))
    run = Run(plan, 60_000, live=False)
    truth = Truth(run.traffic.world)
    for block in run.blocks(Stop()):
        truth.add(block)
    (stream,) = (stream for stream in STREAMS if stream.flow == "fraud")
    kinds, must_be = truth.counts.kinds[PURCHASE_EVENTS], sent(stream, truth)
    assert (must_be.duplicates, must_be.late) == (kinds["duplicate"], kinds["beyond"])
    assert must_be.duplicates > 0
    assert must_be.read == must_be.aggregated + must_be.late + must_be.dead + must_be.duplicates
    assert (sent(ARCHIVE, truth).duplicates, sent(ARCHIVE, truth).late) == (0, 0)


def test_a_fraud_in_a_hurry_is_the_same_and_so_much_faster() -> None:
    usual, fast = (first_case_us(hurry) for hurry in (1.0, 30.0))
    assert len(usual) >= 20
    assert fast == pytest.approx([passed / 30 for passed in usual], abs=len(usual))


def first_case_us(hurry: float) -> list[int]:
    """Give when the purchases of the first planted case happen, since the first of them."""
    topics = (PURCHASE_EVENTS, PLAYERS)
    plan = Plan(5, 1_767_225_600_000, 1000, topics, fraud=planted.Fraud(0.1, 5_000, hurry))
    shop, from_us = Traffic(plan).shop, plan.start_ms * 1000
    assert shop
    sold = shop.between(from_us, from_us + 3_600_000_000, 1.0).purchases
    at_us = [int(each) for each in sold.filter(sold["case"] == 0)["happened_us"]]
    return [each - at_us[0] for each in at_us]
