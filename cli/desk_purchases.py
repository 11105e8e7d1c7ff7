"""Purchases that labels are about, looked up in the raw table: by place, by transaction, of an alert."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cli.desk import Desk
from cli.desk_alerts import Alert
from models.fraud_alert import Evidence
from topics.errors import BadInput
from topics.purchase_events import TOPIC

PLACE = re.compile(r"(?:([0-9a-f]{8}):)?([A-Za-z0-9._-]{1,249}):(\d{1,9}):(\d{1,18})")
AT_ONCE = 1_000  # names in one question
Place = tuple[str, int, int]  # log, partition, offset
_COLUMNS = (
    "log, partition, offset, toString(topic), player_id, item_id, game_id, toString(currency), "
    "toUnixTimestamp64Milli(purchase_timestamp), transaction_id"
)
_BY_PLACE = f"""
SELECT {_COLUMNS} FROM purchase_events
WHERE `offset` IN {{offsets:Array(Int64)}} AND `partition` IN {{partitions:Array(Int32)}}
"""  # noqa: S608
_BY_TRANSACTION = f"""
SELECT {_COLUMNS} FROM purchase_events WHERE transaction_id IN {{ids:Array(String)}}
ORDER BY kafka_time, `log`, `partition`, `offset`
"""  # noqa: S608
_SAID = """
SELECT `log`, `partition`, `offset`, argMax(said.fraud, (said.kafka_time, said.record_offset))
FROM fraud_labels_of_purchases AS said
WHERE player_id IN {players:Array(String)} GROUP BY `log`, `partition`, `offset`
"""


class Bought(NamedTuple):
    """A purchase; what the archive does not have of it is None."""

    log: str
    partition: int
    offset: int
    topic: str
    player_id: str
    item_id: str | None
    game_id: str
    currency: str | None
    bought_ms: int
    transaction_id: str | None

    @property
    def place(self) -> Place:
        """Say where it lies."""
        return self.log, self.partition, self.offset


def of_alert(desk: Desk, alert: Alert, game_id: str) -> list[Bought]:
    """Give the purchases of an alert's evidence; those that the archive lacks as far as they are known."""
    found = {of.place: of for of in _at(desk, [_place(of) for of in alert.evidence])}
    return [found.get(_place(of)) or _known(alert.player_id, game_id, of) for of in alert.evidence]


def of_place(desk: Desk, text: str) -> Bought:
    """Give the purchase at topic:partition:offset, or log:topic:partition:offset.

    Raises:
        BadInput: it is no place, or the archive has no purchase there, or several (the topic was made anew).

    """
    read = PLACE.fullmatch(text)
    if read is None or read[2] != TOPIC.name:
        raise BadInput(f"{text!r} is no place of a purchase: give {TOPIC.name}:PARTITION:OFFSET")
    at = int(read[3]), int(read[4])
    found = [of for of in _at(desk, [("", *at)]) if of.place[1:] == at and read[1] in {None, of.log}]
    if not found:
        raise BadInput(f"the archive has no purchase at {text}: does it run (./gamewax run archive)?")
    if len(found) > 1:
        names = ", ".join(f"{of.log}:{of.topic}:{of.partition}:{of.offset}" for of in found)
        raise BadInput(f"{text} is the place of {len(found)} purchases, say which: {names}")
    return found[0]


def of_transactions(desk: Desk, ids: Sequence[str]) -> dict[str, list[Bought]]:
    """Give the purchases of each transaction that the archive knows."""
    found: dict[str, list[Bought]] = {}
    for at in range(0, len(ids), AT_ONCE):
        for row in desk.ask(_BY_TRANSACTION, {"ids": list(ids[at : at + AT_ONCE])}):
            bought = _bought(row)
            found.setdefault(str(bought.transaction_id), []).append(bought)
    return found


def said_of(desk: Desk, purchases: Iterable[Bought]) -> dict[Place, bool]:
    """Give what the latest label says of each of these players' purchases that has one."""
    players = sorted({of.player_id for of in purchases})
    found: dict[Place, bool] = {}
    for at in range(0, len(players), AT_ONCE):
        for log, partition, offset, fraud in desk.ask(_SAID, {"players": players[at : at + AT_ONCE]}):
            found[str(log), int(str(partition)), int(str(offset))] = bool(fraud)
    return found


def _at(desk: Desk, places: Sequence[Place]) -> list[Bought]:
    """Give purchases at these partitions and offsets, and perhaps some more."""
    if not places:
        return []
    asked = {"offsets": [of[2] for of in places], "partitions": sorted({of[1] for of in places})}
    return [_bought(row) for row in desk.ask(_BY_PLACE, asked)]


def _place(of: Evidence) -> Place:
    return of.log, of.partition, of.offset


def _known(player_id: str, game_id: str, of: Evidence) -> Bought:
    """Give what the evidence says of a purchase that is not archived."""
    named = {name: str(of.features[name]) for name in ("item_id", "currency") if of.features.get(name)}
    item_id, currency = named.get("item_id"), named.get("currency")
    return Bought(*_place(of), of.topic, player_id, item_id, game_id, currency, of.time_ms, None)


def _bought(row: Sequence[object]) -> Bought:
    return Bought(*row)  # type: ignore[arg-type]
