"""Rules sent to the topic `fraud-rules`, after all that can be checked has been.

Rules: a version that is there is never sent with other content, nor one that could never count. What was sent
is read back before it is said to count.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from cli.harmless import moment, now_ms
from cli.rules_checked import notes, read_files
from cli.rules_known import KnownRules, known_rules
from models.fraud_rule import SETTLES_MS, Rule
from models.fraud_rule_text import record_of
from settings import Kafka
from sinks.kafka import Deliveries, drain, open_producer, send
from sources.side_topic import SideTopic
from topics import times
from topics.errors import BadInput, Broken
from topics.fraud_rules import TOPIC


def publish_files(kafka: Kafka, names: Sequence[str], effective_at: str, *, shadow: bool) -> None:
    """Check and publish the rules of files, and say from when on each counts.

    Raises:
        BadInput: a file is no good, or a version must not be published.

    """
    given = [rule for file in read_files(names) for rule in file.rules]
    at_ms = time_of(effective_at)
    rules = [
        replace(rule, shadow=shadow or rule.shadow, effective_at_ms=at_ms or rule.effective_at_ms)
        for rule in given
    ]
    with known_rules(kafka) as (known, side):
        new = [rule for rule in rules if not is_there(known, rule)]
        for rule in new:
            refuse_early(rule, now_ms())
        for rule in rules:
            if rule not in new:
                print(f"{rule.name} is there already, word for word: nothing to publish")
        publish(kafka, known, side, new)


def retire_rule(kafka: Kafka, rule_id: str) -> None:
    """Publish the next version of a rule with the state `retired`.

    Raises:
        BadInput: there is no such rule.

    """
    with known_rules(kafka) as (known, side):
        versions = known.of(rule_id)
        if not versions:
            near = get_close_matches(rule_id, {name for name, _ in known.versions}, 1)
            hint = f"did you mean {near[0]}?" if near else "./gamewax rules list --all names all"
            raise BadInput(f"there is no rule {rule_id!r}; {hint}")
        last = versions[-1].rule
        if last.state == "retired":
            print(f"{last.name} is retired already: nothing to publish")
            return
        ended = replace(last, version=last.version + 1, state="retired", effective_at_ms=0)
        publish(kafka, known, side, [ended])


def publish(kafka: Kafka, known: KnownRules, side: SideTopic, rules: Sequence[Rule]) -> None:
    """Send rules, read them back and say from when on they count.

    Raises:
        Broken: somebody else published the same version at the same time.

    """
    if not rules:
        return
    before = dict(known.heard)
    producer, delivered = open_producer(kafka, TOPIC.name), Deliveries()
    for rule in rules:
        send(producer, TOPIC.name, *record_of(rule), delivered)
    drain(producer, delivered)
    side.wait_for(time.monotonic(), 0)
    for rule in rules:
        name = (rule.id, rule.version)
        if known.heard.get(name, 0) != before.get(name, 0) + 1 or known.versions[name].rule != rule:
            raise Broken(
                f"somebody else published {rule.name} just now: ./gamewax rules list tells what counts"
            )
        print(_published(rule, known.versions[name].from_ms))
        for note in notes(rule) if rule.state == "active" else ():
            print(f"  note: {note}")


def is_there(known: KnownRules, rule: Rule) -> bool:
    """Tell whether just this version is there.

    Raises:
        BadInput: the version is there with other content, or a higher one is.

    """
    versions = known.of(rule.id)
    last = versions[-1].rule.version if versions else 0
    there = known.versions.get((rule.id, rule.version))
    if there is not None and there.rule == rule:
        return True
    raised = f"make it version {last + 1}"
    if there is not None:
        raise BadInput(
            f"{rule.name} is there with other content ({there.source}) and stays as it is: {raised}"
        )
    if rule.version < last:
        raise BadInput(f"{rule.name} would never count, since {rule.id}:{last} is there: {raised}")
    return False


def refuse_early(rule: Rule, now: int) -> None:
    """Refuse a rule that would count for purchases that may be judged already.

    Raises:
        BadInput: it would.

    """
    if rule.effective_at_ms and rule.effective_at_ms < now + SETTLES_MS:
        raise BadInput(
            f"{rule.name} cannot count from {moment(rule.effective_at_ms)} on: purchases of then may be "
            "judged already; give a time that is a second ahead or more, or none, for at once"
        )


def time_of(text: str) -> int:
    """Read the time from which rules count; 0 when none is given.

    Raises:
        BadInput: it is no time.

    """
    ms = times.from_text(text) if text else 0
    if ms is None or not times.EARLIEST_MS <= ms <= times.LATEST_MS:
        raise BadInput(f"--effective-at must be a time like 2026-01-01T00:00:00Z, not {text!r}")
    return ms


def _published(rule: Rule, from_ms: int) -> str:
    """Say what a published rule does from now on."""
    ends = rule.state == "retired"
    does = "the rule ends" if ends else "it counts"
    shadow = " in shadow (it writes rows and tells nobody)" if rule.shadow and not ends else ""
    return f"{rule.name} is published: {does} for purchases that Kafka has from {moment(from_ms)} on{shadow}"
