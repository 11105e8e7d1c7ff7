"""Three that share no code agree on every form of poison: the corpus by hand, the judge, and decode."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topics.decode import EVENT_TIME, decode
from topics.registry import TOPICS
from verify.poison.contract import FIELDS, TIME_FIELD, Takes
from verify.poison.corpus import corpus
from verify.poison.form import BASE_MS, PLAIN, Form, spoiled
from verify.poison.judge import Dead, Event, judge
from verify.poison.spoil import VALUES, spoil
from verify.poison.stream import stream

FORMS = list(corpus())
NAMES = list(FIELDS)
of_each = pytest.mark.parametrize("topic", NAMES)


def judged(topic: str, values: Sequence[bytes | None], arrived: Sequence[int]) -> list[object]:
    """What the judge says of each: reason and field, or the cells."""
    told = [judge(topic, value, at) for value, at in zip(values, arrived, strict=True)]
    return [(of.reason, of.path) if isinstance(of, Dead) else cells(topic, of) for of in told]


def cells(topic: str, event: Event) -> dict[str, object]:
    """An event as decode's columns hold it."""
    found = {
        name: int(value * 10_000) if isinstance(value, Decimal) else value for name, value in event.items()
    }
    row = {name: found.get(name) for name in FIELDS[topic] if name != TIME_FIELD[topic]}
    numbers = [name for name, takes in FIELDS[topic].items() if takes is Takes.NUMBER]
    signless = {name: value + 0.0 for name in numbers if isinstance(value := row[name], float)}
    return row | signless | {EVENT_TIME: found["event_time"]}


def decoded(topic: str, values: Sequence[bytes | None], arrived: Sequence[int]) -> list[object]:
    """What decode says of each, in the same shape."""
    of = decode(TOPICS[topic], values, np.clip(np.array(arrived, np.int64), -(10**15), 10**15))
    found: dict[int, object] = {reject.row: (str(reject.reason), reject.path) for reject in of.rejects}
    found |= dict(zip(of.rows.tolist(), of.frame.to_dicts(), strict=True))
    return [found[row] for row in range(len(values))]


def agree(topic: str, values: Sequence[bytes | None], arrived: Sequence[int]) -> None:
    together, truth = decoded(topic, values, arrived), judged(topic, values, arrived)
    different = [
        (value, of, true) for value, of, true in zip(values, together, truth, strict=True) if of != true
    ]
    assert different == []


def test_the_corpus_is_large_and_each_form_has_a_name_of_its_own() -> None:
    assert len({form.name for form in FORMS}) > 1_000
    assert len({(form.topic, form.name) for form in FORMS}) == len(FORMS)
    assert {form.means for form in FORMS} == {
        None, "good", "tombstone", "oversize", "not_utf8", "not_json", "not_object", "field_missing",
        "field_type", "field_range", "time_invalid", "time_too_old", "time_future",
    }  # fmt: skip


def test_the_judge_says_of_each_form_what_is_written_by_hand() -> None:
    def says(form: Form) -> str:
        told = judge(form.topic, form.value, form.at_ms)
        return told.reason if isinstance(told, Dead) else "good"

    wrong = [(form.topic, form.name, form.means, says(form)) for form in FORMS if form.means is not None]
    assert [of for of in wrong if of[2] != of[3]] == []


@of_each
def test_decode_and_the_judge_agree_on_each_form_alone_and_among_others(topic: str) -> None:
    mine = [form for form in FORMS if form.topic == topic and len(form.key or b"") < 1_000]
    agree(topic, [form.value for form in mine], [form.at_ms for form in mine])
    for form in mine[::7]:
        agree(topic, [form.value], [form.at_ms])


@of_each
def test_decode_and_the_judge_agree_on_generated_messages(topic: str) -> None:
    messages = [of for of in stream(7, 9_000) if of.topic == topic and not of.form]
    for begin in range(0, len(messages), 300):
        some = messages[begin : begin + 300]
        agree(topic, [of.value for of in some], [of.at_ms for of in some])


def test_the_same_seed_gives_the_same_messages_and_another_one_others() -> None:
    one, same, other = (list(islice(stream(seed, 2_000), 8_000)) for seed in (3, 3, 4))
    assert one == same
    assert one != other


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@of_each
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_decode_and_the_judge_agree_on_any_values_in_any_fields(topic: str, data: st.DataObject) -> None:
    names = st.sampled_from([*FIELDS[topic], "unknown"])
    tokens = JSON.map(lambda value: json.dumps(value, ensure_ascii=True)) | st.sampled_from(VALUES)
    fields = data.draw(st.dictionaries(names, tokens, max_size=3))
    value = spoiled(topic, fields)
    agree(topic, [value, spoiled(topic), value], [BASE_MS, BASE_MS, 0])


@of_each
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(), bits=st.binary(max_size=20), at=st.integers(0, 200))
def test_decode_and_the_judge_agree_on_any_bytes(topic: str, seed: int, bits: bytes, at: int) -> None:
    good = spoiled(topic)
    spoilt = spoil(Random(seed), topic, dict(PLAIN[topic]))
    agree(topic, [bits, good[:at] + bits + good[at:], spoilt, bits + good], [BASE_MS] * 4)
