"""Cells of ClickHouse's answers with the type that they must have."""

from __future__ import annotations

from decimal import Decimal

from topics.errors import Broken


def whole(value: object) -> int:
    """Take a whole number.

    Raises:
        Broken: it is something else.

    """
    if not isinstance(value, int):
        raise Broken(f"ClickHouse gave {value!r} where a whole number belongs")
    return value


def money(value: object) -> Decimal:
    """Take an amount of money.

    Raises:
        Broken: it is something else.

    """
    if not isinstance(value, Decimal):
        raise Broken(f"ClickHouse gave {value!r} where money belongs")
    return value


def measure(value: object) -> float:
    """Take a measure.

    Raises:
        Broken: it is something else.

    """
    if not isinstance(value, float):
        raise Broken(f"ClickHouse gave {value!r} where a measure belongs")
    return value
