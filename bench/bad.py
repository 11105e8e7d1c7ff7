"""Messages that are no events: every n-th of a load, in five ways in turn, each with its reason."""

from __future__ import annotations

from collections.abc import Callable


def _cut(value: bytes) -> bytes:
    return value[: len(value) // 2]


def _other_bytes(value: bytes) -> bytes:
    return value.replace(b"level_", b"\xff", 1)


def _nameless(value: bytes) -> bytes:
    return value.replace(b'"player_id"', b'"player"')


def _numbered(value: bytes) -> bytes:
    return value.replace(b'"event_type":"', b'"event_type":5,"was":"')


def _timeless(value: bytes) -> bytes:
    return value.replace(b'"timestamp":"', b'"timestamp":"x')


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "not_json": _cut,
    "not_utf8": _other_bytes,
    "field_missing": _nameless,
    "field_type": _numbered,
    "time_invalid": _timeless,
}


def spoiled(values: list[bytes], first: int, every: int) -> list[bytes]:
    """Spoil each message whose number `every` divides; `first` is the number of the first one."""
    ways = list(WAYS.values())
    values = values.copy()
    for at in range(-first % every, len(values), every):
        values[at] = ways[(first + at) // every % len(ways)](values[at])
    return values


def letters(events: int, every: int) -> dict[str, int]:
    """Count the dead letters of a load by their reason."""
    numbers = range(-(-events // every))
    return {reason: len(numbers[at :: len(WAYS)]) for at, reason in enumerate(WAYS)}
