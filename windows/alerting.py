"""Suspicious purchases to alerts, as a Bytewax step: rows of `fraud_alerts`, and messages that are due.

Rules:
- One stateful step, `alerts`, keyed by a shard of the players: a player's alerts lie in one place. Its id
  is a constant: a renamed step silently loses its state.
- An alert that changed gives its whole row at once; the version counts its purchases, so a replay changes
  nothing. A message is given when its purchase is judged; a replay gives it again under the same id.
- An alert is forgotten once its window is out of reach: end + allowed lateness <= its partition's promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import TypeAlias
from zlib import crc32

import bytewax.operators as op
import msgspec
import polars as pl
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from models.fraud_alert import OpenAlert, Suspicion, messages_of, told
from topics.fraud_outbox import Outgoing
from windows.codec import FORMAT, packed_state, read_state
from windows.plan import SHARDS, Plan
from windows.rows import Rows

Told: TypeAlias = Rows | Outgoing
_TIME = pl.Datetime("ms", "UTC")


@dataclass(frozen=True, slots=True)
class Suspicions:
    """Suspicious purchases of one take, in offset order; `guarantee_ms` is what its partition promises."""

    partition: int
    guarantee_ms: int
    found: tuple[Suspicion, ...]


class Held(msgspec.Struct):
    """An open alert, and the partition that its purchases come from."""

    partition: int
    alert: OpenAlert


class AlertsState(msgspec.Struct, frozen=True):
    """One shard's open alerts."""

    format: int
    held: list[Held]


class AlertsLogic(StatefulBatchLogic[Suspicions, Told, bytes]):
    """Keeps one shard's open alerts."""

    def __init__(self, plan: Plan, packed: bytes | None) -> None:
        self._plan = plan
        self._open: dict[str, OpenAlert] = {}
        self._ends: dict[int, list[tuple[int, str]]] = {}  # of each partition a heap of (end, alert)
        if packed is not None:
            for held in read_state(packed, AlertsState, "open alerts").held:
                self._open[held.alert.alert_id] = held.alert
                self._note_end(held.partition, held.alert)

    def on_batch(self, values: list[Suspicions]) -> tuple[Iterable[Told], bool]:
        """Let purchases join their alerts; gives messages, and the rows that changed."""
        out: list[Told] = []
        changed: dict[str, OpenAlert] = {}
        for value in values:
            for found in value.found:
                known = found.alert_id in self._open
                out.extend(messages_of(self._open, found))
                alert = changed[found.alert_id] = self._open[found.alert_id]
                if not known:
                    self._note_end(value.partition, alert)
        if changed:
            out.append(alert_rows(changed.values(), self._plan.generation))
        for value in values:
            self._free(value.partition, self._plan.closed_before(value.guarantee_ms))
        return out, not self._open

    def snapshot(self) -> bytes:
        """Write all open alerts."""
        held = [
            Held(partition, self._open[name]) for partition, ends in self._ends.items() for _, name in ends
        ]
        return packed_state(AlertsState(FORMAT, held))

    def _note_end(self, partition: int, alert: OpenAlert) -> None:
        heappush(self._ends.setdefault(partition, []), (alert.ends_ms, alert.alert_id))

    def _free(self, partition: int, closed_ms: int) -> None:
        ends = self._ends.get(partition, [])
        while ends and ends[0][0] <= closed_ms:
            del self._open[heappop(ends)[1]]


def alert_rows(alerts: Iterable[OpenAlert], generation: int) -> Rows:
    """Give the rows of `fraud_alerts_upserts` for alerts as they stand."""
    frame = pl.DataFrame(
        [
            {
                "alert_id": alert.alert_id,
                "window_start": alert.window_ms,
                "game_id": alert.first.game_id,
                "player_id": alert.first.player_id,
                "rule_id": alert.first.rule_id,
                "rule_version": alert.first.rule_version,
                "score": alert.score,
                "decision": alert.decision,
                "reasons": msgspec.json.encode(told(alert.reasons)).decode(),
                "evidence": msgspec.json.encode(alert.evidence).decode(),
                "purchases": alert.purchases,
                "model_version": alert.first.model_version,
                "shadow": alert.first.shadow,
                "first_event_time": alert.first_event_ms,
                "detected_at": alert.first.kafka_ms,
                "version": generation << 48 | alert.purchases,
            }
            for alert in alerts
        ],
        schema_overrides={"rule_version": pl.UInt32, "purchases": pl.UInt32, "version": pl.UInt64},
    )
    times = pl.col("window_start", "first_event_time", "detected_at").cast(_TIME)
    return Rows("fraud_alerts_upserts", frame.with_columns(times))


@operator
def alerting(step_id: str, suspicions: KeyedStream[Suspicions], plan: Plan) -> Stream[Told]:
    """Gather suspicions, keyed by `shard_of` their players; gives rows and messages."""
    del step_id  # bytewax names the steps inside by it
    told = op.stateful_batch("alerts", suspicions, partial(AlertsLogic, plan))
    return op.map("told", told, _unkeyed)


def shard_of(player_id: str) -> str:
    """Name the shard that holds a player's alerts.

    >>> shard_of("player-1")
    '03'

    """
    return f"{crc32(player_id.encode()) % SHARDS:02d}"


def by_shard(suspicions: Suspicions) -> list[tuple[str, Suspicions]]:
    """Part suspicions by shard, in their order."""
    parts: dict[str, list[Suspicion]] = {}
    for found in suspicions.found:
        parts.setdefault(shard_of(found.player_id), []).append(found)
    return [
        (shard, Suspicions(suspicions.partition, suspicions.guarantee_ms, tuple(found)))
        for shard, found in parts.items()
    ]


def _unkeyed(keyed: tuple[str, Told]) -> Told:
    return keyed[1]
