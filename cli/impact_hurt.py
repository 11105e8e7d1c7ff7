"""Servers that incidents hurt, as `server_impact` tells of them: one for each, with its money by currency."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from cli.desk import Desk
from cli.harmless import moment

_ASKED = """
SELECT
    incident_id, game_id, server_id, servers, region, kinds, severity, linked_by,
    toUnixTimestamp64Milli(onset) AS onset_ms, toUnixTimestamp64Milli(until) AS until_ms,
    toUnixTimestamp64Milli(resolved_at) AS resolved_ms, players, players_quit, players_silent,
    arrayFilter(of -> of.1 != '', groupArray((
        currency, toString(expected_revenue), toString(actual_revenue), toString(missing_revenue),
        toString(revenue_at_risk)
    ))) AS money,
    count() OVER () AS all
FROM server_impact_since(since = {since:String})
GROUP BY ALL
ORDER BY onset_ms DESC, incident_id, servers
LIMIT {limit:UInt32}
"""


class Money(msgspec.Struct, frozen=True):
    """Revenue in one currency, as text with 4 decimals."""

    currency: str
    expected_revenue: str
    actual_revenue: str
    missing_revenue: str
    revenue_at_risk: str


class Hurt(msgspec.Struct, frozen=True):
    """A server in an incident, or the servers of a region; times are epoch ms."""

    incident_id: str
    game_id: str
    server_id: str
    servers: list[str]
    region: str
    kinds: list[str]
    severity: str
    linked_by: str
    onset_ms: int
    until_ms: int
    resolved_ms: int | None
    players: int
    players_quit: int
    players_silent: int
    money: list[Money]


class Found(msgspec.Struct, frozen=True):
    """The newest of them, and how many there are in all."""

    hurt: list[Hurt]
    all: int


def hurt_since(desk: Desk, since_ms: int, limit: int) -> Found:
    """Give what incidents hurt that were opened since then."""
    since = moment(since_ms).replace("T", " ").removesuffix("Z")
    rows = desk.ask(_ASKED, {"since": since, "limit": limit})
    return Found([_hurt(row) for row in rows], int(str(rows[0][-1])) if rows else 0)


def _hurt(row: Sequence[object]) -> Hurt:
    *told, money, _ = row
    named = dict(zip(Hurt.__struct_fields__, told, strict=False))
    sums = msgspec.convert(money, list[tuple[str, Decimal, Decimal, Decimal, Decimal]])
    return msgspec.convert({**named, "money": [_money(*of) for of in sums]}, Hurt)


def _money(currency: str, *amounts: Decimal) -> Money:
    return Money(currency, *(f"{amount:.4f}" for amount in amounts))
