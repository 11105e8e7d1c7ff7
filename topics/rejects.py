"""What becomes of a message that is not an event: a value with a reason, never an exception.

Rules: the text of a reject is short, one line and holds nothing of the message but field names that
we know, so that it is safe to show anywhere. The raw bytes travel beside it, not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a message is a dead letter."""

    tombstone = "tombstone"
    oversize = "oversize"
    not_utf8 = "not_utf8"
    not_json = "not_json"
    not_object = "not_object"
    field_missing = "field_missing"
    field_type = "field_type"
    field_range = "field_range"
    time_invalid = "time_invalid"
    time_too_old = "time_too_old"
    time_future = "time_future"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one message: the reason, the field (`""`: the whole message) and a sentence."""

    reason: Reason
    path: str
    error: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A fault and the index of its message among the given values."""

    row: int
    reason: Reason
    path: str
    error: str
