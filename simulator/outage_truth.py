"""What each outage did to players and purchases, counted from the facts that were sent.

Rules: who is on a server when its outage begins was seen in the 5 minutes before and has not ended the
session since. Of them, who ended it in the outage left; who was not heard of in its last minute, is silent.
A purchase counts for the 30 minutes before or for the outage. It keeps 30 bytes for each event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from simulator.levels import SESSION_END
from simulator.plan import GOOD, LATE, PLAYER_EVENTS, PURCHASE_EVENTS
from simulator.players import ANONYMOUS
from simulator.servers import Outage
from simulator.world import World

SEEN_MS, BEFORE_MS, SILENT_MS = 300_000, 1_800_000, 60_000
PLAYED, BOUGHT = ("at_ms", "number", "player", "session", "action"), ("at_ms", "player", "offer")


class Harm(NamedTuple):
    """What an outage did; money by currency, in units of 10^-4: before and meanwhile."""

    players: list[int]
    left: list[int]
    silent: list[int]
    money: dict[str, tuple[int, int]]


class OutageTruth:
    """Keeps what was sent, and tells what each outage did."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._played = [pl.DataFrame(schema=dict.fromkeys(PLAYED, pl.Int64))]
        self._bought = [pl.DataFrame(schema=dict.fromkeys(BOUGHT, pl.Int64))]

    def add(self, topic: str, facts: pl.DataFrame) -> None:
        """Take the facts of some messages."""
        counts = pl.col("kind").is_in([GOOD, LATE])
        if topic == PLAYER_EVENTS:
            self._played.append(facts.filter(counts).select(PLAYED))
        elif topic == PURCHASE_EVENTS:
            self._bought.append(facts.filter(counts).select(BOUGHT))

    def harm(self, outage: Outage, newest_ms: int) -> Harm:
        """Tell what an outage did, up to its end or to the newest event."""
        until_ms = min(outage.to_ms, newest_ms)
        near = self._near(outage.from_ms - SEEN_MS, until_ms)
        its = pl.Series(np.flatnonzero(self._world.players.server == outage.server))
        playing = _playing(near.filter(pl.col("at_ms") <= outage.from_ms))
        there = playing.filter(playing.is_in(its.implode())).unique().sort()
        last = near.filter(pl.col("player").is_in(there.implode())).group_by("player").agg(pl.all().last())
        ends = (pl.col("action") == SESSION_END) & (pl.col("at_ms") > outage.from_ms)
        heard_ms = pl.max_horizontal(pl.col("at_ms"), pl.lit(outage.from_ms))
        left = last.filter(ends)["player"].sort()
        silent = last.filter((heard_ms <= until_ms - SILENT_MS) & ~ends)["player"].sort()
        money = self._money(there, outage.from_ms, until_ms)
        return Harm(there.to_list(), left.to_list(), silent.to_list(), money)

    def _near(self, after_ms: int, until_ms: int) -> pl.DataFrame:
        """Give the events of a span, in order."""
        self._played = [pl.concat(self._played)]
        span = (pl.col("at_ms") > after_ms) & (pl.col("at_ms") <= until_ms)
        return self._played[0].filter(span).sort("at_ms", "number")

    def _money(self, players: pl.Series, from_ms: int, until_ms: int) -> dict[str, tuple[int, int]]:
        self._bought = [pl.concat(self._bought)]
        offers = self._world.items.offers.with_row_index("offer").with_columns(pl.col("offer").cast(pl.Int64))
        span = (pl.col("at_ms") > from_ms - BEFORE_MS) & (pl.col("at_ms") <= until_ms)
        before = pl.col("at_ms") <= from_ms
        rows = (
            self._bought[0]
            .filter(span & pl.col("player").is_in(players.implode()))
            .join(offers, on="offer")
            .group_by("currency")
            .agg(pl.col("units").filter(before).sum(), pl.col("units").filter(~before).sum().alias("during"))
            .sort("currency")
        )
        return {currency: (units, during) for currency, units, during in rows.iter_rows()}


def _playing(events: pl.DataFrame) -> pl.Series:
    """Give the players of sessions that have not ended; who sends no session id has one."""
    known = pl.when(pl.col("player") % ANONYMOUS == 1).then(-1).otherwise(pl.col("session"))
    last = events.group_by("player", known.alias("of")).agg(pl.col("action").last())
    return last.filter(pl.col("action") != SESSION_END)["player"]
