"""Days of a shop in a moment: purchases and registrations alone, as messages, at a few a minute.

Rules: the same shop, mishaps and bytes as in a run of the simulator, without players at play beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.batch import Batch, Block
from simulator.fraud import Fraud
from simulator.fraud_shop import Shop
from simulator.mishaps import Mishaps
from simulator.plan import PLAYERS, PURCHASE_EVENTS, Plan
from simulator.traffic import told, with_skew
from simulator.trouble import trouble
from simulator.world import World, world
from simulator.writing import Writer
from topics.errors import Broken

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
HOURS = 72
EACH_BUYS = 10  # purchases of an account in all that time
RESERVED = 3 / 4  # of the accounts are honest customers'
BLOCK_US = 3_600_000_000
US_OF_HOURS = HOURS * 3_600_000_000


@dataclass(frozen=True, slots=True)
class Days:
    """What is asked for: about so many purchases within `HOURS`, a share of them planted."""

    seed: int
    purchases: int
    share: float

    @property
    def plan(self) -> Plan:
        """Plan the run: some messages come late."""
        fraud = Fraud(self.share, int(self.purchases / EACH_BUYS / RESERVED))
        return Plan(self.seed, START_MS, 1, (PLAYERS, PURCHASE_EVENTS), trouble("late"), fraud=fraud)


class ShopDays:
    """The shop for all these days; `world` is what there is in it."""

    def __init__(self, days: Days) -> None:
        self.days = days
        self.world: World = world(days.plan)
        self.shop = opened(self.world)
        self.people = self.shop.people
        self.mishaps = Mishaps(days.plan, PURCHASE_EVENTS)
        self.writer = Writer(self.world)

    def blocks(self) -> Iterator[Block]:
        """Give the messages of one hour after the other: who registers, and who buys."""
        start_us = START_MS * 1000
        a_second = self.days.purchases / HOURS / 3600
        for from_us in range(start_us, start_us + US_OF_HOURS, BLOCK_US):
            sold = self.shop.between(from_us, from_us + BLOCK_US, a_second)
            purchases = self.mishaps.after(with_skew(sold.purchases, self.world), from_us + BLOCK_US)
            facts = {PLAYERS: told(sold.registrations), PURCHASE_EVENTS: purchases}
            yield tuple(Batch(topic, each, *self.writer.write(topic, each)) for topic, each in facts.items())


def opened(world: World) -> Shop:
    """Open the shop of a world.

    Raises:
        Broken: the run has none.

    """
    if world.people is None or world.plan.fraud is None:
        raise Broken("a run without fraud has no shop")
    return Shop(world.plan, world.people, world.players.game, world.plan.fraud)
