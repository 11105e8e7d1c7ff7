"""What the features of a purchase are, worked out from all purchases before it; no code is shared."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

Row = Mapping[str, Any]
Found = dict[str, float | bool]
Place = tuple[object, object]

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
SPANS = {"1m": MINUTE, "10m": 10 * MINUTE, "1h": 60 * MINUTE, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}


def place_of(text: str) -> tuple[Place, Place]:
    """Name an address and its network; ('text', …) for what is none."""
    bare = text.strip()
    bare = bare[1:].split("]")[0] if bare.startswith("[") else bare.split("%")[0]
    try:
        address = ip_address(bare)
    except ValueError:
        return ("text", text), ("text", text)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    whole = int(address)
    return (address.version, whole), (address.version, whole >> (8 if address.version == 4 else 64))


class Oracle:
    """The purchases, and when each counts in the history of each of its entities."""

    def __init__(self, purchases: Sequence[Row]) -> None:
        self.rows = [self._named(row) for row in purchases]
        self.members: dict[Place, list[tuple[int, int]]] = defaultdict(
            list
        )  # of an entity: (row's number, time)
        self.horizons: dict[str, list[int]] = {kind: [] for kind in KINDS}
        self.place: dict[Place, int] = {}
        for kind, (subject, _) in KINDS.items():
            self._lay(kind, subject)

    def _named(self, row: Row) -> Row:
        ip, net = place_of(row["ip_address"]) if row["ip_address"] else (None, None)
        goods = (row["game_id"] or "", row["item_id"])
        return {**row, "ip": ip, "net": net, "goods": goods, "item": (*goods, row["currency"])}

    def _lay(self, kind: str, subject: str) -> None:
        newest = 0
        for number, row in enumerate(self.rows):
            entity = row[subject]
            if entity:
                newest = max(newest, row["event_time"])
            self.horizons[kind].append(newest - 31 * DAY)
            if not entity:
                continue
            past = self.members[kind, entity]
            time = row["event_time"]
            if past and past[-1][1] >= newest - 31 * DAY:
                time = max(time, past[-1][1])
            self.place[kind, number] = len(past)
            past.append((number, time))

    def window(self, kind: str, number: int, span: int) -> list[Row]:
        """Give the purchases of a window, oldest first, the purchase itself last."""
        entity = self.rows[number][KINDS[kind][0]]
        past, place = self.members[kind, entity], self.place[kind, number]
        since = max(past[place][1] - span + 1, self.horizons[kind][number])
        begin = place
        while begin and past[begin - 1][1] >= since:
            begin -= 1
        return [self.rows[of] for of, _ in past[begin : place + 1]]

    def features(self, number: int) -> Found:
        """Give all features of a purchase that need a history; those that are missing are left out."""
        row = self.rows[number]
        found: Found = {}
        for kind, (subject, sets) in KINDS.items():
            if row[subject]:
                found |= self._counted(kind, number, sets)
        found |= self._means("player", number) | self._means("item", number)
        return found | self._player(number) | self._session(number)

    def _counted(self, kind: str, number: int, sets: Mapping[str, str]) -> Found:
        found: Found = {}
        row = self.rows[number]
        for name, span in SPANS.items():
            if kind == "receipt" and name != "30d":
                continue
            rows = self.window(kind, number, span)
            found[f"{kind}_purchases_{name}"] = len(rows)
            if kind not in {"subnet", "receipt"}:
                spend = sum(of["price"] for of in rows if of["currency"] == row["currency"])
                found[f"{kind}_spend_{name}"] = float(spend) / 10_000
            for label, column in sets.items():
                found[f"{kind}_{label}_{name}"] = len({of[column] for of in rows} - {None, ""})
        return found

    def _means(self, kind: str, number: int) -> Found:
        found: Found = {}
        row = self.rows[number]
        for name in ("24h", "7d", "30d"):
            rows = self.window(kind, number, SPANS[name])[:-1]
            prices = [of["price"] for of in rows if of["currency"] == row["currency"]]
            if prices:
                mean = float(sum(prices)) / 10_000 / len(prices)
                found[f"{kind}_mean_{name}"] = mean
                if mean:
                    suffix = "" if name == "30d" else f"_{name}"
                    found[f"amount_to_{kind}_mean{suffix}"] = float(row["price"]) / 10_000 / mean
        return found

    def _player(self, number: int) -> Found:
        past, place = self.members["player", self.rows[number]["player_id"]], self.place["player", number]
        rows = self.window("player", number, SPANS["30d"])
        means = self._means("player", number)
        found: Found = {"first_purchase": len(rows) == 1}
        if len(rows) > 1:
            found["since_last_purchase_s"] = (past[place][1] - past[place - 1][1]) / 1000
        if means.get("player_mean_30d") and "player_mean_7d" in means:
            found["player_mean_7d_to_30d"] = means["player_mean_7d"] / means["player_mean_30d"]
        return found

    def _session(self, number: int) -> Found:
        row = self.rows[number]
        past, place = self.members["player", row["player_id"]], self.place["player", number]
        in_window = len(self.window("player", number, SPANS["30d"]))
        time, rows = past[place][1], [row]
        for of, before in reversed(past[place - in_window + 1 : place]):
            other = self.rows[of]
            if (other["session_id"] or "") != (row["session_id"] or ""):
                continue
            if not row["session_id"] and time - before >= 30 * MINUTE:
                break
            rows.append(other)
            time = before
        columns = {"session_ips": "ip", "session_countries": "country", "session_currencies": "currency"}
        return {name: len({of[column] for of in rows} - {None, ""}) for name, column in columns.items()}


KINDS = {
    "player": ("player_id", {"ips": "ip", "devices": "device_id", "items": "goods"}),
    "ip": ("ip", {"players": "player_id"}),
    "subnet": ("net", {"players": "player_id"}),
    "device": ("device_id", {"players": "player_id"}),
    "item": ("item", {"players": "player_id"}),
    "receipt": ("transaction_id", {"players": "player_id"}),
}


def ripe_labels(
    labels: Sequence[Row], row: Row, item_of: Callable[[Row], object], span: int
) -> tuple[int, int]:
    """Count the labels (and frauds) of an item that count at a purchase, within a span before it."""
    at = row["kafka_time_ms"]
    ripe = [
        (max(of["event_time"] + 7 * DAY, of["known_ms"]), of) for of in labels if item_of(of) == item_of(row)
    ]
    counting = sorted((when, of["fraud"]) for when, of in ripe if at - span < when <= at)
    return len(counting), sum(fraud for _, fraud in counting)
