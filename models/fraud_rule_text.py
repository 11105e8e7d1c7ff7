"""Rules as text: the JSON of a record on the topic `fraud-rules`, read to a rule and written again.

Rules:
- The fields and their types are the topic's (`topics.fraud_rules`), the expression is checked against the
  features, and the rule itself against its own bounds: what passes here can be judged by.
- Reading is lenient to fields that it does not know, as everywhere; publishing is not (`fraud_rule_yaml`).
- The same rule is always the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import cast

from models.fraud_catalogue import FEATURES
from models.fraud_expression import compile_expression
from models.fraud_kinds import Kind
from models.fraud_rule import BadRule, Decision, Rule, State
from topics.errors import BadInput
from topics.fields import fields_of
from topics.fraud_rules import FraudRule, record_key
from topics.rejects import Fault
from topics.strict import Cell, decode_one

FIELDS = fields_of(FraudRule)
KINDS: Mapping[str, Kind] = MappingProxyType({name: of.kind for name, of in FEATURES.items()})
SUPPRESS_S = 3_600  # of a rule that does not say
NEXT_ID = ":"  # between id and version in a record's key

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rule_of(value: bytes) -> Rule:
    """Read a rule from a record's value.

    Raises:
        BadRule: a field is missing, or is not what it must be; names it.
        BadExpression: the expression cannot be used; says where in it.

    """
    cells = decode_one(FIELDS, None, value, 0)
    if isinstance(cells, Fault):
        raise BadRule(cells.path, cells.error)
    return _rule(dict(zip(FIELDS.at, cells, strict=True)))


def rule_of_record(key: bytes, value: bytes) -> Rule:
    """Read a rule from a record, whose key must be that of its id and version.

    Raises:
        BadRule: as `rule_of`; or the key is another's.
        BadExpression: the expression cannot be used; says where in it.

    """
    rule = rule_of(value)
    if key != record_key(rule.id, rule.version):
        raise BadRule("", f"the key of rule {rule.name} must be {rule.name}, so that every version is kept")
    return rule


def version_of_key(key: bytes) -> tuple[str, int]:
    """Give the id and version that a record's key names.

    Raises:
        BadInput: it names none.

    >>> version_of_key(b"card_testing:3")
    ('card_testing', 3)

    """
    rule_id, _, version = key.decode(errors="replace").rpartition(NEXT_ID)
    if not rule_id or not (version.isascii() and version.isdigit()):
        raise BadInput(f"the key of a rule is id:version, such as card_testing:3, not {key[:80]!r}")
    return rule_id, int(version)


def record_of(rule: Rule) -> tuple[bytes, bytes]:
    """Write a rule as a record: key and value."""
    fields: dict[str, object] = {"id": rule.id, "version": rule.version, "when": rule.when.text}
    if rule.decision is None:
        fields["weight"] = rule.weight
    else:
        fields["decision"] = rule.decision
    fields |= {"shadow": rule.shadow, "suppress_s": rule.suppress_s}
    if rule.effective_at_ms:
        fields["effective_at"] = moment(rule.effective_at_ms)
    fields |= {"owner": rule.owner, "description": rule.description, "state": rule.state}
    value = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return record_key(rule.id, rule.version), value.encode()


def moment(ms: int) -> str:
    """Write epoch milliseconds as RFC 3339 in UTC.

    >>> moment(1_767_225_600_005)
    '2026-01-01T00:00:00.005Z'

    """
    text = (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def spanning(rule: Rule) -> list[str]:
    """Name the features of a rule whose values depend on the order in which partitions are read."""
    return [name for name in rule.when.names if FEATURES[name].spans]


def _rule(cells: Mapping[str, Cell]) -> Rule:
    """Make the rule of fields that are of the right types."""
    weight, suppress_s = cells["weight"], cells["suppress_s"]
    return Rule(
        id=str(cells["id"]),
        version=int(cells["version"] or 0),
        when=compile_expression(str(cells["when"]), KINDS),
        decision=cast(Decision | None, cells["decision"]),
        weight=None if weight is None else float(weight),
        shadow=bool(cells["shadow"]),
        suppress_s=SUPPRESS_S if suppress_s is None else int(suppress_s),
        effective_at_ms=int(cells["effective_at"] or 0),
        owner=str(cells["owner"] or ""),
        description=str(cells["description"] or ""),
        state=cast(State, cells["state"] or "active"),
    )
