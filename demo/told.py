"""Fraud at the end of a demo: what was found of what was planted, and whether every message was received.

Rules: every message of the topic `fraud-outbox` must have reached the receiver with a right signature, and
every alert of a live rule must have a message. Which fraud is found is told, by kind; a fault is only what no
chance of a short run explains: most of the planted cases missed, or many alerts on honest players.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
from confluent_kafka import KafkaException

from demo.figures import Tally
from demo.reader import Reader
from demo.receiver import Receiver
from models.fraud_alert import Evidence
from simulator.truth import Truth
from topics.errors import Broken
from topics.fraud_outbox import TOPIC, Outgoing
from verify.fraud_marks import LEAST_PRECISION, Marks, Raised, marked
from verify.logs import read_back

ALERTS = "SELECT alert_id, rule_id, player_id, evidence FROM fraud_alerts WHERE NOT shadow ORDER BY alert_id"
ENOUGH_CASES, ENOUGH_ALERTS = 5, 20  # fewer say nothing about rules
LEAST_FOUND = 0.5

Messages = Mapping[str, str]  # alerts by the id of each message; '' for what is told of servers
FRAUD_KINDS = "fraud."


@dataclass(frozen=True, slots=True)
class Told:
    """What became of alerts: messages that are due, those that did not come, and those that nobody sent.

    `unlike` are alerts that have no message, and alerts of messages that are not in the table.
    """

    alerts: int
    due: int
    missing: int
    strange: int
    unlike: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class Fraud:
    """The fraud of one demo: whether all was told, and the marks of the rules."""

    told: Told
    marks: Marks


def messages_of(bootstrap_servers: str) -> Messages:
    """Read all messages that the flow wrote for receivers, by another client than the dispatcher's.

    Raises:
        Broken: Kafka does not answer.

    """
    try:
        records = read_back(bootstrap_servers, TOPIC.name)
    except KafkaException as error:
        raise Broken(f"Kafka does not answer ({error.args[0].str()})") from error
    sent = [msgspec.json.decode(each.value, type=Outgoing) for each in records if each.value is not None]
    return {
        str(each.id): str(each.alert_id) if str(each.kind).startswith(FRAUD_KINDS) else "" for each in sent
    }


def fraud(reader: Reader, truth: Truth, messages: Messages, receiver: Receiver) -> Fraud:
    """Judge the alerts of a demo whose flows have ended.

    Raises:
        Broken: the traffic had no fraud.
        ClickHouseError: whatever the driver says.

    """
    if truth.fraud is None:
        raise Broken("this traffic has no planted fraud to compare alerts with")
    alerts = {str(name): raised(*map(str, cells)) for name, *cells in reader.rows(ALERTS, {})}
    cases, shared = tuple(truth.fraud.cases()), tuple(truth.fraud.shared())
    marks = marked(alerts.values(), cases, shared, sum(truth.counts.kinds["purchase-events"].values()))
    return Fraud(told(frozenset(alerts), messages, receiver.ids, receiver.tally), marks)


def told(alerts: frozenset[str], messages: Messages, received: frozenset[str], tally: Tally) -> Told:
    """Compare alerts, messages and what was received.

    >>> told(frozenset("ab"), {"a": "a", "a.block": "a", "i": ""}, frozenset(["a", "z"]), Tally(2, 2, 2))
    Told(alerts=2, due=3, missing=2, strange=1, unlike=1, tally=Tally(received=2, verified=2, messages=2))

    """
    return Told(
        alerts=len(alerts),
        due=len(messages),
        missing=len(messages.keys() - received),
        strange=len(received - messages.keys()),
        unlike=len(alerts ^ set(filter(None, messages.values()))),
        tally=tally,
    )


def raised(rule_id: str, player_id: str, evidence: str) -> Raised:
    """Make an alert as marks are given; its evidence says how new it is."""
    seen = msgspec.json.decode(evidence, type=list[Evidence])
    return Raised(rule_id, player_id, newest_ms=max(each.time_ms for each in seen))


def faults_of_fraud(found: Fraud) -> Iterator[str]:
    """Name what is not as it must be."""
    told, marks = found.told, found.marks
    if told.tally.wrong:
        yield f"{told.tally.wrong:,} webhooks had a wrong signature"
    if told.missing:
        yield f"{told.missing:,} of {told.due:,} messages of {TOPIC.name} did not reach the receiver"
    if told.strange:
        yield f"{told.strange:,} webhooks are no message of {TOPIC.name}"
    if told.unlike:
        yield f"{told.unlike:,} alerts stand only in one of fraud_alerts and {TOPIC.name}"
    asked, seen = cases_of(marks)
    if asked >= ENOUGH_CASES and seen < asked * LEAST_FOUND:
        yield f"only {seen:,} of {asked:,} planted frauds were found"
    wrong = len(marks.false)
    if told.alerts >= ENOUGH_ALERTS and wrong > told.alerts * (1 - LEAST_PRECISION):
        yield f"{wrong:,} of {told.alerts:,} fraud alerts touch nothing that was planted"


def cases_of(marks: Marks) -> tuple[int, int]:
    """Count the planted cases that were over, and those of them that were found."""
    return sum(mark.cases for mark in marks.kinds), sum(mark.found for mark in marks.kinds)
