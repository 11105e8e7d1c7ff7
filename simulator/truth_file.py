"""Writes the truth to a file: one JSON object a line, each with `fact` (docs/simulator.md names them all).

Rules: same run, same bytes. Money is a string with 4 decimals, times are RFC 3339 in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from simulator.fraud_truth import FraudTruth
from simulator.items import UNITS
from simulator.players import RING, RINGS
from simulator.server_faults import server_faults
from simulator.servers import Outage
from simulator.text_files import opened
from simulator.truth import Truth
from simulator.truth_rows import (
    FleetKey,
    GameKey,
    GameRow,
    HealthRow,
    LevelKey,
    LevelRow,
    RegionKey,
    SaleKey,
    SaleRow,
    ServerKey,
    TogetherRow,
)

WINDOWS_S = (10, 60)
Key: TypeAlias = LevelKey | GameKey | SaleKey | ServerKey | FleetKey | RegionKey
Row: TypeAlias = LevelRow | GameRow | SaleRow | HealthRow | TogetherRow
Fact: TypeAlias = Mapping[str, object]


def write_truth(path: Path, truth: Truth) -> None:
    """Write all facts.

    Raises:
        BadInput: the file cannot be written.

    """
    with opened(path) as file:
        for fact in facts(truth):
            file.write(json.dumps(fact, ensure_ascii=False).encode() + b"\n")


def facts(truth: Truth) -> Iterator[Fact]:
    """Give the run, its messages, what was planted, and the rows of every view."""
    plan = truth.world.plan
    yield {
        "fact": "run",
        "seed": plan.seed,
        "start": moment(plan.start_ms),
        "rate": plan.rate,
        "topics": list(plan.topics),
        "trouble": asdict(plan.trouble),
        "daily": plan.daily,
        **({"fraud": plan.fraud.share} if plan.fraud else {}),
    }
    for topic, kinds in truth.counts.kinds.items():
        yield {"fact": "messages", "topic": topic, "read": kinds.total(), **kinds}
        for reason, count in sorted(truth.counts.reasons[topic].items()):
            yield {"fact": "dead_letters", "topic": topic, "reason": reason, "count": count}
    yield from planted(truth)
    for size in WINDOWS_S:
        yield from rows(truth, size)


def planted(truth: Truth) -> Iterator[Fact]:
    """Name what somebody should find: traps, what befell servers so far, the leak, the rings, the frauds."""
    world = truth.world
    yield from ({"fact": "trap", "level_id": level_id} for level_id in world.levels.traps)
    for outage in world.servers.outages(truth.newest_us // 1000):
        server_id = world.servers.ids[outage.server]
        span = {"from": moment(outage.from_ms), "to": moment(outage.to_ms)}
        yield {"fact": "outage", "server_id": server_id, **span, **harm(truth, outage)}
    for fault in server_faults(world.servers, world.plan.start_ms, truth.newest_us // 1000):
        span = {"from": moment(fault.from_ms), "to": moment(fault.to_ms)}
        about = {"kind": fault.sort, "server_id": world.servers.ids[fault.server], **span}
        yield {"fact": "server_fault", **about, "metrics": list(fault.touches), "adds": dict(fault.adds)}
    if world.servers.leaky >= 0:
        yield {"fact": "leak", "server_id": world.servers.ids[world.servers.leaky]}
    if truth.fraud:
        yield from frauds(truth.fraud)
    elif world.plan.trouble.rings:
        for ring in range(RINGS):
            names = [world.names.keys[ring * RING + number].decode() for number in range(RING)]
            yield {"fact": "fraud_ring", "players": names, "device_id": f"shared_{ring}"}


def harm(truth: Truth, outage: Outage) -> Fact:
    """Tell what an outage did to players and revenue, if players are heard of."""
    if truth.outages is None:
        return {}
    found, keys = truth.outages.harm(outage, truth.newest_us // 1000), truth.world.names.keys
    sums = {code: [f"{Decimal(units) / UNITS:.4f}" for units in both] for code, both in found.money.items()}
    return {
        "players": [keys[player].decode() for player in found.players],
        "left": len(found.left),
        "silent": len(found.silent),
        "revenue": [{"currency": code, "before": a, "during": b} for code, (a, b) in sums.items()],
    }


def frauds(found: FraudTruth) -> Iterator[Fact]:
    """Name the cases of fraud, and the honest players who share an address."""
    for case in found.cases():
        span = {"from": moment(case.from_ms), "to": moment(case.to_ms)}
        named = {
            "players": case.players,
            "transaction_ids": case.transaction_ids,
            "event_ids": case.event_ids,
        }
        yield {
            "fact": "fraud",
            "case": case.number,
            "kind": case.kind,
            **span,
            "planned": case.planned,
            **named,
        }
    for shared in found.shared():
        yield {"fact": "nat", **asdict(shared)}


def rows(truth: Truth, window_s: int) -> Iterator[Fact]:
    """Give the rows of all views of one window size, by name of the view and by key."""
    views: Mapping[str, Iterable[tuple[Key, Row]]] = {
        "engagement_by_level": truth.engagement_by_level(window_s).items(),
        "engagement": truth.engagement(window_s).items(),
        "item_sales": truth.item_sales(window_s).items(),
        "server_health": truth.server_health(window_s).items(),
        "server_health_by_fleet": truth.server_health_by_fleet(window_s).items(),
        "server_health_by_region": truth.server_health_by_region(window_s).items(),
    }
    for view, found in views.items():
        for key, row in sorted(found):
            values = {name: plain(value) for name, value in row._asdict().items()}
            start = {"window_start": moment(key.window_start * 1000)}
            where = {"view": view, "window_seconds": window_s}
            yield {"fact": "row", **where, **key._asdict(), **start, **values}


def plain(cell: str | float | Decimal) -> str | float:
    """Write money as text."""
    return f"{cell:.4f}" if isinstance(cell, Decimal) else cell


def moment(at_ms: int) -> str:
    """Write an epoch ms."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
