"""The five kinds of fraud, each a function that plans the purchases of one case.

Rules: a kind varies as it does in life: one or few accounts, new or old ones, fast or slow, by one device or
by one address. Accounts come from the reserve, so a case meets no honest player but the one whose account is
stolen and those who share a subnet. A case that cannot be yet, for want of a history, is None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.fraud_accounts import Accounts
from simulator.fraud_history import History
from simulator.fraud_items import CHEAP, DEAR, FACTORS, FIRST_TAMPERED, GIFT, LIST, WORTH, offer_of
from simulator.fraud_people import COUNTRIES
from simulator.fraud_rows import NO_SESSION, Numbers, planned
from simulator.items import SPELLINGS
from simulator.plan import Ints
from simulator.players import ANONYMOUS

SECOND_US = 1_000_000
HIJACKED = 0.3  # of the thefts go on in the owner's session
SLOW_TESTING = 0.3  # of the card testing
AGED = 0.5  # of the card testers' accounts are old ones
EMULATORS = 6  # accounts of a ring on one device, in half of the rings


@dataclass(frozen=True, slots=True)
class Scene:
    """Where frauds are planned; `case` is the number of the one that is, `fraud` the index of its kind.

    `hurry` divides the times between its purchases.
    """

    random: np.random.Generator
    accounts: Accounts
    history: History
    numbers: Numbers
    case: int
    fraud: int
    at_us: int
    hurry: float

    def between(self, least: int, most: int) -> int:
        """Draw a whole number, both ends included."""
        return int(self.random.integers(least, most + 1))

    def times_us(self, count: int, least_s: float, most_s: float) -> Ints:
        """Draw times with gaps from `least_s` to `most_s` by `hurry`, the first one when the case begins."""
        gaps = (self.random.uniform(least_s, most_s, count) * SECOND_US / self.hurry).astype(np.int64)
        gaps[0] = 0
        times: Ints = self.at_us + np.cumsum(gaps)
        return times

    def offers(self, players: Ints, item: Ints | int, factor: int = LIST) -> Ints:
        """Take offers in the players' currencies, each written in some way."""
        spelling = self.random.integers(0, SPELLINGS, players.size)
        currency = self.accounts.people.currency(players)
        return offer_of(
            np.full(players.size, factor), np.broadcast_to(item, players.shape), currency, spelling
        )

    def rows(self, players: Ints, **columns: Ints | int) -> pl.DataFrame:
        """Plan purchases: in a session of each player, from the first player's country."""
        told, which = np.unique(players, return_inverse=True)
        session = self.numbers.of_sessions(told.size)[which]
        given: dict[str, Ints | int] = {
            "player": players,
            "session": np.where(players % ANONYMOUS == 1, NO_SESSION, session),
            "country": int(self.accounts.people.country[players[0]]),
        }
        given |= {"case": self.case, "fraud": self.fraud}
        return planned(given | columns, self.numbers)


def stolen_account(scene: Scene) -> pl.DataFrame | None:
    """Let somebody else use a player's account: another address, country and device, dear items in a row."""
    victims = scene.history.worth_stealing(scene.at_us)
    if not victims.size:
        return None
    owner = int(scene.random.choice(victims))
    at_us = scene.times_us(scene.between(6, 15), 15, 110)
    player = np.full(at_us.size, owner)
    abroad = (int(scene.accounts.people.country[owner]) + scene.between(1, len(COUNTRIES) - 1)) % len(
        COUNTRIES
    )
    columns: dict[str, Ints | int] = {
        "happened_us": at_us,
        "offer": scene.offers(player, scene.random.choice(np.array(DEAR), at_us.size)),
        "address": scene.accounts.address(),
        "device": scene.accounts.device(),
        "country": abroad,
    }
    if scene.random.random() < HIJACKED:
        columns["session"] = int(scene.history.session[owner])
    return scene.rows(player, **columns)


def card_testing(scene: Scene) -> pl.DataFrame:
    """Try cards on tiny purchases: by one account, by some on one device, or by some on one address."""
    count, members = scene.between(20, 60), scene.random.choice([1, 1, 3, 4, 5, 6])
    slow = scene.random.random() < SLOW_TESTING
    at_us = scene.times_us(count, *((4, 12) if slow else (0.5, 4)))
    aged = scene.random.random() < AGED
    crew = scene.accounts.aged(members) if aged else scene.accounts.young(members, scene.at_us, 1.0)
    turns = scene.random.integers(0, members, count)
    turns[:members] = np.arange(members)
    devices = np.array([scene.accounts.device() for _ in range(members)])
    homes = np.array([scene.accounts.address() for _ in range(members)])
    if scene.random.random() < 1 / 2:  # one device that changes its address, or one address
        devices[:] = devices[0]
    else:
        homes[:] = homes[0]
    player = crew[turns]
    item = scene.random.choice(np.array(CHEAP), count)
    return scene.rows(
        player,
        happened_us=at_us,
        offer=scene.offers(player, item),
        address=homes[turns],
        device=devices[turns],
    )


def ring(scene: Scene) -> pl.DataFrame:
    """Let 5 to 30 young accounts on one address buy the same gift, once or twice each."""
    members = scene.between(5, 30)
    crew = scene.accounts.young(members, scene.at_us, 2.0)
    scene.accounts.move(crew, int(crew[0]))
    again = np.flatnonzero(scene.random.random(members) < 1 / 3)
    turns = scene.random.permutation(np.concatenate([np.arange(members), again]))
    own = np.array([scene.accounts.device() for _ in range(members)])
    shared = own[np.arange(members) // EMULATORS * EMULATORS]
    device = own if scene.random.random() < 1 / 2 else shared
    return scene.rows(
        crew[turns],
        happened_us=scene.times_us(turns.size, 10, 100),
        offer=scene.offers(crew[turns], int(scene.random.choice(np.array(GIFT)))),
        address=scene.accounts.address(),
        device=device[turns],
    )


def price_tampering(scene: Scene) -> pl.DataFrame | None:
    """Pay a small part of what an item costs, one to three times."""
    buyer = scene.accounts.aged(1)
    known = scene.history.known_prices(int(buyer[0]))
    if not known:
        return None
    at_us = scene.times_us(scene.between(1, 3), 30, 300)
    player = np.repeat(buyer, at_us.size)
    factor = scene.between(FIRST_TAMPERED, len(FACTORS) - 1)
    return scene.rows(
        player,
        happened_us=at_us,
        offer=scene.offers(player, int(scene.random.choice(known)), factor),
        address=int(scene.accounts.people.home[buyer[0]]),
        device=int(scene.accounts.people.device[buyer[0]]),
    )


def duplicate_receipt(scene: Scene) -> pl.DataFrame:
    """Hand in one receipt again, one to six times: by the same player, or by others too."""
    again = scene.between(1, 6)
    crew = scene.accounts.aged(1 if scene.random.random() < 1 / 2 else again + 1)
    player = np.resize(crew, again + 1)
    at_us = scene.times_us(player.size, 60, 1200)
    people = scene.accounts.people
    offer = scene.offers(player, int(scene.random.choice(np.array(WORTH))))
    rows = scene.rows(
        player, happened_us=at_us, offer=offer, address=people.home[player], device=people.device[player]
    )
    return rows.with_columns(pl.col("number").first().alias("receipt"))


PLANNED = (stolen_account, card_testing, ring, price_tampering, duplicate_receipt)  # in the order of KINDS
