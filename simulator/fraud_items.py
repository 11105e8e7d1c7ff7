"""What the shop offers when fraud is planted: the usual items and gifts, at list price, on sale, tampered.

Rules: an offer's row is ((factor * items + item) * currencies + currency) * spellings + spelling. A sale is
for everybody; a tampered price is what a broken or forged client sent.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from simulator.items import CURRENCIES, ITEMS, SPELLINGS
from simulator.plan import Floats, Ints

GIFTS: tuple[tuple[str, str], ...] = (('"gift_card_25"', "25.00"), ('"gift_crate"', "12.00"))
GOODS = (*ITEMS, *GIFTS)
CHEAP = (5, 6, 2)  # items for less than a dollar
DEAR = (3, 7, 8, 9)  # items for more than nine
GIFT = (8, 9)
WORTH = (0, 3, 4, 7, 8, 9)  # items for more than two: a price can be far below theirs
SALES = ("0.8", "0.7", "0.6", "0.5", "1.25")  # of the list price, for everybody
TAMPERED = ("0.1", "0.05", "0.01", "0.002")  # of the list price
FACTORS = ("1", *SALES, *TAMPERED)
LIST, FIRST_SALE, FIRST_TAMPERED = 0, 1, 1 + len(SALES)
GIFTS_SHARE = 0.06

DOLLARS: Floats = np.array([float(dollars) for _, dollars in GOODS])


def priced() -> list[tuple[str, str]]:
    """List each item at each of its prices, US dollars."""
    return [(item, str(Decimal(dollars) * Decimal(factor))) for factor in FACTORS for item, dollars in GOODS]


def popular() -> Floats:
    """Give the shares of the items, summed up to 1: the first ones sell best, gifts seldom."""
    weights = np.array([1 / (rank + 1) for rank in range(len(ITEMS))])
    shares = np.concatenate(
        [weights / weights.sum() * (1 - GIFTS_SHARE), np.full(len(GIFTS), GIFTS_SHARE / len(GIFTS))]
    )
    summed: Floats = np.cumsum(shares)
    return summed


def offer_of(factor: Ints, item: Ints, currency: Ints, spelling: Ints) -> Ints:
    """Give the rows of offers."""
    return ((factor * len(GOODS) + item) * len(CURRENCIES) + currency) * SPELLINGS + spelling


def parts_of(offer: Ints) -> tuple[Ints, Ints, Ints]:
    """Give factor, item and currency of offers."""
    kept = offer // SPELLINGS
    return kept // len(CURRENCIES) // len(GOODS), kept // len(CURRENCIES) % len(GOODS), kept % len(CURRENCIES)
