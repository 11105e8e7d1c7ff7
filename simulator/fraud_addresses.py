"""Addresses of the shop's customers, by number: homes, carriers, hotels, and where frauds come from.

Rules: an address is a number, written down in one way; one in ten is IPv6. Numbers next to each other are far
apart on the net, so frauds and homes share subnets and no range gives anybody away.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

OLD, SPREAD = 1 << 17, 40_503  # addresses of 198.18.0.0/15, and an odd number that shuffles them
MORE = 1 << 22  # addresses of 100.64.0.0/10, for those beyond
NEW_ADDRESS = 10  # one in so many is IPv6
FEWEST_CARRIERS, ON_CARRIER = 8, 1000  # in a country, shared by phones: one for so many accounts of all
FEWEST_HOTELS, ON_HOTEL = 200, 40
FEWEST_EXITS, ON_EXIT = 40, 200  # of the anonymizer, where frauds and some honest players come from


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the numbers of each sort begin; homes begin at 0."""

    carriers: int
    hotels: int
    others: int
    carriers_each: int  # in a country
    hotels_in_all: int
    exits: int  # of the anonymizer: the first of the others

    def sort_of(self, number: int) -> str:
        """Say what is at an address: home, carrier, hotel, or other."""
        if number >= self.others:
            return "other"
        return "hotel" if number >= self.hotels else "carrier" if number >= self.carriers else "home"


def addresses(homes: int, countries: int, accounts: int) -> Addresses:
    """Give out the numbers; the more accounts, the more addresses, so that none is more crowded."""
    carriers = max(FEWEST_CARRIERS, accounts // ON_CARRIER)
    hotels = max(FEWEST_HOTELS, accounts // ON_HOTEL)
    first = homes + countries * carriers
    exits = max(FEWEST_EXITS, accounts // ON_EXIT)
    return Addresses(homes, first, first + hotels, carriers, hotels, exits)


def address_text(number: pl.Expr) -> pl.Expr:
    """Write addresses.

    >>> numbers = pl.DataFrame({"n": [0, 1, 9, 200_000]})
    >>> numbers.select(address_text(pl.col("n"))).to_series().to_list()
    ['198.18.48.57', '198.18.206.112', '2001:db8:9:0::1', '100.85.136.249']
    """
    place = (number * SPREAD + 12_345) % OLD
    old = pl.format("198.{}.{}.{}", 18 + place // 65_536, place // 256 % 256, place % 256)
    far = (number * SPREAD + 12_345) % MORE
    more = pl.format("100.{}.{}.{}", 64 + far // 65_536, far // 256 % 256, far % 256)
    new = pl.format("2001:db8:{}:{}::1", number % 10_000, number // 10_000 % 10_000)
    return (
        pl.when(number % NEW_ADDRESS == NEW_ADDRESS - 1)
        .then(new)
        .when(number < OLD)
        .then(old)
        .otherwise(more)
    )
