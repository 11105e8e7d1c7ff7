"""Ways to spoil a good message: other values, keys and bytes, by chance.

Rules: what comes out may still be good, by luck; only the judge knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from random import Random

from verify.poison.contract import FIELDS
from verify.poison.form import TOPICS
from verify.poison.tokens import ODD_IDS, RIGHT, TIMES, WRONG

Fields = dict[str, str]
LONGEST = 200  # of a value
VALUES = sorted(
    token
    for token in {*chain(*WRONG.values()), *chain(*RIGHT.values()), *TIMES, *ODD_IDS.values()}
    if len(token) < LONGEST
)
BITS = (b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\0", b"\n", b"\xff", b"\xc3", b"e", b"-",
        b"9" * 30, b"null", b"\\ud83d", b"\xef\xbb\xbf", b'"":', b"NaN", b'{"a":', b"[[[[",
        b" ", b"\xed\xa0\x80")  # fmt: skip
DEEPEST = 4


def spoil(random: Random, topic: str, fields: Fields) -> bytes | None:
    """Spoil a message in one of the ways, now and then in two."""
    chance = random.random()
    if chance < 0.45:  # noqa: PLR2004 - shares
        return spelled(_values(random, topic, fields))
    if chance < 0.85:  # noqa: PLR2004
        value = random.choice(BYTES)(random, spelled(fields))
        return value if chance < 0.7 else random.choice(BYTES)(random, value)  # noqa: PLR2004
    if chance < 0.9:  # noqa: PLR2004
        return json.dumps(_any(random, DEEPEST), ensure_ascii=random.random() < 0.5).encode(  # noqa: PLR2004
            "utf-8", "surrogatepass"
        )
    return random.randbytes(random.randrange(60)) if chance < 0.99 else None  # noqa: PLR2004


def spelled(fields: Fields) -> bytes:
    """Write fields as a JSON object."""
    text = ",".join(f'"{name}":{token}' for name, token in fields.items())
    return f"{{{text}}}".encode("utf-8", "surrogatepass")


def _values(random: Random, topic: str, fields: Fields) -> Fields:
    names = list(fields)
    for _ in range(random.choice((1, 1, 2, 3))):
        name, chance = random.choice(names), random.random()
        if chance < 0.5:  # noqa: PLR2004
            fields[name] = random.choice(VALUES)
        elif chance < 0.6:  # noqa: PLR2004
            fields[name] = json.dumps(_any(random, 2))
        elif chance < 0.7:  # noqa: PLR2004
            fields.pop(name, None)
        elif chance < 0.9:  # noqa: PLR2004
            fields[random.choice(list(FIELDS[topic]))] = random.choice(VALUES)
        elif name in fields:
            fields[random.choice((name.upper(), f"{name} ", f"\\u{ord(name[0]):04x}{name[1:]}"))] = fields[
                name
            ]
    return fields


def _any(random: Random, depth: int) -> object:
    kind = random.randrange(9 if depth else 6)
    if kind > 7:  # noqa: PLR2004
        names = [random.choice(list(FIELDS[random.choice(TOPICS)])) for _ in range(random.randrange(4))]
        return {name: _any(random, depth - 1) for name in names}
    if kind > 5:  # noqa: PLR2004
        return [_any(random, depth - 1) for _ in range(random.randrange(4))]
    return (
        None, random.random() < 0.5, random.randrange(-(10**6), 10**6), random.uniform(-1e13, 1e13),  # noqa: PLR2004
        "".join(map(chr, random.choices((0, 9, 34, 65, 92, 233, 0x202E, 0xD800, 0x1F600), k=4))),
        float(random.choice(("nan", "inf", "1e300", "-0.0"))),
    )[kind]  # fmt: skip


def _flip(random: Random, value: bytes) -> bytes:
    if not value:
        return value
    at = random.randrange(len(value))
    return value[:at] + bytes([value[at] ^ (1 << random.randrange(8))]) + value[at + 1 :]


def _insert(random: Random, value: bytes) -> bytes:
    at = random.randrange(len(value) + 1)
    return value[:at] + random.choice(BITS) + value[at:]


def _delete(random: Random, value: bytes) -> bytes:
    at = random.randrange(len(value) + 1)
    return value[:at] + value[at + random.randrange(9) :]


def _cut(random: Random, value: bytes) -> bytes:
    return value[: random.randrange(len(value) + 1)]


def _splice(random: Random, value: bytes) -> bytes:
    at, to = random.randrange(len(value) + 1), random.randrange(len(value) + 1)
    return value[:at] + value[to:]


def _replace(random: Random, value: bytes) -> bytes:
    at = random.randrange(len(value) + 1)
    return value[:at] + random.choice(BITS) + value[at + 1 :]


BYTES: tuple[Callable[[Random, bytes], bytes], ...] = (_flip, _insert, _delete, _cut, _splice, _replace)
