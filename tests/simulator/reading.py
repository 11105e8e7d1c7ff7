"""Events as the bytes say them, read by json and datetime alone."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

Event: TypeAlias = dict[str, str | int | Decimal]


def read(value: bytes | None) -> Event:
    """Read one good message; numbers with a point or exponent as they are written."""
    event: Event = json.loads(value or b"", parse_float=Decimal)
    return event


def ms(stamp: str | int | Decimal) -> int:
    """Read a time as clients write it; epoch ms."""
    if isinstance(stamp, int):
        return stamp
    return round(datetime.fromisoformat(str(stamp).replace("000000-", "000-")).timestamp() * 1000)
