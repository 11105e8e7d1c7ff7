"""What honest customers have bought so far: whose account is worth stealing, which prices are known.

Rules: only honest purchases count, and only once they were handed out.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from simulator.fraud_items import GOODS, WORTH, parts_of
from simulator.fraud_people import People
from simulator.items import CURRENCIES
from simulator.plan import Ints
from simulator.players import GAMES

WORTH_STEALING = 3  # purchases, before somebody steals an account
WELL_KNOWN = 30  # purchases of an item in a game and a currency, before its price is known


class History:
    """Purchases by player and by offer."""

    def __init__(self, people: People, games: Ints) -> None:
        self.people = people
        self.games = games
        self.bought = np.zeros(people.count, np.int64)
        self.last_us = np.zeros(people.count, np.int64)
        self.session = np.zeros(people.count, np.int64)
        self.sold = np.zeros((len(GAMES), len(GOODS), len(CURRENCIES)), np.int64)

    def note(self, honest: pl.DataFrame) -> None:
        """Remember purchases, in the order of time within each visit."""
        player = honest["player"].to_numpy()
        _, item, currency = parts_of(honest["offer"].to_numpy())
        np.add.at(self.bought, player, 1)
        np.add.at(self.sold, (self.games[player], item, currency), 1)
        np.maximum.at(self.last_us, player, honest["happened_us"].to_numpy())
        self.session[player] = honest["session"].to_numpy()

    def worth_stealing(self, at_us: int) -> Ints:
        """Name the accounts with a history whose owners are not in the shop."""
        return np.flatnonzero((self.bought >= WORTH_STEALING) & (self.last_us < at_us))

    def known_prices(self, player: int) -> list[int]:
        """Name the items of some worth whose price everybody knows, where the player buys."""
        currency = int(self.people.currency(np.array([player]))[0])
        sold = self.sold[self.games[player], :, currency]
        return [item for item in WORTH if sold[item] >= WELL_KNOWN]
