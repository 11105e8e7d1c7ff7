"""Numbers as they stand in a batch's text, read at many positions at once.

Rules: only the common forms are known here; what is not sure is for `topics.strict`. Whether a token is
JSON (`01` is not) is left to the reader of the whole text.
"""

from __future__ import annotations

import numpy as np

from topics.lines import QUOTE, Bools, Bytes, Ints, Lines
from topics.money import DECIMALS, LIMIT_DIGITS

LONGEST_WHOLE = 18  # digits and sign of an integer: always fits into 64 bits
LONGEST_NUMBER = 23  # digits, sign and point of any number: one byte less than three words
ENDS = np.frombuffer(b",} \n", np.uint8)
POWERS = 10 ** np.arange(DECIMALS + 1, dtype=np.int64)


def numbers(lines: Lines, at: Ints) -> tuple[Bools, Bools]:
    """Tell which bare tokens are short integers, and which are short numbers without an exponent."""
    text = _texts(lines, at, 3)
    digits = (text - 48) < 10  # noqa: PLR2004 - unsigned: below "0" wraps to something large
    body = digits | (text == ord("-")) | (text == ord("."))
    size = np.argmin(body, axis=1)
    number = (size > 0) & np.isin(text[np.arange(at.size), size], ENDS)
    pointed = ((text == ord(".")) & (np.arange(LONGEST_NUMBER + 1) < size[:, None])).any(axis=1)
    minus_zero = (text[:, 0] == ord("-")) & (text[:, 1] == ord("0"))
    return number & ~pointed & ~minus_zero & (size <= LONGEST_WHOLE), number


def amounts(lines: Lines, at: Ints) -> tuple[Ints, Bools]:
    """Read money that begins at each position, bare or as a string: units of 10^-4, and which are sure.

    Sure are digits with up to 4 decimals after a point, 15 characters at most.
    """
    quoted = lines.codes[at] == QUOTE
    columns = np.ascontiguousarray(_texts(lines, at + quoted, 2).T)
    units, whole_digits, decimals = (np.zeros(at.size, np.int64) for _ in range(3))
    reading, pointed = np.ones(at.size, np.bool_), np.zeros(at.size, np.bool_)
    ended = np.zeros(at.size, np.bool_)
    for column in columns:
        number = column - 48  # unsigned: what is no digit becomes 10 or more
        digit = reading & (number < 10)  # noqa: PLR2004
        units = np.where(digit, units * 10 + number, units)
        decimals += digit & pointed
        whole_digits += digit & ~pointed
        point = reading & (column == ord(".")) & ~pointed & (whole_digits > 0)
        pointed |= point
        stops = reading & ~digit & ~point
        ended |= stops & np.where(quoted, column == QUOTE, np.isin(column, ENDS))
        reading &= ~stops
        if not reading.any():
            break
    sure = ended & (whole_digits > 0) & (whole_digits <= LIMIT_DIGITS)
    sure &= (decimals <= DECIMALS) & (pointed == (decimals > 0))
    return np.where(sure, units * POWERS[DECIMALS - decimals * sure], 0), sure


def _texts(lines: Lines, at: Ints, words: int) -> Bytes:
    """Read some words at each position; a row of bytes each."""
    return np.stack([lines.words_at(at + 8 * word) for word in range(words)], axis=1).view(np.uint8)
