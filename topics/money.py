"""Money as games write it: a decimal number to whole units of 10^-4.

Rules: judged on the text, never through a float, and by value: `1.50000` and `1e2` are good, `-0` is 0. Out
of range: negative, more than 4 decimals, 10^12 or more, and the words for no number (`NaN`, `Infinity`).
Any other text is no number. Time and memory follow from the length of the text, not from its exponent.
"""

from __future__ import annotations

import re

from topics.rejects import Reason

DECIMALS = 4
UNITS = 10**DECIMALS  # of an amount of 1
LIMIT_DIGITS = 12  # before the point: amounts are below 10^12
EXPONENT_DIGITS = 9  # more of them outweigh any mantissa that a message can hold
DECIMAL = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?)0*([0-9]+))?")
NO_NUMBER = re.compile(r"[+-]?(?:inf(?:inity)?|s?nan[0-9]*)", re.IGNORECASE | re.ASCII)


def from_text(text: str) -> int | Reason:
    """Read one amount, in units of 10^-4; gives the reason when it is none.

    >>> from_text("4.99"), from_text("1e2"), from_text("1.50000"), from_text("-0")
    (49900, 1000000, 15000, 0)
    >>> str(from_text("1e999999999")), str(from_text("NaN")), str(from_text("free"))
    ('field_range', 'field_range', 'field_type')
    """
    match = DECIMAL.fullmatch(text)
    if match is None:
        return Reason.field_range if NO_NUMBER.fullmatch(text) else Reason.field_type
    sign, whole, fraction, bare_fraction, exponent_sign, exponent = match.groups(default="")
    fraction += bare_fraction
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    if sign == "-" or len(exponent) > EXPONENT_DIGITS:
        return Reason.field_range
    shift = int(exponent_sign + (exponent or "0")) - len(fraction) + DECIMALS
    return _shifted(digits, shift)


def _shifted(digits: str, shift: int) -> int | Reason:
    """Give digits times ten to the power of `shift`, when it is whole and not too large."""
    significant = digits.rstrip("0")
    shift += len(digits) - len(significant)
    if shift < 0 or len(significant) + shift > LIMIT_DIGITS + DECIMALS:
        return Reason.field_range
    return int(significant + "0" * shift)
