"""Purchase fraud in a run: how much of it is planted, and of which kinds.

Rules: with fraud, purchases come from a shop of their own (`simulator.fraud_shop`), whose customers have
devices, homes, countries and receipts; without it a run has the bytes that it always had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["stolen_account", "card_testing", "ring", "price_tampering", "duplicate_receipt"]
STOLEN, TESTING, RING, TAMPERING, RECEIPT = range(5)
KINDS: tuple[Kind, ...] = (
    "stolen_account",
    "card_testing",
    "ring",
    "price_tampering",
    "duplicate_receipt",
)
HONEST = -1  # in the place of a case: the purchase belongs to none

BUYS = 1 / 16  # of what players do in a run of all topics, so much is a purchase
APART_S = 7200  # an honest player buys about so often, while there are few enough purchases
MOST_PEOPLE = 400_000


@dataclass(frozen=True, slots=True)
class Fraud:
    """What is asked for: the share of purchases that are planted (0-1), and the accounts (0: by the rate).

    Frauds are `hurry` times as fast as in life: for who wants to see some within a minute.
    """

    share: float
    people: int = 0
    hurry: float = 1.0


def people_for(fraud: Fraud, purchases_a_second: float) -> int:
    """Give the accounts of a run, those that frauds will use among them.

    >>> people_for(Fraud(0.05), 60), people_for(Fraud(0.05, 800), 60)
    (400000, 800)
    """
    return fraud.people or min(int(purchases_a_second * APART_S), MOST_PEOPLE)
