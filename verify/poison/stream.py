"""The messages of one run: the corpus with good messages between, then as many seeded ones as asked for.

Rules: the same seed gives the same bytes, places and times. Half of what is generated is good; the rest
are good messages spoiled byte by byte or value by value, and random bytes. Time goes on `STEP_MS` a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

from verify.poison.corpus import corpus
from verify.poison.form import BASE_MS, GOOD, TOPICS, Form, Header
from verify.poison.good import good
from verify.poison.spoil import spoil

PARTITIONS = 4
STEP_MS = 5
GOOD_SHARE, REPEATED = 0.5, 0.03
RECENT = 100


@dataclass(frozen=True, slots=True)
class Sending:
    """One message on its way; `form` and `means` as in the corpus, empty and None for a generated one."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    at_ms: int
    headers: tuple[Header, ...] = ()
    form: str = ""
    means: str | None = None


def stream(seed: int, generated: int) -> Iterator[Sending]:
    """Give all messages of a run, in order."""
    random = Random(seed)  # noqa: S311  a test, not a secret
    for number, form in enumerate(corpus()):
        yield _of_form(form, number % PARTITIONS)
        yield _good(random, form.topic, number % PARTITIONS, BASE_MS)
    yield from islice(_endless(random), generated)


def _endless(random: Random) -> Iterator[Sending]:
    recent: list[Sending] = []
    at_ms = BASE_MS
    while True:
        at_ms += STEP_MS
        chance, topic, partition = random.random(), random.choice(TOPICS), random.randrange(PARTITIONS)
        if recent and chance < REPEATED:
            yield random.choice(recent)
        elif chance < GOOD_SHARE:
            sending = _good(random, topic, partition, at_ms)
            recent = [*recent[-RECENT:], sending]
            yield sending
        else:
            value = spoil(random, topic, good(random, topic, at_ms))
            yield Sending(topic, partition, b"spoiled", value, at_ms)


def _good(random: Random, topic: str, partition: int, at_ms: int) -> Sending:
    fields = good(random, topic, at_ms)
    text = "{" + ",".join(f'"{name}":{token}' for name, token in fields.items()) + "}"
    return Sending(topic, partition, b"good", text.encode(), at_ms, means=GOOD)


def _of_form(form: Form, partition: int) -> Sending:
    return Sending(
        form.topic, partition, form.key, form.value, form.at_ms, form.headers, form.name, form.means
    )
