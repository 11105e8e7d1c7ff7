"""One message to one event or one fault: the definition of what a good message is.

Rules: any bytes give an answer, never an exception, and the answer depends on nothing but the bytes and the
record's Kafka timestamp. The first that applies counts: tombstone, oversize, not_utf8, not_json
(`NaN` is no JSON; nor is nesting deeper than 64), not_object, then the fields in the struct's order:
missing, type, range or time; last the fields that the event's kind needs, and a time in the future.
JSON is RFC 8259, no byte order mark. Of a key given twice the last counts. Half a surrogate pair, which
no UTF-8 text can carry, is not_utf8. NUL in a known string is field_range.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import msgspec
import numpy as np

from topics import money, times
from topics.fields import ABSENT, IDS, MAX_BYTES, Field, Fields, Kind
from topics.rejects import Fault, Reason

MAX_DEPTH = 64
NUMBER_LIMIT = 1e12  # metrics of this size or more are refused, so that sums of millionths stay exact
WHOLE_DIGITS = 19

Cell = str | int | float | None
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
HALF_PAIR = re.compile(rb"(?<!\\)(\\++)u[dD][89a-fA-F][0-9a-fA-F]{2}")  # behind all backslashes before it
QUOTE = b'"'
FLAGS = {b"true": True, b"false": False}
JSON = msgspec.json.Decoder(msgspec.Raw)
NO_JSON = Fault(Reason.not_json, "", "the value is not JSON")
TOO_DEEP = Fault(Reason.not_json, "", f"nested deeper than {MAX_DEPTH}")
NO_OBJECT = Fault(Reason.not_object, "", "the value is JSON but not an object")
HALVED = Fault(Reason.not_utf8, "", "an escape is half a surrogate pair")


def decode_one(fields: Fields, time: str | None, value: bytes | None, arrived_ms: int) -> list[Cell] | Fault:
    """Judge one message; gives its cells in the order of `fields.all`, times as epoch ms."""
    raw = _parse(fields, value)
    if isinstance(raw, Fault):
        return raw
    row: list[Cell] = []
    for field, token in zip(fields.all, msgspec.structs.astuple(raw), strict=True):
        cell = field.blank if token is ABSENT and not field.required else _cell(field, bytes(token))
        if isinstance(cell, Fault):
            return cell
        row.append(cell)
    return _whole_event(fields, time, row, arrived_ms)


def is_utf8(value: bytes) -> bool:
    """Whether the bytes are UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_json(value: bytes) -> bool:
    """Whether UTF-8 bytes are one JSON value whose strings are text."""
    try:
        JSON.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _parse(fields: Fields, value: bytes | None) -> msgspec.Struct | Fault:
    if value is None:
        return Fault(Reason.tombstone, "", "the message has no value")
    if len(value) > MAX_BYTES:
        return Fault(Reason.oversize, "", f"{len(value)} bytes, the limit is {MAX_BYTES}")
    if not is_utf8(value):
        return Fault(Reason.not_utf8, "", "the value is not UTF-8")
    return _parse_text(fields, value)


def _parse_text(fields: Fields, value: bytes) -> msgspec.Struct | Fault:
    try:
        read = fields.decoder.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return _unreadable(value)
    return TOO_DEEP if _is_deep(value) else read


def _unreadable(value: bytes) -> Fault:
    """Name what keeps UTF-8 bytes from being a JSON object."""
    if is_json(value):
        return TOO_DEEP if _is_deep(value) else NO_OBJECT
    healed = HALF_PAIR.sub(_healed, value)
    if healed != value and is_json(healed):
        return TOO_DEEP if _is_deep(value) else HALVED
    return NO_JSON


def _healed(match: re.Match[bytes]) -> bytes:
    """Put another character in the place of half a pair; an even number of backslashes is no escape."""
    return match[1][:-1] + b"?" if len(match[1]) % 2 else match[0]


def _is_deep(value: bytes) -> bool:
    """Whether JSON is nested too deep; what is no JSON need not pay for the question."""
    return value.count(b"[") + value.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH


def _depth(value: bytes) -> int:
    text = np.frombuffer(STRING.sub(b"", value), np.uint8)
    opens = np.isin(text, (0x5B, 0x7B)).astype(np.int64)
    closes = np.isin(text, (0x5D, 0x7D)).astype(np.int64)
    return int(np.max(np.cumsum(opens - closes), initial=0))


def _cell(field: Field, token: bytes) -> Cell | Fault:
    """Read one JSON value; an empty token is an absent field."""
    if token in {b"", b"null"}:
        if field.required:
            return Fault(Reason.field_missing, field.name, f"{field.name} is required")
        return field.blank
    return READERS.get(field.kind, _text)(field, token)


def _text(field: Field, token: bytes) -> Cell | Fault:
    if token.startswith(QUOTE):
        text = msgspec.json.decode(token, type=str)
    elif field.kind is Kind.ANY or (field.kind in IDS and _is_integer(token)):
        text = token.decode()
    else:
        wanted = "a string or an integer" if field.kind in IDS else "a string"
        return Fault(Reason.field_type, field.name, f"{field.name} must be {wanted}")
    if field.kind is Kind.KEY and not text:
        return Fault(Reason.field_range, field.name, f"{field.name} must not be empty")
    if "\0" in text:
        return Fault(Reason.field_range, field.name, f"{field.name} must not hold NUL")
    return text


def _whole(field: Field, token: bytes) -> Cell | Fault:
    if not _is_integer(token):
        return Fault(Reason.field_type, field.name, f"{field.name} must be an integer")
    digits = token.lstrip(b"-")
    number = int(token) if len(digits) <= WHOLE_DIGITS else None
    if number is None or not -(1 << 63) <= number < 1 << 63:
        return Fault(Reason.field_range, field.name, f"{field.name} must fit into 64 bits")
    return number


def _number(field: Field, token: bytes) -> Cell | Fault:
    if token[0] not in b"-0123456789":
        return Fault(Reason.field_type, field.name, f"{field.name} must be a number")
    number = float(token)
    if not math.fabs(number) < NUMBER_LIMIT:
        return Fault(Reason.field_range, field.name, f"{field.name} must be smaller than 10^12")
    return number + 0.0  # -0.0 becomes 0.0


def _money(field: Field, token: bytes) -> Cell | Fault:
    if token.startswith(QUOTE):
        amount = money.from_text(msgspec.json.decode(token, type=str))
    elif token[0] in b"-0123456789":
        amount = money.from_text(token.decode())
    else:
        amount = Reason.field_type
    if amount is Reason.field_type:
        return Fault(amount, field.name, f"{field.name} must be a number, or a string that holds one")
    if isinstance(amount, Reason):
        wanted = "from 0 to below 10^12 with at most 4 decimals"
        return Fault(amount, field.name, f"{field.name} must be {wanted}")
    return amount


def _flag(field: Field, token: bytes) -> Cell | Fault:
    if token not in FLAGS:
        return Fault(Reason.field_type, field.name, f"{field.name} must be true or false")
    return FLAGS[token]


def _time(field: Field, token: bytes) -> Cell | Fault:
    if token.startswith(QUOTE):
        ms = times.from_text(msgspec.json.decode(token, type=str))
    elif _is_integer(token):
        digits = token.lstrip(b"-")
        ms = int(token) if len(digits) <= WHOLE_DIGITS else times.BEYOND_MS * (-1 if token != digits else 1)
    else:
        ms = None
    if ms is None:
        wanted = "RFC 3339 text with an offset, or integer epoch milliseconds"
        return Fault(Reason.time_invalid, field.name, f"{field.name} must be {wanted}")
    if ms < times.EARLIEST_MS:
        return Fault(Reason.time_too_old, field.name, f"{field.name} is before 1970")
    if ms > times.LATEST_MS:
        return Fault(Reason.time_future, field.name, f"{field.name} is after 2105 (milliseconds expected)")
    return ms


READERS: dict[Kind, Callable[[Field, bytes], Cell | Fault]] = {
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.TIME: _time,
    Kind.FLAG: _flag,
}


def _is_integer(token: bytes) -> bool:
    return token.removeprefix(b"-").isdigit()


def _whole_event(fields: Fields, time: str | None, row: list[Cell], arrived_ms: int) -> list[Cell] | Fault:
    """Judge what no field shows alone."""
    at, needs = fields.at, fields.needs
    if needs is not None:
        if needs.apply_to(str(row[at[needs.on]])):
            for name in needs.fields:
                if row[at[name]] is None:
                    return Fault(Reason.field_missing, name, f"{name} is required for this {needs.on}")
        elif row[at[needs.owner]] is not None and row[at[needs.blank]] is None:
            row[at[needs.blank]] = ""
    if time is not None:
        ms = row[at[time]]
        if isinstance(ms, int) and ms - times.AHEAD_MS > arrived_ms:
            return Fault(Reason.time_future, time, f"{time} is over 5 minutes ahead of its record")
    return row
