"""The players: how good they are, what they spend, when they give up, and how their clients write.

Rules: a player is a row of columns, told from the row number and the random numbers alone. Households share
an IP address (NAT): most have three players, some 60. One player in 20 sends no session id, one in five
plays another game than the default one, one in ten has a newer client that sends more fields. Players play
on a server of their game. The first players are the fraud rings, if there are any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulator.plan import Bools, Floats, Ints, Plan
from simulator.times import CLOCKS

GAMES = ("", "arena", "kart")
OF_TEN = (0, 1, 0, 0, 2, 0, 0, 0, 0, 0)  # the game of each tenth player, and of each tenth server …
FIRST_SERVER = 5  # … which begin there, so that few servers have one game
ANONYMOUS, NEWER = 20, 10  # one in so many players
FEWEST_FAILS, MOST_FAILS = 5, 25  # in a row, before a player gives up
HABITS = (
    (0.5, 0.0),
    (0.9, 0.06),
    (0.98, 0.25),
    (1.0, 0.6),
)  # up to this share of players, purchases an action
HOUSEHOLD, DORMITORY, IN_DORMITORIES = 3, 60, 0.1
ADDRESSES = 1 << 17  # of 198.18.0.0/15
NEW_ADDRESS = 10  # one household in so many has IPv6
RINGS, RING = 2, 6  # fraud rings, and the players of each
RING_SPENDS = 0.9
AHEAD_MS = (30_000, 240_000)  # a client's clock: well within the 5 minutes that are allowed …
BROKEN_MS = 2_000_000_000_000  # … or decades ahead
BROKEN = 0.2  # of the clients with a wrong clock
REGIONS = ("eu", "us", "ap")


@dataclass(frozen=True, slots=True)
class Players:
    """All players, a row each; `level`, `fails` (in a row), `busy` and `gone` change while they play."""

    skill: Floats  # 0-1, mean 0.5
    spends: Floats  # purchases for each action
    patience: Ints  # fails in a row
    game: Ints  # index in GAMES
    clock: Ints  # how the client writes time: index in simulator.times.CLOCKS
    skew_ms: Ints  # what is wrong with the client's clock
    server: Ints  # where the player plays
    ring: Ints  # -1: none
    seats: int  # in play at once
    level: Ints
    fails: Ints
    busy: Bools
    gone: Bools

    @property
    def count(self) -> int:
        """Count the players."""
        return self.skill.size

    def arrive(self, random: np.random.Generator, seats: Ints) -> Ints:
        """Let players come: of four at random the first who is neither in play nor gone for good.

        A player of a ring always sits at the same seat.
        """
        asked = random.integers(0, self.count, (4, seats.size))
        free = np.argmax(~self.busy[asked], axis=0)
        who: Ints = np.where(self.ring[seats] >= 0, seats, asked[free, np.arange(seats.size)])
        self.busy[who] = True
        return who

    def leave(self, who: Ints, gone: Bools) -> None:
        """Let players leave, some for good: they come back only when few others are left."""
        self.gone[who] |= gone
        self.busy[who] = self.gone[who]


def players(plan: Plan, levels: int, servers: int) -> Players:
    """Make the players of a run."""
    random, count = plan.random("players"), plan.people
    rows = np.arange(count)
    game = np.array(OF_TEN)[rows % len(OF_TEN)]
    ring = np.where((rows < RINGS * RING) & plan.trouble.rings, rows // RING, -1)
    limits, habits = np.array(HABITS).T
    spends = habits[np.searchsorted(limits, random.random(count), side="right").clip(max=len(HABITS) - 1)]
    return Players(
        skill=random.random(count),
        spends=np.where(ring >= 0, RING_SPENDS, spends),
        patience=random.integers(FEWEST_FAILS, MOST_FAILS + 1, count),
        game=game,
        clock=np.array(CLOCKS)[rows % len(CLOCKS)],
        skew_ms=_skew_ms(random, count, plan.trouble.skew),
        server=_servers(game, servers),
        ring=ring,
        seats=plan.seats,
        level=random.integers(0, levels, count),
        fails=np.zeros(count, np.int64),
        busy=np.zeros(count, np.bool_),
        gone=np.zeros(count, np.bool_),
    )


def game_of_server(server: int) -> int:
    """Give the index in `GAMES` of the game that a server is for."""
    return OF_TEN[(server + FIRST_SERVER) % len(OF_TEN)]


def _servers(game: Ints, servers: int) -> Ints:
    """Spread each game's players over its servers, or over the first game's where it has none."""
    games = np.array([game_of_server(server) for server in range(servers)])
    found = np.empty_like(game)
    for of in range(len(GAMES)):
        its, players = np.flatnonzero(games == of), np.flatnonzero(game == of)
        its = its if its.size else np.flatnonzero(games == 0)
        found[players] = its[np.arange(players.size) * its.size // players.size]
    return found


def _skew_ms(random: np.random.Generator, count: int, share: float) -> Ints:
    minutes = random.integers(*AHEAD_MS, count) * random.choice([-1, 1], count)
    wrong = np.where(random.random(count) < BROKEN, BROKEN_MS, minutes)
    skewed: Ints = np.where(random.random(count) < share, wrong, 0)
    return skewed


@dataclass(frozen=True, slots=True)
class Names:
    """How players appear in messages: text by row.

    `play` and `buy` begin a player event and a purchase; `address` ends a purchase.
    """

    keys: list[bytes]
    play: pl.Series
    buy: pl.Series
    address: pl.Series


def names_of(players: Players, servers: list[str]) -> Names:
    """Write down what every message of a player has."""
    rows = pl.int_range(players.count, eager=True)
    one = pl.DataFrame(
        {
            "row": rows,
            "game": players.game,
            "server": players.server,
            "ring": players.ring,
            "house": household(players),
        }
    ).lazy()
    who = pl.format("player_{}", "row")
    game = text_by("game", ["", *(f'"game_id":"{name}",' for name in GAMES[1:])])
    first = pl.format('{{"player_id":"{}",{}', who, game)
    region = text_by(pl.col("row") % len(REGIONS), list(REGIONS))
    device = (
        pl.when(pl.col("ring") < 0)
        .then(pl.format("device_{}", "row"))
        .otherwise(pl.format("shared_{}", "ring"))
    )
    newer = pl.format(
        '"schema_version":2,"region":"{}","country":"XK","device_id":"{}","build":"1.4.{}",',
        region,
        device,
        "row",
    )
    more = (
        pl.when((pl.col("row") % NEWER == NEWER - 1) | (pl.col("ring") >= 0))
        .then(newer)
        .otherwise(pl.lit(""))
    )
    server = text_by("server", [f'"server_id":"{name}",' for name in servers])
    table = one.select(
        who.alias("who"),
        pl.concat_str(first, server, more).alias("play"),
        pl.concat_str(first, more).alias("buy"),
        pl.format(',"ip_address":"{}"', address()).alias("address"),
    ).collect()
    return Names(table["who"].cast(pl.Binary).to_list(), table["play"], table["buy"], table["address"])


def household(players: Players) -> Ints:
    """Number the households; a ring lives in one."""
    rows = np.arange(players.count)
    dormitories = int(players.count * IN_DORMITORIES)
    house = np.where(rows < dormitories, rows // DORMITORY, dormitories + rows // HOUSEHOLD)
    found: Ints = np.where(players.ring >= 0, players.count + players.ring, house)
    return found


def address() -> pl.Expr:
    """Write a household's IP address, of the ranges for benchmarks and documentation."""
    number = pl.col("house") % ADDRESSES
    old = pl.format("198.{}.{}.{}", 18 + number // 65_536, number // 256 % 256, number % 256)
    new = pl.format("2001:db8:{}::1", number % 10_000)
    return pl.when(pl.col("house") % NEW_ADDRESS == NEW_ADDRESS - 1).then(new).otherwise(old)


def text_by(index: str | pl.Expr, texts: list[str]) -> pl.Expr:
    """Give each row the text at its index."""
    where = pl.col(index) if isinstance(index, str) else index
    return where.replace_strict(dict(enumerate(texts)), return_dtype=pl.String)
