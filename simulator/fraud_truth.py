"""What was planted, of what was sent: each case of fraud, and the honest players who share an address.

Rules: what counts is a good or a late purchase; a case of which a part was sent has that part. It keeps the
planted purchases, and for each honest player the addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from simulator.fraud import KINDS, Kind
from simulator.fraud_addresses import address_text
from simulator.fraud_people import People
from simulator.plan import GOOD, LATE

PLANTED = ("case", "fraud", "planned", "player", "number", "receipt", "at_ms")


@dataclass(frozen=True, slots=True)
class Case:
    """One case; `planned` purchases, of which these were sent."""

    number: int
    kind: Kind
    planned: int
    from_ms: int
    to_ms: int
    players: list[str]
    transaction_ids: list[str]
    event_ids: list[str]

    @property
    def whole(self) -> bool:
        """Say whether all of it was sent."""
        return len(self.event_ids) == self.planned


@dataclass(frozen=True, slots=True)
class Shared:
    """An address of some honest players: what is there, and who."""

    sort: str
    address: str
    players: list[str]


class FraudTruth:
    """Keeps what was sent of the shop's purchases."""

    def __init__(self, run: str, people: People) -> None:
        self.run = run
        self.people = people
        self._planted = pl.DataFrame(schema=dict.fromkeys(PLANTED, pl.Int64))
        self._seen = pl.DataFrame(schema={"address": pl.Int64, "player": pl.Int64})

    def add(self, facts: pl.DataFrame) -> None:
        """Take purchases that were sent."""
        sent = facts.filter(pl.col("kind").is_in([GOOD, LATE]))
        self._planted.extend(sent.filter(pl.col("case") >= 0).select(PLANTED))
        honest = sent.filter(pl.col("case") < 0).select("address", "player").unique(maintain_order=True)
        self._seen = self._seen.extend(honest)
        if self._seen.height > 2 * self.people.count:
            self._seen = self._seen.unique(maintain_order=True)

    def cases(self) -> Iterator[Case]:
        """Give the cases that have begun, by number."""
        for (number, fraud, planned), rows in self._planted.sort("case", maintain_order=True).group_by(
            "case", "fraud", "planned", maintain_order=True
        ):
            at_ms = rows["at_ms"].sort()
            yield Case(
                number=int(str(number)),
                kind=KINDS[int(str(fraud))],
                planned=int(str(planned)),
                from_ms=int(at_ms[0]),
                to_ms=int(at_ms[-1]),
                players=self._named("player_{}", rows["player"]),
                transaction_ids=self._named(f"tx-{self.run}-{{}}", rows["receipt"]),
                event_ids=self._named(f"{self.run}-p{{}}", rows["number"]),
            )

    def shared(self) -> Iterator[Shared]:
        """Give the addresses with two honest players or more."""
        who = self._seen.unique().group_by("address").agg(pl.col("player").sort())
        many = who.filter(pl.col("player").list.len() > 1).sort("address")
        texts = many.select(address_text(pl.col("address"))).to_series()
        for number, text, players in zip(many["address"], texts, many["player"], strict=True):
            sort = "cafe" if number < self.people.cafes else self.people.addresses.sort_of(number)
            yield Shared(sort, text, self._named("player_{}", players))

    def _named(self, form: str, numbers: pl.Series) -> list[str]:
        return [form.format(number) for number in numbers.unique().sort().to_list()]
