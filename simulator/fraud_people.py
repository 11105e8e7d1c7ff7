"""The shop's customers: where they live and with whom, their devices and habits, and how old accounts are.

Rules: told from the plan alone; only `created_ms` changes, when a fraud registers. The last quarter of the
accounts is in reserve: no honest visitor, but what frauds use, some of them years old. Homes hold one to five
players, and some are cafes or campuses of 20 to 40 behind one address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulator.fraud_addresses import Addresses, addresses
from simulator.plan import Bools, Ints, Plan

DAY_MS = 86_400_000
RESERVE = 4  # one account in so many
CAFES = 0.15  # share of players who play in one
SMALLEST_CAFE, LARGEST_CAFE = 20, 40
LARGEST_HOME = 5
FAMILY_TABLET = 10  # in one home of so many all play on one device
MOBILE, SECOND, BULK = 0.3, 0.3, 0.01  # shares of players: also on a phone's net, with two devices, in bulk
OLDEST_DAYS = 1000.0
NEWCOMERS, NEW_DAYS = 0.03, 3.0
NEW_HOMES = 0.01  # share of homes in which everybody is new
DEVICES = 4  # numbers of devices for each player


class Country(NamedTuple):
    """Code, region, index of its currency in `simulator.items.CURRENCIES`, share of the players."""

    code: str
    region: str
    currency: int
    share: float


COUNTRIES = (
    Country("US", "us", 0, 0.35),
    Country("DE", "eu", 1, 0.2),
    Country("FR", "eu", 1, 0.15),
    Country("JP", "ap", 2, 0.15),
    Country("KW", "eu", 3, 0.05),
    Country("CL", "us", 4, 0.05),
    Country("EC", "us", 0, 0.05),
)


@dataclass(frozen=True, slots=True)
class People:
    """All accounts, a row each; `established` is where the reserve begins."""

    established: int
    home: Ints  # number of the address
    country: Ints
    device: Ints  # number of the usual one
    mobile: Bools
    second: Bools
    bulk: Bools
    created_ms: Ints
    addresses: Addresses
    cafes: int  # the first so many homes are cafes
    began_ms: int  # of the run

    @property
    def count(self) -> int:
        """Count the accounts."""
        return self.home.size

    def currency(self, rows: Ints) -> Ints:
        """Give what players pay in."""
        return np.array([country.currency for country in COUNTRIES])[self.country[rows]]


def people(plan: Plan) -> People:
    """Make the customers of a run."""
    random, count = plan.random("people"), plan.people
    established = count - count // RESERVE
    home, cafes = _homes(random, established, count)
    homes = int(home[-1]) + 1
    country = random.choice(len(COUNTRIES), homes, p=[each.share for each in COUNTRIES])[home]
    rows, alone = np.arange(count), np.bincount(home)[home] > LARGEST_HOME
    tablet = (home % FAMILY_TABLET == 0) & ~alone & (rows < established)
    mobile, second, bulk = random.random((3, count)) < np.array([[MOBILE], [SECOND], [BULK]])
    return People(
        established=established,
        home=home,
        country=country,
        device=np.where(tablet, (count + home) * DEVICES, rows * DEVICES),
        mobile=mobile,
        second=second,
        bulk=bulk,
        created_ms=plan.start_ms - _ages_ms(random, home),
        addresses=addresses(homes, len(COUNTRIES), count),
        cafes=cafes,
        began_ms=plan.start_ms,
    )


def _homes(random: np.random.Generator, established: int, count: int) -> tuple[Ints, int]:
    """House the players: cafes first, then homes; the reserve lives alone. Also says how many cafes."""
    in_cafes = int(established * CAFES)
    cafes = random.integers(SMALLEST_CAFE, LARGEST_CAFE + 1, established // SMALLEST_CAFE + 1)
    many = int(np.searchsorted(np.cumsum(cafes), in_cafes))
    sizes = np.concatenate([cafes[:many], random.integers(1, LARGEST_HOME + 1, established)])
    shared = np.repeat(np.arange(sizes.size), sizes)[:established]
    alone = np.arange(count - established) + shared[-1] + 1
    return np.concatenate([shared, alone]), many


def _ages_ms(random: np.random.Generator, home: Ints) -> Ints:
    """Give the ages of accounts: most are months or years old, some days; in some homes everybody is new."""
    count = home.size
    fresh = random.random(int(home[-1]) + 1) < NEW_HOMES
    fresh &= np.bincount(home) <= LARGEST_HOME
    old = NEW_DAYS * (OLDEST_DAYS / NEW_DAYS) ** random.random(count)
    days = np.where((random.random(count) < NEWCOMERS) | fresh[home], random.random(count) * NEW_DAYS, old)
    ages: Ints = (days * DAY_MS).astype(np.int64)
    return ages
