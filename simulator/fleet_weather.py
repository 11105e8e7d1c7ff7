"""How many play, by region and minute: day and night, weekends, tournaments, and the weather of chance.

Rules: a share of the busiest hour's players. A tournament fills a region slowly by a quarter for two hours:
that is no fault. Chance has a memory: what is more than usual stays so for a while.
"""

from __future__ import annotations

from math import exp, pi

import numpy as np
import polars as pl

from simulator.fleet_hosts import REGIONS
from simulator.plan import Floats, Ints
from simulator.rhythm import BUSIEST_MS, DAY_MS, QUIETEST

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LATER_MS = (0, 6 * HOUR_MS, -8 * HOUR_MS)  # the busiest hour of each region, after that of the first one
WEEKEND = 1.12
FIRST_SUNDAY = 3  # 1970-01-01 was a Thursday
TOURNAMENT, TOURNAMENT_MS, RAMP_MS = 0.25, 2 * HOUR_MS, 25 * MINUTE_MS
TOURNAMENTS = 0.3  # of the evenings of a region
CHANCE, LASTS_MS = 0.04, 40 * MINUTE_MS  # of a region's players, and for about so long


class Weather:
    """The share of players, minute by minute, for each region."""

    def __init__(self, random: np.random.Generator, start_ms: int, days: int) -> None:
        self.minutes: Ints = np.arange(start_ms, start_ms + days * DAY_MS + HOUR_MS, MINUTE_MS)
        self.shares = [self._share(random, region, days) for region in range(REGIONS)]

    def share(self, region: int, at_ms: Ints) -> Floats:
        """Give the share of a region's players who are there at some times."""
        found: Floats = np.interp(at_ms, self.minutes, self.shares[region])
        return found

    def _share(self, random: np.random.Generator, region: int, days: int) -> Floats:
        local = self.minutes - LATER_MS[region]
        wave = np.cos((local - BUSIEST_MS) % DAY_MS / DAY_MS * 2 * pi)
        share: Floats = (1 + QUIETEST) / 2 + wave * (1 - QUIETEST) / 2
        day = local // DAY_MS
        share = share * np.where((day + FIRST_SUNDAY) % 7 >= 5, WEEKEND, 1.0)  # noqa: PLR2004
        for evening in range(days):
            luck, later = random.random(2)
            begins = self.minutes[0] // DAY_MS * DAY_MS + evening * DAY_MS + LATER_MS[region] + 18 * HOUR_MS
            if luck < TOURNAMENTS:
                share = share * (1 + TOURNAMENT * hill(self.minutes - begins - int(later * 2 * HOUR_MS)))
        return share * (1 + CHANCE * chance(random, share.size, MINUTE_MS / LASTS_MS))


def hill(since_ms: Ints) -> Floats:
    """Give how much of a tournament there is so long after its beginning, 0-1."""
    edge = np.minimum(since_ms, TOURNAMENT_MS + 2 * RAMP_MS - since_ms) / RAMP_MS
    found: Floats = edge.clip(0, 1)
    return found * found * (3 - 2 * found)


def chance(random: np.random.Generator, count: int, apart: float) -> Floats:
    """Give normal noise with a memory; `apart` is the time between two values, in times that it lasts."""
    rate = 1 - exp(-apart)
    raw = random.standard_normal(count) * ((2 - rate) / rate) ** 0.5
    raw[:1] *= (rate / (2 - rate)) ** 0.5
    return pl.Series(raw).ewm_mean(alpha=rate, adjust=False).to_numpy()
