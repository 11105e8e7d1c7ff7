"""The accounts, devices and addresses that frauds use.

Rules: accounts come from the reserve one after the other, and from its beginning again when it is used up.
Addresses and devices were never seen before, but for addresses of an anonymizer, used again and again.
"""

from __future__ import annotations

import numpy as np

from simulator.fraud_people import DAY_MS, DEVICES, People
from simulator.plan import Ints

YOUNGEST_MS = 600_000  # between registration and fraud
ANONYMOUS_SHARE = 0.15


class Accounts:
    """What is left of the reserve; `registered` flags the accounts that the game knows."""

    def __init__(self, random: np.random.Generator, people: People) -> None:
        self.random = random
        self.people = people
        self.registered = np.zeros(people.count, np.bool_)
        self._next = people.established
        self._devices = people.count * 2 * DEVICES  # behind those of players and of homes
        self._addresses = people.addresses.others + people.addresses.exits

    def aged(self, count: int) -> Ints:
        """Take accounts that were registered long ago."""
        rows = self._next + np.arange(count)
        self._next += count
        past = rows >= self.people.count
        if past.any():
            rows = np.where(past, rows - self.people.count + self.people.established, rows)
            self._next = int(rows[-1]) + 1
        return rows

    def young(self, count: int, at_us: int, days: float) -> Ints:
        """Take accounts that are registered now, 10 minutes to so many days before."""
        rows = self.aged(count)
        ages = self.random.uniform(YOUNGEST_MS, days * DAY_MS, count).astype(np.int64)
        self.people.created_ms[rows] = at_us // 1000 - ages
        self.registered[rows] = False
        return rows

    def move(self, rows: Ints, other: int) -> None:
        """Let accounts live in the country of another one."""
        self.people.country[rows] = self.people.country[other]

    def device(self) -> int:
        """Take a new device."""
        self._devices += 1
        return self._devices

    def address(self) -> int:
        """Take a new address, or one of the anonymizer's."""
        if self.random.random() < ANONYMOUS_SHARE:
            return self.people.addresses.others + int(self.random.integers(self.people.addresses.exits))
        self._addresses += 1
        return self._addresses
