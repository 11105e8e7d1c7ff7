"""All versions of all rules that there are: those that Gamewax brings along, and those on the topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models.fraud_rule import SETTLES_MS, Rule
from models.fraud_rule_text import rule_of_record, version_of_key
from settings import Kafka
from sources.rule_files import built_in_files
from sources.side_topic import SideTopic
from topics.errors import BadInput
from topics.fraud_rules import TOPIC

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a rule: since when it counts (epoch ms; 0: for all purchases) and where it is from."""

    rule: Rule
    from_ms: int
    source: str
    published_ms: int | None = None


@dataclass(slots=True)
class KnownRules:
    """What is known, by id and version; of two records of a version the later counts, as for flows."""

    versions: dict[tuple[str, int], Version] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    heard: dict[tuple[str, int], int] = field(default_factory=dict)  # records of each version on the topic

    def of(self, rule_id: str) -> list[Version]:
        """Give the versions of a rule, the lowest first."""
        return [of for _, of in sorted(self.versions.items()) if of.rule.id == rule_id]

    def state(self, of: Version, now_ms: int) -> str:
        """Say what a version is now: live, waits (for its time), replaced or retired."""
        higher = [other for other in self.of(of.rule.id) if other.rule.version > of.rule.version]
        if any(other.from_ms <= max(of.from_ms, now_ms) for other in higher):
            return "replaced"
        if of.from_ms > now_ms:
            return "waits"
        return "live" if of.rule.state == "active" else "retired"

    def hear_file(self, rule: Rule, path: Path) -> None:
        """Take a rule that Gamewax brings along."""
        self.versions[rule.id, rule.version] = Version(rule, 0, str(path.relative_to(ROOT)))

    def hear(self, key: bytes, value: bytes | None, kafka_ms: int, partition: int, offset: int) -> None:
        """Take a record of the topic; one that is no rule is kept among the bad ones."""
        try:
            if value is None:
                self.versions.pop(version_of_key(key), None)
            else:
                self._hear_rule(rule_of_record(key, value), kafka_ms)
        except BadInput as error:
            self.bad.append(f"{TOPIC.name}:{partition}:{offset}: {error}")

    def _hear_rule(self, rule: Rule, kafka_ms: int) -> None:
        name = (rule.id, rule.version)
        from_ms = max(rule.effective_at_ms, kafka_ms + SETTLES_MS)
        self.versions[name] = Version(rule, from_ms, f"topic {TOPIC.name}", kafka_ms)
        self.heard[name] = self.heard.get(name, 0) + 1


@contextmanager
def known_rules(kafka: Kafka) -> Iterator[tuple[KnownRules, SideTopic]]:
    """Read all rules, and keep up with the topic meanwhile.

    Raises:
        BadInput: Kafka does not answer, or has no such topic.

    """
    known = KnownRules()
    for file in built_in_files():
        for rule in file.rules:
            known.hear_file(rule, file.path)
    side = SideTopic(kafka, TOPIC.name, known.hear, time.monotonic)
    try:
        side.start()
        yield known, side
    finally:
        side.close()
