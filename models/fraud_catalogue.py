"""Every feature of a purchase, each said in one line, in the order that frames have them.

Rules: names are `<who>_<what>_<window>`; money is in units of its currency, times are in seconds. A feature
whose subject is missing (no device, no earlier purchase) is null. Names never change their meaning:
rules and models in use refer to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from models.fraud_kinds import LABELLED, LONG, WINDOWS, Feature, Group, Kind

_SAID = {
    "1m": "minute",
    "10m": "10 minutes",
    "1h": "hour",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
}
_EVENT: tuple[tuple[str, Kind, str], ...] = (
    ("price", "number", "what was paid, in units of the currency"),
    ("currency", "text", "currency of the price"),
    ("country", "text", "country that the game sent, if any"),
    ("region", "text", "region that the game sent, if any"),
    ("item_id", "text", "item bought"),
    ("player_id", "text", "player who bought"),
    ("game_id", "text", "game in which it was bought"),
    ("ip_address", "text", "address as the game sent it"),
    ("hour", "number", "hour of the purchase, UTC, 0-23"),
    ("weekend", "flag", "whether it is Saturday or Sunday, UTC"),
    ("since_account_created_s", "number", "seconds since the account was created; missing when unknown"),
)


def _windowed(group: Group, name: str, doc: str) -> Iterator[Feature]:
    for window in WINDOWS:
        yield Feature(f"{name}_{window}", "number", group, f"{doc} in the last {_SAID[window]}")


def _means(group: Group, who: str) -> Iterator[Feature]:
    for window in LONG:
        doc = f"mean price of the {who}'s earlier purchases in the same currency, last {_SAID[window]}"
        yield Feature(f"{who}_mean_{window}", "number", group, doc)
    for window in LONG:
        suffix = "" if window == "30d" else f"_{window}"
        doc = f"price over {who}_mean_{window}; missing when that is missing or 0"
        yield Feature(f"amount_to_{who}_mean{suffix}", "number", group, doc)


def _player() -> Iterator[Feature]:
    yield from _windowed("player", "player_purchases", "purchases of the player")
    yield from _windowed("player", "player_spend", "spent by the player in the same currency")
    yield from _windowed("player", "player_ips", "different addresses of the player")
    yield from _windowed("player", "player_devices", "different devices of the player")
    yield from _windowed("player", "player_items", "different items bought by the player")
    yield from _means("player", "player")
    for name, kind, doc in _OF_PLAYER:
        yield Feature(name, kind, "player", doc)


_OF_PLAYER: tuple[tuple[str, Kind, str], ...] = (
    ("player_mean_7d_to_30d", "number", "player_mean_7d over player_mean_30d; missing when either is"),
    ("first_purchase", "flag", "whether the player has bought nothing else in the last 30 days"),
    (
        "since_last_purchase_s",
        "number",
        "seconds since the player's purchase before; missing when none in 30 days",
    ),
    ("session_ips", "number", "different addresses within the player's session"),
    ("session_countries", "number", "different countries within the player's session"),
    ("session_currencies", "number", "different currencies within the player's session"),
)


def _address() -> Iterator[Feature]:
    yield from _windowed("address", "ip_purchases", "purchases from the address")
    yield from _windowed("address", "ip_spend", "spent from the address in the same currency")
    yield from _windowed("address", "ip_players", "different players on the address")
    yield from _windowed(
        "address", "subnet_purchases", "purchases from the address's /24 (IPv4) or /64 (IPv6)"
    )
    yield from _windowed(
        "address", "subnet_players", "different players on the address's /24 (IPv4) or /64 (IPv6)"
    )


def _device() -> Iterator[Feature]:
    yield from _windowed("device", "device_purchases", "purchases on the device")
    yield from _windowed("device", "device_spend", "spent on the device in the same currency")
    yield from _windowed("device", "device_players", "different players on the device")


def _item() -> Iterator[Feature]:
    yield from _windowed("item", "item_purchases", "purchases of the item (of this game, in this currency)")
    yield from _windowed("item", "item_spend", "spent on the item")
    yield from _windowed("item", "item_players", "different players who bought the item")
    yield from _means("item", "item")


def _receipt() -> Iterator[Feature]:
    yield Feature(
        "receipt_purchases_30d", "number", "receipt", "purchases with the same transaction id, 30 days"
    )
    yield Feature(
        "receipt_players_30d", "number", "receipt", "different players with this transaction id, 30 days"
    )


def _labelled() -> Iterator[Feature]:
    for window in LABELLED:
        known = f"7 days old and known at the purchase, ripe in the last {window}"
        yield Feature(
            f"item_labelled_{window}", "number", "event", f"labels of the item's purchases, {known}"
        )
        yield Feature(
            f"item_fraud_share_{window}", "number", "event", f"share of fraud in the labels {known}"
        )
    for which in ("first", "last"):
        doc = (
            f"seconds since the item's {which} fraud label of the last 30 days became ripe; missing when none"
        )
        yield Feature(f"item_since_{which}_fraud_s", "number", "event", doc)


def _all() -> Iterator[Feature]:
    for name, kind, doc in _EVENT:
        yield Feature(name, kind, "event", doc)
    for of in (_player, _address, _device, _item, _receipt, _labelled):
        yield from of()


FEATURES: Mapping[str, Feature] = MappingProxyType({feature.name: feature for feature in _all()})
COLUMNS: Mapping[Group, tuple[str, ...]] = MappingProxyType(
    {
        group: tuple(feature.name for feature in FEATURES.values() if feature.group == group)
        for group in ("player", "address", "device", "item", "receipt", "event")
    }
)
