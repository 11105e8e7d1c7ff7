"""Which dead letters a command means: by reason, topic, time or id, as a condition with parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from topics import times
from topics.errors import BadInput
from topics.rejects import Reason

AGO = re.compile(r"(\d{1,6})([smhdw])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
ID = re.compile(r"(?:([0-9a-f]{8}):)?([A-Za-z0-9._-]{1,249}):(\d{1,10}):(\d{1,18})")

Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; an empty field means any."""

    reasons: tuple[str, ...] = ()
    topic: str = ""
    since_ms: int | None = None
    ids: tuple[str, ...] = ()

    def where(self) -> tuple[str, Values]:
        """Give the condition and its values.

        Raises:
            BadInput: an id is none.

        """
        tests = ["1"]
        values: Values = {}
        if self.reasons:
            tests.append("has({reasons:Array(String)}, toString(reason))")
            values["reasons"] = list(self.reasons)
        if self.topic:
            tests.append("topic = {topic:String}")
            values["topic"] = self.topic
        if self.since_ms is not None:
            tests.append("first_seen >= fromUnixTimestamp64Milli({since:Int64})")
            values["since"] = self.since_ms
        if self.ids:
            tests.append(
                f"({' OR '.join(_same_place(number, of, values) for number, of in enumerate(self.ids))})"
            )
        return " AND ".join(tests), values


def _same_place(number: int, letter_id: str, values: Values) -> str:
    """Give the condition for one id, and enter its values."""
    found = ID.fullmatch(letter_id)
    if found is None:
        raise BadInput(
            f"{letter_id!r} is no id of a dead letter: give topic:partition:offset or "
            "log:topic:partition:offset"
        )
    log, topic, partition, offset = found.groups()
    values |= {f"topic{number}": topic, f"partition{number}": int(partition), f"offset{number}": int(offset)}
    test = (
        f"(topic = {{topic{number}:String}} AND partition = {{partition{number}:Int64}} "
        f"AND offset = {{offset{number}:Int64}}"
    )
    if log is None:
        return test + ")"
    values[f"log{number}"] = log
    return f"{test} AND log = {{log{number}:String}})"


def since(text: str, now_ms: int) -> int | None:
    """Read a time (`2026-01-01T00:00:00Z`) or a span before now (`30s`, `10m`, `2h`, `3d`, `1w`); "": None.

    Raises:
        BadInput: it is neither.

    """
    if not text:
        return None
    ago = AGO.fullmatch(text)
    if ago is not None:
        return now_ms - int(timedelta(**{UNITS[ago[2]]: int(ago[1])}) / timedelta(milliseconds=1))
    ms = times.from_text(text)
    if ms is None:
        raise BadInput(
            f"--since must be a time like 2026-01-01T00:00:00Z or a span like 10m, 2h, 3d, not {text!r}"
        )
    return ms


def known_reasons(given: Iterable[str]) -> tuple[str, ...]:
    """Check reasons.

    Raises:
        BadInput: there is no such reason.

    """
    reasons = tuple(given)
    unknown = [reason for reason in reasons if reason not in set(Reason)]
    if unknown:
        raise BadInput(f"there is no reason {unknown[0]!r}; there are: {', '.join(Reason)}")
    return reasons
