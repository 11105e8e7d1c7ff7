"""The shop: items with a price in each currency, and the ways in which shops write a price.

Rules: prices are kept in units of 10^-4, so sums are exact; every spelling of an offer has its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from simulator.plan import Floats

UNITS = 10_000  # of an amount of 1
ITEMS: tuple[tuple[str, str], ...] = (  # JSON of the id, price in US dollars
    ('"skin_dragon"', "4.99"),
    ('"sword_of_dawn"', "1.25"),
    ('"potion_large"', "0.49"),
    ('"pass_season"', "9.99"),
    ('"Größe & Glanz"', "2.50"),
    ("1007", "0.0099"),
    ('"crate_common"', "0.10"),
    ('"crate_royal"', "99.90"),
)
DEAREST = len(ITEMS) - 1
CURRENCIES: tuple[tuple[str, str, int], ...] = (  # code, units of it for a dollar, decimals
    ("USD", "1", 4),
    ("EUR", "0.92", 2),
    ("JPY", "151", 0),
    ("KWD", "0.307", 3),
    ("CLF", "0.0251", 4),
)
SPELLINGS = 4


@dataclass(frozen=True, slots=True)
class Items:
    """All offers; an offer's row is (item * currencies + currency) * SPELLINGS + spelling.

    `offers` has item_id, currency, units (of 10^-4) and text; `popular` sums up the items' shares to 1.
    """

    offers: pl.DataFrame
    popular: Floats


def items(priced: Sequence[tuple[str, str]] = ITEMS) -> Items:
    """Make the catalogue of items with their prices in US dollars: the first items sell best."""
    rows = [
        (
            item.strip('"'),
            code,
            int(price * UNITS),
            f'"item_id":{item},"price":{written},"currency":"{code}","purchase_timestamp":',
        )
        for item, dollars in priced
        for code, per_dollar, decimals in CURRENCIES
        for price in [price_of(dollars, per_dollar, decimals)]
        for written in spellings(price)
    ]
    weights = pl.Series([1 / (rank + 1) for rank in range(len(priced))], dtype=pl.Float64)
    schema = {"item_id": pl.String, "currency": pl.String, "units": pl.Int64, "text": pl.String}
    return Items(
        pl.DataFrame(rows, schema=schema, orient="row"), (weights.cum_sum() / weights.sum()).to_numpy()
    )


def price_of(dollars: str, per_dollar: str, decimals: int) -> Decimal:
    """Give a price with as many decimals as the currency has; never nothing."""
    smallest = Decimal(1).scaleb(-decimals)
    return max((Decimal(dollars) * Decimal(per_dollar)).quantize(smallest), smallest)


def spellings(price: Decimal) -> tuple[str, str, str, str]:
    """Write a price in JSON: a number, a string, with more zeros than needed, with an exponent.

    >>> spellings(Decimal("4.99"))
    ('4.99', '"4.99"', '"4.990000"', '499e-2')
    """
    exponent = int(price.as_tuple().exponent)
    return f"{price}", f'"{price}"', f'"{price:.6f}"', f"{price.scaleb(-exponent):f}e{exponent}"
