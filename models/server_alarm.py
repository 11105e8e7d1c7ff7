"""Alarms of game servers: what was seen, what was expected, since when; and what a server's alarm is called.

Rules: an alarm follows from the log alone, so who reads it again gives the same alarm the same id. It is told
up to three times: when it opens, each time it becomes severer, and when it is resolved.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

import msgspec

WARNING, CRITICAL = "warning", "critical"
HEARTBEAT = "heartbeat"  # the metric of an alarm about a server that is silent


class Kind(StrEnum):
    """What is wrong."""

    SPIKE = "spike"
    SHIFT = "shift"
    FLATLINE = "flatline"
    MISSED_HEARTBEAT = "missed_heartbeat"


class Change(StrEnum):
    """What became of an alarm."""

    OPENED = "opened"
    WORSE = "worse"
    RESOLVED = "resolved"


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm of one server as it stands now.

    `opened_ms` is the event time (epoch ms) that it opened at, which never changes; `time_ms` that of this
    change; `since_ms` when what is wrong began. `told` counts its changes so far: 1 when it opens. `score` is
    0-1, `value` what was seen, `low` to `high` what was expected (never NaN; None: no bound).
    A resolved alarm keeps the values that it was last told with. `seen_ms` puts changes of all partitions in
    one order: how far their partition had come when it was seen (`models.seen`); 0: as far as `time_ms`.
    """

    game_id: str
    server_id: str
    metric: str
    kind: Kind
    change: Change
    severity: str
    opened_ms: int
    time_ms: int
    since_ms: int
    value: float
    low: float | None
    high: float | None
    score: float
    told: int
    fleet_id: str = ""
    region: str = ""
    seen_ms: int = 0

    @property
    def anomaly_id(self) -> str:
        """Name the alarm."""
        return anomaly_id(self.game_id, self.server_id, self.metric, self.kind, self.opened_ms)


def anomaly_id(game_id: str, server_id: str, metric: str, kind: str, opened_ms: int) -> str:
    r"""Name an alarm: the first 128 bits of SHA-256 over server, metric, kind and opening time, in hex.

    >>> anomaly_id("", "server_01", "latency", "spike", 1_700_000_000_000)
    '2c6f8dac06ce6955ae2dd7fde54eecad'

    """
    named = "\x1f".join((game_id, server_id, metric, kind, str(opened_ms)))
    return sha256(named.encode()).hexdigest()[:32]


def severity_of(kind: Kind, change: Change) -> str:
    """Say how bad it is: a silent server and what becomes worse are critical.

    >>> severity_of(Kind.SPIKE, Change.OPENED)
    'warning'

    """
    return CRITICAL if kind is Kind.MISSED_HEARTBEAT or change is Change.WORSE else WARNING
