"""Which alerts are due, by whole columns of each server's samples: shares no code with the flow."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """A sample as a partition holds it; `ms` is its time."""

    partition: int
    offset: int
    ms: int
    event: Event


def due(log: str, samples: Iterable[Told], limits: Mapping[str, float]) -> tuple[dict[str, Event], int]:
    """Give the alerts by id, without their place and time, and how many samples come too late."""
    by_server: dict[tuple[int, str, str], list[Told]] = defaultdict(list)
    for of in sorted(samples, key=lambda of: (of.partition, of.offset)):
        by_server[of.partition, of.event.get("game_id", ""), of.event["server_id"]].append(of)
    alerts: dict[str, Event] = {}
    late = 0
    for (_, game, server), told in by_server.items():
        newest = [-1, *accumulate((of.ms for of in told), max)]
        judged = [of for of, before in zip(told, newest, strict=False) if of.ms > before]
        late += len(told) - len(judged)
        for metric, limit in limits.items():
            opened = None
            levels = [False, *(of.event[metric] > limit for of in judged)]
            for of, (before, after) in zip(judged, pairwise(levels), strict=True):
                if before == after:
                    continue
                place = f"{log}:server-metrics:{of.partition}:{of.offset}:{metric}"
                name = hashlib.sha256(place.encode()).hexdigest()[:32]
                alert: dict[str, Any] = {"id": name, "kind": "above" if after else "resolved"}
                alert |= {"server_id": server, "metric": metric, "value": of.event[metric], "limit": limit}
                alerts[name] = (
                    alert | ({"game_id": game} if game else {}) | ({} if after else {"resolves": opened})
                )
                opened = name
    return alerts, late
