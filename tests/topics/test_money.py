"""Money against Python's decimals, and numbers against Python's floats."""

from __future__ import annotations

import json
import random
import time
from decimal import Context, Decimal, InvalidOperation

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.topics.batches import ARRIVED_MS, EVENTS
from topics import money
from topics.decode import decode
from topics.rejects import Reason

EXACT = Context(prec=100_000, Emax=10**12, Emin=-(10**12), traps=[InvalidOperation])
PURCHASE = '{"player_id":"p","item_id":"i","price":%s,"currency":"U","purchase_timestamp":1,"ip_address":"a"}'
SAMPLE = '{"server_id":"s","cpu_load":%s,"memory_usage":1,"latency":1,"timestamp":"2026-11-22T05:00:00Z"}'
GRAMMAR = st.from_regex(r"\A[+-]?([0-9]{1,15}(\.[0-9]{0,8})?|\.[0-9]{1,6})([eE][+-]?[0-9]{1,4})?\Z")


def by_decimals(text: str) -> int | Reason:
    """Judge an amount with Python's own decimals, less what is no decimal notation: spaces and `_`."""
    if not text.isascii() or "_" in text or text != text.strip():
        return Reason.field_type
    try:
        amount = Decimal(text, EXACT)
    except InvalidOperation:
        return Reason.field_type
    if not amount.is_finite():
        return Reason.field_range
    if amount == 0:
        return 0
    if amount < 0 or amount.adjusted() >= 12 or amount.normalize(EXACT).as_tuple().exponent < -4:  # type: ignore[operator]
        return Reason.field_range
    return int(amount.scaleb(4, EXACT))


@settings(max_examples=300, deadline=None)
@given(GRAMMAR | st.text() | st.text(alphabet="0123456789.eE+-naifNIty_ "))
@example("1.50000")
@example("1e2")
@example("-0.0e5")
@example("999999999999.99990")
@example("1000000000000")
@example("0.00001")
@example("0.0000100000e1")
@example("-NaN123")
@example("sNaN")
@example("+Infinity")
@example("infinit")
@example("1\n")
@example("\u0661")
@example("00000000000000000000000000012.5")
def test_an_amount_is_judged_as_by_decimals(text: str) -> None:
    assert money.from_text(text) == by_decimals(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e999999999999999999999999", Reason.field_range),
        ("1e-999999999999999999999999", Reason.field_range),
        ("0e999999999999999999999999", 0),
        ("1e+00000000000000000000001", 100_000),
        ("0." + "0" * 900_000 + "1e900001", 10_000),
        ("1" + "0" * 900_000 + "e-900000", 10_000),
        ("9" * 900_000, Reason.field_range),
    ],
    ids=range(7),
)
def test_a_huge_exponent_costs_nothing(text: str, expected: int | Reason) -> None:
    began = time.process_time()
    assert money.from_text(text) == expected
    assert time.process_time() - began < 1


def amount(rng: random.Random) -> str:
    """Write an amount in one of many forms, now and then a bad one."""
    whole, decimals = rng.randrange(10 ** rng.randrange(1, 14)), rng.randrange(7)
    fraction = f".{rng.randrange(10**decimals):0{decimals}d}" if decimals else ""
    odd = rng.choice(["-", "+", "0", " ", "x"]) if rng.random() < 0.03 else ""
    return f"{odd}{whole}{fraction}{rng.choice(['e1', 'e-2', '.', ' ', 'e']) if rng.random() < 0.03 else ''}"


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_a_column_of_amounts_is_judged_as_by_decimals(share: float) -> None:
    rng = random.Random(3)
    texts = [amount(rng) if rng.random() < share else f"{rng.randrange(10**6) / 100}" for _ in range(3000)]
    values = [(PURCHASE % json.dumps(text)).encode() for text in texts]
    batch = decode(EVENTS["purchase-events"], values, np.full(len(values), ARRIVED_MS))
    got: list[int | Reason] = [0] * len(texts)
    for row, units in zip(batch.rows.tolist(), batch.frame["price"].to_list(), strict=True):
        got[row] = units
    for reject in batch.rejects:
        got[reject.row] = reject.reason
    assert got == [by_decimals(text) for text in texts]


def number(rng: random.Random) -> str:
    """Write a number below 10^12 in one of many lengths, often close to the middle between two floats."""
    if rng.random() < 0.3:
        low = rng.random() * 10.0 ** rng.randrange(-20, 12)
        return str((Decimal(low) + Decimal(float(np.nextafter(low, np.inf)))) / 2).replace("E", "e")
    whole, digits = rng.randrange(10 ** rng.randrange(1, 13)), rng.randrange(1, 25)
    exponent = rng.choice(["", "", "", f"e-{rng.randrange(340)}"])
    return f"{whole}.{rng.randrange(10**digits):0{digits}d}{exponent}"


def test_numbers_are_those_of_python_to_the_last_bit() -> None:
    rng = random.Random(4)
    texts = [number(rng) for _ in range(20_000)]
    values = [(SAMPLE % text).encode() for text in texts]
    batch = decode(EVENTS["server-metrics"], values, np.full(len(values), 1_795_323_600_000))
    assert batch.frame["cpu_load"].to_list() == [float(text) for text in texts]
