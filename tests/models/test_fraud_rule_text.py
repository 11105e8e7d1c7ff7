"""Rules as text: the same rule from YAML and from a record, and every fault with its place."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fraud_expression import BadExpression
from models.fraud_rule import BadRule, Rule
from models.fraud_rule_text import record_of, rule_of, rule_of_record, version_of_key
from models.fraud_rule_yaml import read_rules
from topics.errors import BadInput, GamewaxError

GOOD = {"id": "odd", "version": 2, "when": "price > 3 and not first_purchase", "decision": "review"}
ALL = {
    **GOOD,
    "shadow": True,
    "suppress_s": 60,
    "effective_at": "2026-11-22T05:00:00.001Z",
    "owner": "fraud team",
    "description": "grün: 'odd' \"ones\"",
    "state": "retired",
}


def as_record(**changed: object) -> bytes:
    return json.dumps({name: value for name, value in (GOOD | changed).items() if value is not ...}).encode()


def faults(text: str) -> list[tuple[int, int, str]]:
    return [(fault.line, fault.column, fault.message) for fault in read_rules(text).faults]


def test_a_rule_says_only_what_it_must() -> None:
    rule = rule_of(as_record(mood="happy"))
    assert (rule.name, rule.when.text, rule.decision, rule.weight) == ("odd:2", GOOD["when"], "review", None)
    assert (rule.shadow, rule.suppress_s, rule.effective_at_ms, rule.state) == (False, 3600, 0, "active")
    assert (rule.owner, rule.description) == ("", "")


def test_yaml_json_and_a_record_are_the_same_rule() -> None:
    (_, from_json), *others = read_rules(json.dumps(ALL)).rules
    ((_, from_yaml),) = read_rules(
        "id: odd\nversion: 2\nwhen: >\n  price > 3\n  and not first_purchase\ndecision: review\nshadow: yes\n"
        "suppress_s: 60\neffective_at: 2026-11-22T06:00:00.001+01:00\nowner: fraud team\n"
        "description: |-\n  grün: 'odd' \"ones\"\nstate: retired"
    ).rules
    assert others == []
    assert rule_of(json.dumps(ALL).encode()) == from_json
    assert from_yaml.when.text == f"{GOOD['when']}\n"
    assert record_of(from_yaml)[1].replace(b"\\n", b"") == record_of(from_json)[1]
    assert from_json.effective_at_ms == 1_795_323_600_001


@given(
    st.fixed_dictionaries(
        {
            "id": st.from_regex(r"[a-z][a-z0-9_-]{0,10}", fullmatch=True).filter(
                lambda name: name != "model"
            ),
            "version": st.integers(1, (1 << 32) - 1),
            "shadow": st.booleans(),
            "suppress_s": st.integers(1, 2_592_000),
            "effective_at": st.integers(0, 4_291_747_199_999),
            "owner": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            "state": st.sampled_from(["active", "retired"]),
        }
    ),
    st.sampled_from([{"decision": "block"}, {"weight": 0.1}, {"weight": 1}]),
)
def test_a_rule_that_is_written_is_read_as_it_was(fields: dict[str, object], says: dict[str, object]) -> None:
    rule = rule_of(json.dumps({**fields, **says, "when": "price > 3"}).encode())
    assert rule_of_record(*record_of(rule)) == rule


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"id": ...}, "id", "id is required"),
        ({"id": "Odd Rule"}, "id", "ids are a-z"),
        ({"id": "model"}, "id", "is the model's"),
        ({"version": "2"}, "version", "must be an integer"),
        ({"version": 0}, "version", "versions are from 1"),
        ({"version": 1 << 32}, "version", "versions are from 1"),
        ({"when": ...}, "when", "when is required"),
        ({"decision": ...}, "decision", "a decision or a weight"),
        ({"weight": 0.5}, "decision", "a decision or a weight"),
        ({"decision": "ban"}, "decision", "one of allow, block, review"),
        ({"decision": ..., "weight": 1.5}, "weight", "above 0 and at most 1"),
        ({"decision": ..., "weight": "much"}, "weight", "must be a number"),
        ({"shadow": "yes"}, "shadow", "must be true or false"),
        ({"suppress_s": 0}, "suppress_s", "from 1 to 2592000"),
        ({"suppress_s": 2_592_001}, "suppress_s", "from 1 to 2592000"),
        ({"effective_at": "tomorrow"}, "effective_at", "RFC 3339"),
        ({"state": "off"}, "state", "one of active, retired"),
    ],
)
def test_a_bad_field_is_named(changed: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(BadRule, match=words) as told:
        rule_of(as_record(**changed))
    assert told.value.field == field


def test_a_bad_expression_is_told_with_its_place() -> None:
    with pytest.raises(BadExpression, match="line 1, column 13: there is no feature 'prise'"):
        rule_of(as_record(when="price > 3 * prise"))


def test_a_record_under_the_key_of_another_is_no_rule() -> None:
    """Compaction would take one of them away."""
    assert rule_of_record(b"odd:2", as_record()).version == 2
    with pytest.raises(BadRule, match="the key of rule odd:2 must be odd:2"):
        rule_of_record(b"odd:1", as_record())


@pytest.mark.parametrize("key", [b"", b"odd", b"odd:", b":1", b"odd:one", b"odd:-1", b"\xff:\xb2"])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(BadInput, match="id:version"):
        version_of_key(key)


HEAD = "id: odd\nversion: 1\n"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", (1, 1), "there is no rule"),
        ("# nothing\n", (1, 1), "there is no rule"),
        ("a: [", (1, 5), "this is no YAML"),
        ("\x07", (1, 1), "no YAML"),
        ("[" * 5_000, (1, 1), "nested too deep"),
        ("- 1\n", (1, 3), "a rule is fields with values"),
        (HEAD + "decision: block\n", (1, 1), "when is required"),
        (HEAD + "when: price > 3\ndecision: block\nshadwo: true\n", (5, 1), "did you mean 'shadow'?"),
        (HEAD + "when: price > 3\nversion: 2\ndecision: block\n", (4, 1), "version stands twice"),
        (HEAD + "when: price > 3\nweight: .nan\n", (4, 9), "must be a number"),
        (HEAD + "when: price > 3\nweight: [1]\n", (4, 9), "must be a number"),
        (HEAD + "when: price > 3\nowner: !!python/name:os.system x\n", (4, 8), "must be a string"),
        (HEAD + "when: price > 3\ndecision: ban\n", (4, 11), "one of allow, block, review"),
        (HEAD + "when: price > 3\ndecision: block\neffective_at: 2026-01-01\n", (5, 15), "RFC 3339"),
        (HEAD + "when: price > prise\nweight: 1\n", (3, 15), "did you mean 'price'?"),
        (HEAD + "when: 'price > prise'\nweight: 1\n", (3, 16), "did you mean 'price'?"),
        (HEAD + 'when: "price > prise"\nweight: 1\n', (3, 16), "did you mean 'price'?"),
        (HEAD + "when: price > 3 and\n  prise > 4\nweight: 1\n", (4, 3), "did you mean 'price'?"),
        (HEAD + "when: >-\n  price > 3\n  and prise > 4\nweight: 1\n", (5, 7), "did you mean 'price'?"),
        (HEAD + "when: |  # why\n  price > 3\n\n  and prise\nweight: 1\n", (6, 7), "did you mean 'price'?"),
        (HEAD + "when: 'price > ''3'\nweight: 1\n", (3, 16), "no expression"),
        (HEAD + "when: 'country == ''DE'' and prise'\nweight: 1\n", (3, 7), "no feature 'prise'"),
        (HEAD + "when: price > 3 and (\nweight: 1\n", (3, 22), "brackets do not match"),
        (HEAD + "when: country == 4\nweight: 1\n", (3, 7), "'country' (a text) is compared with a number"),
    ],
)
def test_a_fault_has_its_place_in_the_file(text: str, place: tuple[int, int], words: str) -> None:
    ((line, column, message),) = faults(text)
    assert ((line, column), words in message) == (place, True), message


def test_all_faults_are_told_at_once_and_the_good_rules_are_read() -> None:
    good = "- {id: a, version: 1, when: price > 1, weight: 0.5}\n"
    read = read_rules(good + "- {id: b, version: 1, when: prise > 1, weight: 2, mood: 1}\n- 5\n" + good)
    assert [(line, rule.name) for line, rule in read.rules] == [(1, "a:1"), (4, "a:1")]
    assert [(fault.line, fault.message[:20]) for fault in read.faults] == [
        (2, "when: there is no fe"),
        (2, "a rule has no field "),
        (3, "a rule is fields wit"),
        (4, "rule a:1 stands here"),
    ]


def test_an_alias_is_not_expanded() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1 or ''}, *a{n - 1 or ''}]\n" for n in range(1, 40)
    )
    assert len(read_rules(bomb).faults) == 41


def test_any_text_gives_rules_or_faults() -> None:
    """Damaged in a few places; what is read can be written."""
    text, rng = json.dumps(ALL) + "\n---\n" + HEAD + "when: |\n  price > 3\nweight: 1\n", random.Random(5)
    for _ in range(300):
        letters = list(text)
        for _ in range(rng.randrange(1, 6)):
            letters[rng.randrange(len(letters))] = rng.choice("\"'{}[]:,|>&*!%@`#-? \n\t\0\ud800x1é")
        read = read_rules("".join(letters))
        assert read.rules or read.faults
        for _, rule in read.rules:
            assert rule_of_record(*record_of(rule)) == rule


def test_any_bytes_give_a_rule_or_an_error_of_ours() -> None:
    rng, value = random.Random(6), json.dumps(ALL).encode()
    for _ in range(500):
        changed = bytearray(value)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        try:
            assert isinstance(rule_of(bytes(changed)), Rule)
        except GamewaxError:
            continue
