"""The shop: honest visits and planted fraud, side by side, span by span.

Rules: kinds take turns, those that can be by now, so that all have about as many cases; a case is planted
whenever the purchases that are planned fall short of the share asked for. Who buys for the first time is
registered before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from simulator.fraud import Fraud
from simulator.fraud_accounts import Accounts
from simulator.fraud_cases import PLANNED, Scene
from simulator.fraud_history import History
from simulator.fraud_people import People
from simulator.fraud_rows import Numbers, no_rows
from simulator.fraud_visits import REGISTERS_US, Visits
from simulator.plan import Ints, Plan


class Sold(NamedTuple):
    """What happened in a span: purchases, and the registrations before them.

    A registration has player, happened_us, address, device and created_ms.
    """

    purchases: pl.DataFrame
    registrations: pl.DataFrame


class Shop:
    """The shop of one run; `games` has the game of each account."""

    def __init__(self, plan: Plan, people: People, games: Ints, fraud: Fraud) -> None:
        numbers = Numbers()
        self.share, self.hurry = fraud.share, fraud.hurry
        self.random = plan.random("frauds")
        self.people = people
        self.numbers = numbers
        self.visits = Visits(plan.random("visits"), people, numbers)
        self.accounts = Accounts(self.random, people)
        self.history = History(people, games)
        self.honest = self.planted = 0
        self._turns = np.zeros(len(PLANNED), np.int64)
        self._waiting = no_rows()

    def between(self, from_us: int, to_us: int, a_second: float) -> Sold:
        """Give what happens in the next span, at so many purchases a second."""
        wanted = a_second * (1 - self.share) * (to_us - from_us) / 1_000_000
        visits = self.visits.between(from_us, to_us, wanted)
        self.honest += visits.height
        begun = [visits, *self._plant(from_us, to_us)]
        every = pl.concat([self._waiting, *begun])
        happens = every["happened_us"] < to_us
        self._waiting = every.filter(~happens)
        now = every.filter(happens).sort("happened_us", maintain_order=True)
        self.history.note(now.filter(pl.col("case") < 0))
        return Sold(now, self._register(pl.concat(begun), to_us))

    def _plant(self, from_us: int, to_us: int) -> list[pl.DataFrame]:
        """Plant cases until the share is reached."""
        found: list[pl.DataFrame] = []
        while self.share and self.planted < self.honest * self.share / (1 - self.share):
            rows = self._case(int(self.random.integers(from_us, to_us)) + REGISTERS_US)
            self.planted += rows.height
            found.append(rows)
        return found

    def _case(self, at_us: int) -> pl.DataFrame:
        """Plan a case of the kind whose turn it is."""
        case = int(self._turns.sum())
        for kind in np.argsort(self._turns, kind="stable").tolist():
            scene = Scene(
                self.random, self.accounts, self.history, self.numbers, case, kind, at_us, self.hurry
            )
            rows = PLANNED[kind](scene)
            if rows is not None:
                self._turns[kind] += 1
                return rows
        return no_rows()  # never: most kinds need no history

    def _register(self, begun: pl.DataFrame, to_us: int) -> pl.DataFrame:
        """Register those who buy for the first time, a moment before, and within the span."""
        known = self.accounts.registered
        new = begun.filter(~pl.Series(known[begun["player"].to_numpy()]))
        before_us = (pl.col("happened_us").min() - REGISTERS_US).clip(upper_bound=to_us - 1)
        firsts = new.group_by("player").agg(before_us)
        known[firsts["player"].to_numpy()] = True
        players = firsts["player"].to_numpy()
        told = {
            "address": self.people.home[players],
            "device": self.people.device[players],
            "created_ms": self.people.created_ms[players],
        }
        columns = [pl.Series(name, values) for name, values in told.items()]
        return firsts.with_columns(columns).sort("happened_us", "player")
