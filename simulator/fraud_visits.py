"""Honest customers: they come, buy something, and go; some buy in bulk, some travel, some have two devices.

Rules: what may look like fraud and is none: cafes and carriers with many players on one address, bulk buyers
who confirm each purchase by hand, travellers on a hotel's net, players behind the anonymizer that frauds use,
new phones, phones that leave the home net in the middle of a visit, sales, and launches, when everybody buys
the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.fraud_items import CHEAP, FIRST_SALE, GOODS, LIST, SALES, WORTH, offer_of, popular
from simulator.fraud_people import COUNTRIES, People
from simulator.fraud_rows import NO_SESSION, Numbers, planned
from simulator.items import SPELLINGS
from simulator.plan import Bools, Floats, Ints
from simulator.players import ANONYMOUS

REGISTERS_US = 5_000_000  # before the first purchase of a visit
BASKETS = (0.55, 0.78, 0.92, 1.0)  # up to this share of visits have 1, 2, 3, 4 purchases
SMALLEST_BULK, LARGEST_BULK = 8, 25
GAP_US, SLOWEST = (
    8_000_000,
    8.0,
)  # between two purchases of a visit: at least; and up to so many times as much
LOYAL = 1.5  # the higher, the more the visits are those of a few
PHONE, OTHER_DEVICE = 0.25, 0.25  # shares of the visits of those who have them
WALKS = 0.08  # share of the visits on a phone that began at home
TRIP_MS, TRIPS = 2 * 86_400_000, 0.015  # a player is abroad in so many spans of two days
ANONYMIZED = 0.02  # share of players who hide their address
PHONE_LASTS_MS = 400 * 86_400_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
LAUNCH = 0.4  # share of the purchases in one hour of the day that are of one item
SALE_MS, SALE_LASTS_MS = 6 * 3_600_000, 3 * 3_600_000  # one item, every six hours, for three
MEAN_BASKET = 1.75
MEAN_BULK = (SMALLEST_BULK + LARGEST_BULK) / 2


@dataclass(frozen=True, slots=True)
class Places:
    """Where the visits of a block take place, and on what; a value a visit."""

    address: Ints
    second_address: Ints  # once the player has walked out of the house
    device: Ints
    country: Ints


class Visits:
    """The honest customers of one run."""

    def __init__(self, random: np.random.Generator, people: People, numbers: Numbers) -> None:
        self.began_ms = people.began_ms
        self.random = random
        self.people = people
        self.numbers = numbers
        self.popular = popular()
        self.rows = random.permutation(people.established)
        self.leaves_us = np.zeros(people.count, np.int64)
        self.salt = int(random.integers(1 << 30))

    def between(self, from_us: int, to_us: int, wanted: float) -> pl.DataFrame:
        """Let visits begin in a span that have about so many purchases in all."""
        who, begins_us = self._come(from_us, to_us, wanted)
        sizes = self._sizes(who)
        waits_us = self._waits_us(sizes)
        comes = self._not_there_yet(who, begins_us, begins_us + waits_us[np.cumsum(sizes) - 1])
        visit = np.repeat(np.arange(who.size), sizes)
        place = within(sizes)
        places = self._places(who, begins_us)
        walked = place * 2 >= sizes[visit]
        session = np.where(who % ANONYMOUS == 1, NO_SESSION, self.numbers.of_sessions(who.size))
        at_us = begins_us[visit] + waits_us
        columns = {
            "happened_us": at_us,
            "player": who[visit],
            "offer": self._offers(who, visit, at_us),
            "address": np.where(walked, places.second_address[visit], places.address[visit]),
            "device": places.device[visit],
            "country": places.country[visit],
            "session": session[visit],
        }
        return planned({name: values[comes[visit]] for name, values in columns.items()}, self.numbers)

    def _come(self, from_us: int, to_us: int, wanted: float) -> tuple[Ints, Ints]:
        """Draw who comes and when, so that they buy about so much in all."""
        bulk = self.people.bulk[: self.people.established].mean()
        count = int(self.random.poisson(wanted / (MEAN_BASKET * (1 - bulk) + MEAN_BULK * bulk)))
        who = self.rows[(self.random.random(count) ** LOYAL * self.rows.size).astype(np.int64)]
        return who, np.sort(self.random.integers(from_us, to_us, count)) + REGISTERS_US

    def _not_there_yet(self, who: Ints, begins_us: Ints, ends_us: Ints) -> Bools:
        """Flag the visits of players who are not in the shop already."""
        order = np.lexsort((begins_us, who))
        overlaps = (np.diff(who[order]) == 0) & (begins_us[order][1:] <= ends_us[order][:-1])
        comes = begins_us > self.leaves_us[who]
        comes[order[1:][overlaps]] = False
        np.maximum.at(self.leaves_us, who[comes], ends_us[comes])
        return comes

    def _sizes(self, who: Ints) -> Ints:
        usual = np.searchsorted(BASKETS, self.random.random(who.size), side="right") + 1
        many = self.random.integers(SMALLEST_BULK, LARGEST_BULK + 1, who.size)
        return np.where(self.people.bulk[who], many, usual.clip(max=len(BASKETS)))

    def _waits_us(self, sizes: Ints) -> Ints:
        """Give each purchase's time since its visit began: somebody confirms them one by one."""
        gaps = (GAP_US * SLOWEST ** self.random.random(int(sizes.sum()))).astype(np.int64)
        return summed_within(gaps, sizes)

    def _places(self, who: Ints, at_us: Ints) -> Places:
        people, luck = self.people, self.random.random((3, who.size))
        abroad = self._mixed(who, at_us // 1000 // TRIP_MS) < TRIPS
        phone = people.mobile[who] & (luck[0] < PHONE) & ~abroad
        country = np.where(abroad, (people.country[who] + 1) % len(COUNTRIES), people.country[who])
        there, day = people.addresses, at_us // 1000 // DAY_MS
        carrier = there.carriers + country * there.carriers_each + who % there.carriers_each
        hotel = there.hotels + (who * 31 + at_us // 1000 // TRIP_MS) % there.hotels_in_all
        hidden = self._mixed(who, 3) < ANONYMIZED
        exits = there.others + (who * 7 + day) % there.exits
        address = np.where(abroad, hotel, np.where(hidden, exits, people.home[who]))
        walks = phone & (luck[2] < WALKS)
        return Places(
            address=np.where(phone & ~walks, carrier, address),
            second_address=np.where(phone, carrier, address),
            device=people.device[who] + self._which_device(who, at_us, luck[1]),
            country=country,
        )

    def _which_device(self, who: Ints, at_us: Ints, luck: Floats) -> Ints:
        """Give 0 for the usual device, 1 for the second one, 2 for the phone after the usual one."""
        older_ms = (self._mixed(who, 5) * PHONE_LASTS_MS).astype(np.int64)
        phones, had = ((at + older_ms) // PHONE_LASTS_MS for at in (at_us // 1000, self.began_ms))
        other = self.people.second[who] & (luck < OTHER_DEVICE)
        return np.where(other, 1, np.where(phones > had, 2, 0))

    def _offers(self, who: Ints, visit: Ints, at_us: Ints) -> Ints:
        """Choose what is bought: what is popular; who buys in bulk buys one item, mostly a cheap one."""
        luck, fashion, spelling = self.random.random((3, visit.size))
        item = np.searchsorted(self.popular, luck, side="right").clip(max=len(GOODS) - 1)
        item = np.where((fashion < LAUNCH) & (self._launched(at_us) >= 0), self._launched(at_us), item)
        one = np.searchsorted(self.popular, self.random.random(who.size), side="right").clip(
            max=len(GOODS) - 1
        )
        cheap = self.random.choice(np.array(CHEAP), who.size)
        stock = np.where(self.random.random(who.size) < 2 / 3, cheap, one)
        item = np.where(self.people.bulk[who][visit], stock[visit], item)
        factor = np.where(item == self._on_sale(at_us), FIRST_SALE + self._sale(at_us), LIST)
        return offer_of(
            factor, item, self.people.currency(who)[visit], (spelling * SPELLINGS).astype(np.int64)
        )

    def _on_sale(self, at_us: Ints) -> Ints:
        """Name the item that is on sale at each time, or none (-1)."""
        slot, passed_ms = np.divmod(at_us // 1000, SALE_MS)
        item = (self._mixed(slot, 7) * len(GOODS)).astype(np.int64)
        return np.where(passed_ms < SALE_LASTS_MS, item, -1)

    def _launched(self, at_us: Ints) -> Ints:
        """Name the item that is launched in the hour of each time, or none (-1)."""
        day, passed_ms = np.divmod(at_us // 1000, DAY_MS)
        item = np.array(WORTH)[(self._mixed(day, 13) * len(WORTH)).astype(np.int64)]
        return np.where(passed_ms // HOUR_MS == (self._mixed(day, 17) * 24).astype(np.int64), item, -1)

    def _sale(self, at_us: Ints) -> Ints:
        sale: Ints = (self._mixed(at_us // 1000 // SALE_MS, 11) * len(SALES)).astype(np.int64)
        return sale

    def _mixed(self, one: Ints, other: Ints | int) -> Floats:
        """Give a number from 0 to 1 that follows from two numbers and the run alone."""
        mixed = (one * 2_654_435_761 + np.asarray(other) * 40_503 + self.salt) % (1 << 32)
        mixed = (mixed ^ (mixed >> 15)) * 668_265_263 % (1 << 32)
        mixed = (mixed ^ (mixed >> 13)) * 374_761_393 % (1 << 32)
        scaled: Floats = (mixed ^ (mixed >> 16)) / (1 << 32)
        return scaled


def within(sizes: Ints) -> Ints:
    """Number the members of each group from 0.

    >>> within(np.array([2, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    total = int(sizes.sum())
    return np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def summed_within(values: Ints, sizes: Ints) -> Ints:
    """Sum up values within each group, the first one left out.

    >>> summed_within(np.array([5, 1, 9, 2, 2]), np.array([2, 3])).tolist()
    [0, 1, 0, 2, 4]
    """
    total = np.cumsum(values)
    first = np.cumsum(sizes) - sizes
    since: Ints = total - np.repeat(total[first], sizes)
    return since
