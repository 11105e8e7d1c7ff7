"""Poison around the value: keys, headers and the record's own time; forged signs of a replay.

Rules: in a header's value `<log>`, `<partition>`, `<own>`, `<next>` and `<before>` stand for the message's
own place; `produce` fills them in. Only a replay of an earlier message of the same log and partition is
believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from verify.poison.form import BASE_MS, GOOD, TOPICS, Form, Header, spoiled

KEYS: dict[str, bytes | None] = {
    "no key": None, "an empty key": b"", "a binary key": b"\0\xff\xfe\x80", "a key of 1 MB": b"k" * 1_000_000,
    "a binary key of 1 MB": b"\xff" * 1_000_000, "a key with escape sequences": b"\x1b[2J\x1b]0;x\x07\r\n",
    "a key with a direction mark": "\u202e".encode(), "a key of backslashes": b"\\N\\x00\\",
    "a key of JSON": b'{"player_id":"x"}', "a key of a place": b"0a1b2c3d:player-events:0:0",
}  # fmt: skip
OF, SEEN, TIMES = "gamewax-replay-of", "gamewax-first-seen", "gamewax-replays"


def _replay(of: str, seen: str = "<time>", times: str = "1") -> tuple[Header, ...]:
    return (OF, of.encode()), (SEEN, seen.encode()), (TIMES, times.encode())


HERE = "<log>:<topic>:<partition>:"
HEADERS: dict[str, tuple[Header, ...]] = {
    "10,000 headers": tuple((f"h{number}", b"x") for number in range(10_000)),
    "a header of 1 MB": (("trace", b"x" * 1_000_000),),
    "a header's name of 100 kB": (("n" * 100_000, b"x"),),
    "a header with an empty name": (("", b"x"),),
    "a header of null": (("trace", None),),
    "a header of no text": (("trace", b"\xff\xfe\0"),),
    "the same header twice": (("trace", b"1"), ("trace", b"2")),
    "a header's name of no UTF-8": ((b"gamewax-\xff", b"x"),),
    "replay of itself": _replay(HERE + "<own>"),
    "replay of the next message": _replay(HERE + "<next>"),
    "replay of a message far ahead": _replay(HERE + "99999999999999999"),
    "replay of a negative offset": _replay(HERE + "-1"),
    "replay of an offset beyond 64 bits": _replay(HERE + "9" * 30),
    "replay of another log": _replay("00000000:<topic>:<partition>:0"),
    "replay of another topic": _replay("<log>:dead-letters:<partition>:0"),
    "replay of another partition": _replay("<log>:<topic>:99999999:0"),
    "replay of no place": _replay("x" * 1000),
    "replay of a place with a line end": _replay(HERE + "0\n"),
    "replay of a place with digits of Unicode": _replay(HERE + "\u0660"),
    "replay of a place with a leading zero": _replay(HERE + "00"),
    "replay first seen in the future": _replay(HERE + "<before>", seen="99999999999999"),
    "replay first seen before time": _replay(HERE + "<before>", seen="-1"),
    "replay first seen at no time": _replay(HERE + "<before>", seen="NaN"),
    "replay for the 0th time": _replay(HERE + "<before>", times="0"),
    "replay for the 10,000,000th time": _replay(HERE + "<before>", times="10000000"),
    "replay for the -1st time": _replay(HERE + "<before>", times="-1"),
    "replay with a header too many": (*_replay(HERE + "<before>"), (TIMES, b"2")),
    "replay with a header too few": _replay(HERE + "<before>")[:2],
    "replay with null headers": ((OF, None), (SEEN, None), (TIMES, None)),
    "replay in capitals": ((OF.upper(), (HERE + "<before>").encode()),),
    "a believed replay": _replay(HERE + "<before>"),
    "a believed replay of the first message": _replay(HERE + "0", seen="0", times="999999"),
}  # fmt: skip
RECORD_TIMES = {
    "no record time": -1, "a negative record time": -1_000_000, "a record of 1970": 1,
    "a record of 2300": 10_413_792_000_000, "a record of year 3000": 32_503_680_000_000,
    "a record of year 10000": 253_402_300_800_000, "a record in microseconds": BASE_MS * 1000,
    "a record in nanoseconds": BASE_MS * 10**6, "a record of the last millisecond": 2**63 - 1,
    "a record long before year 0": -(10**15), "a record of the first millisecond": -(2**63) + 1,
}  # fmt: skip


def forms() -> Iterator[Form]:
    """Give every form, around a good and around a bad value."""
    for topic in TOPICS:
        values = {GOOD: spoiled(topic), "not_json": b'{"bad', "not_utf8": b"\x1b[31m\xff"}
        for (means, value), (name, key) in product(values.items(), KEYS.items()):
            yield Form(f"{name}, {means}", topic, value, means, key)
        for (means, value), (name, headers) in product(values.items(), HEADERS.items()):
            yield Form(f"{name}, {means}", topic, value, means, headers=headers)
        for (means, value), (name, at_ms) in product(values.items(), RECORD_TIMES.items()):
            early = means == GOOD and at_ms < BASE_MS - 300_000
            yield Form(f"{name}, {means}", topic, value, "time_future" if early else means, at_ms=at_ms)
        yield replace(next(_twice(topic)), name="a believed replay, good, once more")


def _twice(topic: str) -> Iterator[Form]:
    yield Form("", topic, spoiled(topic), GOOD, headers=_replay(HERE + "<before>"))
