"""Which message a record says it replays, by the documented rule, read apart from `topics/`.

Rules: `gamewax-replay-of` is `log:topic:partition:offset`, `gamewax-first-seen` epoch ms, `gamewax-replays` a
count from 1 to 999999; each is there once, in plain digits without leading zeros. It is believed for an
earlier message of the same log and partition that was first seen no later than the record itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from verify.poison.log import Record

OF, SEEN, TIMES = "gamewax-replay-of", "gamewax-first-seen", "gamewax-replays"
LONGEST = {"offset": 18, "seen": 15, "times": 6}  # digits


@dataclass(frozen=True, slots=True)
class Original:
    """The first message: its offset and time, and how often it was replayed."""

    offset: int
    first_seen_ms: int
    replays: int


def original(topic: str, log_id: str, of: Record) -> Original:
    """Give the message that a record stands for; itself when it replays none."""
    itself = Original(of.offset, of.arrived_ms, 0)
    ours = [(name, value) for name, value in of.headers if name in {OF, SEEN, TIMES}]
    given = dict(ours)
    place, offset = _cut(given.get(OF), f"{log_id}:{topic}:{of.partition}:")
    seen, times = _text(given.get(SEEN)), _text(given.get(TIMES))
    if not place or len(ours) != len(given) or len(given) < len(LONGEST):
        return itself
    if not all(map(_plain, (offset, seen, times), LONGEST.values())) or times == "0":
        return itself
    told = Original(int(offset), int(seen), int(times))
    believed = told.offset < of.offset and told.first_seen_ms <= of.arrived_ms
    return told if believed else itself


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _cut(value: str | bytes | None, begin: str) -> tuple[bool, str]:
    text = _text(value)
    return text.startswith(begin), text.removeprefix(begin)


def _plain(text: str, longest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= longest and (text == "0" or text[0] != "0")
