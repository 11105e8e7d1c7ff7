"""The features of purchases in plain Python, one purchase after the other: the first, slow version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from models.fraud_kinds import LONG, SESSION_GAP_MS, WINDOWS

Row = Mapping[str, object]
Number = float | None


@dataclass(slots=True)
class Past:
    """The purchases of one entity, each with the time at which it counts."""

    rows: list[tuple[int, Row]] = field(default_factory=list)

    def add(self, row: Row) -> int:
        """Keep a purchase; gives the time at which it counts."""
        event_time = row["event_time"]
        assert isinstance(event_time, int)
        at = max(event_time, self.rows[-1][0] if self.rows else event_time)
        self.rows = [kept for kept in self.rows if kept[0] > at - WINDOWS["30d"]]
        self.rows.append((at, row))
        return at

    def within(self, window: str) -> list[Row]:
        """Give the purchases of a window that ends with the newest."""
        at = self.rows[-1][0]
        return [row for time, row in self.rows if time > at - WINDOWS[window]]


def network_of(text: str) -> tuple[str, str]:
    """Name an address and its /24 or /64; text that is no address is both itself."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.strip())
    except ValueError:
        return text, text and text + "/"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address))
    prefix = 24 if address.version == 4 else 64  # noqa: PLR2004
    return str(address), str(ip_network((address, prefix), strict=False))


def _spend(rows: Iterable[Row], currency: object) -> float:
    return float(sum(_price(row) for row in rows if row["currency"] == currency)) / 10_000


def _price(row: Row) -> int:
    price = row["price"]
    assert isinstance(price, int)
    return price


def _different(rows: Iterable[Row], column: str) -> int:
    return len({row[column] for row in rows if row[column]})


def _means(who: str, past: Past, row: Row) -> dict[str, Number]:
    found: dict[str, Number] = {}
    price = float(_price(row)) / 10_000
    for window in LONG:
        prices = [_price(of) for of in past.within(window)[:-1] if of["currency"] == row["currency"]]
        mean = float(sum(prices)) / 10_000 / len(prices) if prices else None
        found[f"{who}_mean_{window}"] = mean
        suffix = "" if window == "30d" else f"_{window}"
        found[f"amount_to_{who}_mean{suffix}"] = price / mean if mean else None
    return found


class PlainHistories:
    """All histories, in dictionaries."""

    def __init__(self) -> None:
        self._past: dict[tuple[object, ...], Past] = defaultdict(Past)

    def features(self, row: Row) -> dict[str, Number | bool]:
        """Fold one purchase; gives the features that need a history."""
        address, subnet = network_of(str(row["ip_address"]))
        goods = (row["game_id"] or "", row["item_id"])
        row = {**row, "_ip": address, "_subnet": subnet, "_goods": goods}
        found = self._of_player(row)
        found |= self._counted("ip", ("_ip",), row, {"players": "player_id"}, spend=True)
        found |= self._counted("subnet", ("_subnet",), row, {"players": "player_id"})
        found |= self._counted("device", ("device_id",), row, {"players": "player_id"}, spend=True)
        item = ("game_id", "item_id", "currency")
        found |= self._counted("item", item, row, {"players": "player_id"}, spend=True)
        found |= _means("item", self._past["item", *(row[name] for name in item)], row)
        if row["transaction_id"]:
            past = self._past["receipt", row["transaction_id"]]
            past.add(row)
            found["receipt_purchases_30d"] = len(past.within("30d"))
            found["receipt_players_30d"] = _different(past.within("30d"), "player_id")
        return found

    def _counted(
        self, who: str, by: tuple[str, ...], row: Row, sets: Mapping[str, str], *, spend: bool = False
    ) -> dict[str, Number | bool]:
        if not row[by[-1]]:
            return {}
        past = self._past[who, *(row[name] for name in by)]
        past.add(row)
        found: dict[str, Number | bool] = {}
        for window in WINDOWS:
            rows = past.within(window)
            found[f"{who}_purchases_{window}"] = len(rows)
            if spend:
                found[f"{who}_spend_{window}"] = _spend(rows, row["currency"])
            for name, column in sets.items():
                found[f"{who}_{name}_{window}"] = _different(rows, column)
        return found

    def _of_player(self, row: Row) -> dict[str, Number | bool]:
        past = self._past["player", row["player_id"]]
        before = past.rows[-1][0] if past.rows else None
        sets = {"ips": "_ip", "devices": "device_id", "items": "_goods"}
        found = self._counted("player", ("player_id",), row, sets, spend=True)
        at = past.rows[-1][0]
        first = len(past.rows) == 1
        found |= _means("player", past, row)
        week, month = found["player_mean_7d"], found["player_mean_30d"]
        found["player_mean_7d_to_30d"] = week / month if week is not None and month else None
        found["first_purchase"] = first
        found["since_last_purchase_s"] = None if first or before is None else (at - before) / 1000
        return found | self._of_session(row, at)

    def _of_session(self, row: Row, at: int) -> dict[str, Number | bool]:
        session = self._past["session", row["player_id"], row["session_id"] or ""]
        if not row["session_id"] and session.rows and at - session.rows[-1][0] >= SESSION_GAP_MS:
            session.rows = []
        session.add({**row, "event_time": at})
        rows = session.within("30d")
        columns = {"session_ips": "_ip", "session_countries": "country", "session_currencies": "currency"}
        return {name: _different(rows, column) for name, column in columns.items()}
