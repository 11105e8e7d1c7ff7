"""Endless game traffic as Kafka messages, block by block: the same plan gives the same bytes.

Rules: players act `rate` times a second, each at a seat drawn at random; who spends, buys instead. Servers
report beside them. Where fraud is planted, purchases are those of the shop instead. What happened goes
through the mishaps of its topic, then it is written. No clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from simulator.batch import Batch, Block
from simulator.fraud_shop import Shop
from simulator.items import CURRENCIES, DEAREST, SPELLINGS
from simulator.malformed import SOUND
from simulator.mishaps import Mishaps
from simulator.plan import GOOD, PLAYER_EVENTS, PLAYERS, PURCHASE_EVENTS, SERVER_METRICS, Floats, Ints, Plan
from simulator.reports import Reports, Span
from simulator.rhythm import busy_share
from simulator.seats import BUYS, WAITS, Seats, Steps
from simulator.servers import Outage
from simulator.world import World, world
from simulator.writing import Writer

LARGEST, PER_SEAT = (
    20_000,
    20,
)  # actions in a block; fewer where few are in play, since a seat acts once a round
SECOND_US = 1_000_000
SLOW = 50  # actions a second that nobody hears of, when only servers are asked for


class Traffic:
    """The state of one run; `now_us` is how far it is."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.world: World = world(plan)
        self.random = plan.random("play")
        self.seats = Seats(self.random, self.world.players, self.world.levels, self._spends())
        self.reports = Reports(self.world.servers)
        self.writer = Writer(self.world)
        self.mishaps = {topic: Mishaps(plan, topic) for topic in plan.topics if topic != PLAYERS}
        self.shop = shop(self.world)
        self.now_us = plan.start_ms * 1000
        self.acted = 0

    def blocks(self) -> Iterator[Block]:
        """Give all messages of one stretch of time after the other, for ever."""
        while True:
            happened, until_us = self._next()
            yield tuple(self._sent(topic, happened[topic], until_us) for topic in self.plan.topics)

    def _sent(self, topic: str, happened: pl.DataFrame, until_us: int) -> Batch:
        facts = told(happened) if topic == PLAYERS else self.mishaps[topic].after(happened, until_us)
        return Batch(topic, facts, *self.writer.write(topic, facts))

    def _next(self) -> tuple[dict[str, pl.DataFrame], int]:
        """Let one block happen; gives the facts by topic, and the block's end."""
        count, share = min(LARGEST, PER_SEAT * self.plan.seats), self._busy_share()
        passed_us = np.arange(count + 1) * (SECOND_US / (self._actions_a_second() * share))
        at_us = self.now_us + passed_us.astype(np.int64)
        before = self.seats.on_servers(self.world.servers.count)
        in_play = max(1, int(self.plan.seats * share))
        outages = self._outages(int(at_us[-1]))
        steps = self.seats.act(self.random.integers(0, in_play, count), at_us[:-1], outages)
        after = self.seats.on_servers(self.world.servers.count)
        facts = self._acts(steps, at_us[:-1])
        reports = self.reports.of(Span(self.now_us, int(at_us[-1]), before, after))
        facts[SERVER_METRICS] = reports.with_columns(skew_ms=pl.lit(0, pl.Int64))
        if self.shop:
            facts |= self._sold(self.shop, self.now_us, int(at_us[-1]))
        self.now_us = int(at_us[-1])
        return facts, self.now_us

    def _outages(self, until_us: int) -> list[Outage]:
        """Name the outages that there are from now on."""
        found = self.world.servers.outages(until_us // 1000 + 1)
        return [of for of in found if of.to_ms * 1000 > self.now_us]

    def _sold(self, shop: Shop, from_us: int, to_us: int) -> dict[str, pl.DataFrame]:
        """Let the shop sell for a span."""
        sold = shop.between(from_us, to_us, self._all_a_second() * self.plan.buys * self._busy_share())
        return {PURCHASE_EVENTS: with_skew(sold.purchases, self.world), PLAYERS: sold.registrations}

    def _acts(self, steps: Steps, at_us: Ints) -> dict[str, pl.DataFrame]:
        """Part the players' steps into events and purchases."""
        numbers = np.arange(self.acted, self.acted + at_us.size)
        self.acted += at_us.size
        skew_ms = self.world.players.skew_ms[steps.player]
        columns = {**steps._asdict(), "happened_us": at_us, "skew_ms": skew_ms, "number": numbers}
        every, buys = pl.DataFrame(columns), steps.action == BUYS
        purchases = every.filter(buys).drop("session", "action")
        offer = self._offers(purchases["player"].to_numpy())
        return {
            PLAYER_EVENTS: every.filter(~buys & (steps.action != WAITS)),
            PURCHASE_EVENTS: purchases.with_columns(pl.Series("offer", offer)),
        }

    def _offers(self, players: Ints) -> Ints:
        """Choose what is bought: what is popular, in the player's currency; rings want the dearest item."""
        luck, spelling = self.random.random((2, players.size))
        item = np.searchsorted(self.world.items.popular, luck).clip(max=DEAREST)
        item = np.where(self.world.players.ring[players] >= 0, DEAREST, item)
        currency = players % len(CURRENCIES)
        written: Ints = (spelling * SPELLINGS).astype(np.int64)
        return (item * len(CURRENCIES) + currency) * SPELLINGS + written

    def _spends(self) -> Floats:
        """Give each player's share of purchases, by the topics that are asked for."""
        habits, topics = self.world.players.spends, self.plan.topics
        if PURCHASE_EVENTS not in topics or self.world.people:
            return np.zeros_like(habits)
        return habits if PLAYER_EVENTS in topics else np.ones_like(habits)

    def _actions_a_second(self) -> float:
        if self.plan.topics == (SERVER_METRICS,):
            return SLOW
        heard = self.shop and PURCHASE_EVENTS in self.plan.topics and PLAYER_EVENTS in self.plan.topics
        return self._all_a_second() * (1 - self.plan.buys if heard else 1)

    def _all_a_second(self) -> float:
        reports = self.world.servers.reports_a_second if SERVER_METRICS in self.plan.topics else 0.0
        return max(self.plan.rate - reports, self.plan.rate / 2)

    def _busy_share(self) -> float:
        return busy_share(self.now_us // 1000) if self.plan.daily else 1.0


def shop(world: World) -> Shop | None:
    """Open the shop, where fraud is planted."""
    if world.people is None or world.plan.fraud is None or PURCHASE_EVENTS not in world.plan.topics:
        return None
    return Shop(world.plan, world.people, world.players.game, world.plan.fraud)


def with_skew(purchases: pl.DataFrame, world: World) -> pl.DataFrame:
    """Add what is wrong with the clients' clocks; frauds have right ones."""
    skew = pl.Series("skew_ms", world.players.skew_ms[purchases["player"].to_numpy()])
    return purchases.with_columns(pl.when(pl.col("case") < 0).then(skew).otherwise(0).alias("skew_ms"))


def told(registrations: pl.DataFrame) -> pl.DataFrame:
    """Turn registrations into facts of messages: nothing befalls them."""
    facts = {"kind": GOOD, "fault": SOUND, "number": 0}
    more = [pl.lit(value, pl.Int64).alias(name) for name, value in facts.items()]
    at_ms = (pl.col("happened_us") // 1000).alias("at_ms")
    return registrations.with_columns(at_ms, *more).rename({"happened_us": "due_us"})


def traffic(plan: Plan) -> Iterator[Block]:
    """Give the messages of a run block by block, for ever."""
    return Traffic(plan).blocks()
