"""Planted fraud, found in the bytes by another way: with all of them at hand, and by what each kind is.

Each function gives event ids. It knows what no rule can know: the future, and what all others do.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from tests.simulator.reading import ms

CHEAP = {"1007", "crate_common", "potion_large"}
GIFTS = {"gift_card_25", "gift_crate"}
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Bought:
    """A purchase as its bytes say it, and when the account was created."""

    event_id: str
    receipt: str
    player: str
    item: str
    currency: str
    price: Decimal
    address: str
    device: str
    country: str
    at_ms: int
    created_ms: int


def bought(purchases: Iterable[bytes | None], registrations: Iterable[bytes | None]) -> list[Bought]:
    """Read all purchases by time."""
    created = {
        who["player_id"]: ms(who["created_at"]) for who in map(json.loads, filter(None, registrations))
    }
    return sorted((one(value, created) for value in filter(None, purchases)), key=lambda b: b.at_ms)


def one(value: bytes, created: Mapping[str, int]) -> Bought:
    event = json.loads(value, parse_float=Decimal)
    return Bought(
        event_id=event["event_id"],
        receipt=event["transaction_id"],
        player=event["player_id"],
        item=str(event["item_id"]),
        currency=event["currency"],
        price=Decimal(event["price"]),
        address=event["ip_address"],
        device=event["device_id"],
        country=event["country"],
        at_ms=ms(event["purchase_timestamp"]),
        created_ms=created[event["player_id"]],
    )


def by(every: list[Bought], *keys: Callable[[Bought], object]) -> Iterator[list[Bought]]:
    """Group purchases, by each of the keys in turn."""
    for key in keys:
        found: dict[object, list[Bought]] = defaultdict(list)
        for each in every:
            found[key(each)].append(each)
        yield from found.values()


def ids(*groups: Iterable[Bought]) -> set[str]:
    return {each.event_id for group in groups for each in group}


def duplicate_receipt(every: list[Bought]) -> set[str]:
    """Receipts that are there twice or more."""
    return ids(*(group for group in by(every, lambda b: b.receipt) if len(group) > 1))


def price_tampering(every: list[Bought]) -> set[str]:
    """What is paid for a thing by one buyer, where others pay seven times as much or more."""
    found = []
    for group in by(every, lambda b: (b.item, b.currency)):
        usual = median(each.price for each in group)
        found.append([each for each in group if each.price * 7 < usual and each.item not in CHEAP])
    return ids(*found)


def card_testing(every: list[Bought]) -> set[str]:
    """Twenty cheap purchases within four minutes on one device or address."""
    found = []
    cheap = [each for each in every if each.item in CHEAP]
    for group in by(cheap, lambda b: b.device, lambda b: b.address):
        for first, last in zip(group, group[19:], strict=False):
            if last.at_ms - first.at_ms <= 240_000:
                found.append([each for each in group if first.at_ms <= each.at_ms <= last.at_ms])
    return ids(*found)


def ring(every: list[Bought]) -> set[str]:
    """A gift bought by five accounts or more that are less than two days old, on one address."""
    young = [each for each in every if each.item in GIFTS and each.at_ms - each.created_ms < 2.1 * DAY_MS]
    groups = by(young, lambda b: (b.address, b.item))
    return ids(*(group for group in groups if len({each.player for each in group}) >= 5))


def stolen_account(every: list[Bought]) -> set[str]:
    """Six purchases or more within half an hour on a device that the player never had, in another country."""
    found = []
    for own in by(every, lambda b: b.player):
        home = Counter(each.country for each in own if each.created_ms).most_common()
        for group in by(own, lambda b: (b.device, b.country)):
            elsewhere = [
                each for each in own if each.device != group[0].device and each.at_ms < group[0].at_ms
            ]
            alone = len(elsewhere) >= 3 and group[0].country not in {each.country for each in elsewhere}
            quick = group[-1].at_ms - group[0].at_ms < 1_800_000
            if alone and quick and len(group) >= 6 and len(home) > 1:
                found.append(group)
    return ids(*found)


KINDS: Mapping[str, Callable[[list[Bought]], set[str]]] = {
    each.__name__: each for each in (stolen_account, card_testing, ring, price_tampering, duplicate_receipt)
}
