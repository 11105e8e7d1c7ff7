"""Thresholds: which samples of a server take a metric above its limit, and which bring it back.

Rules:
- One alert when a metric is above its limit (value > limit) that was not before, and one `resolved` when
  it is not above any more; what stays above says nothing more.
- Samples are judged in the order in which they come, the log's. One that is not newer than the last judged
  of its server (a copy, or out of order) is not judged: it changes nothing.
- Servers are told apart by game and id. The latest `MOST_SERVERS` that sent anything are known; who was
  forgotten and comes back is a new server, with nothing above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from topics.alerts import ABOVE, RESOLVED, Alert, alert_id

MOST_SERVERS = 50_000  # of a partition: some 3 MB of its snapshot
METRICS = ("cpu_load", "memory_usage", "latency")
_BEFORE_ALL_MS = -1


class Sample(NamedTuple):
    """What a server said of itself at a time (epoch ms), and the message: its place and its bytes."""

    offset: int
    game_id: str
    server_id: str
    time_ms: int
    values: tuple[float, ...]  # as in METRICS
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is no alert, in the metric's own unit; None: not watched."""

    cpu_load: float | None = None
    memory_usage: float | None = None
    latency: float | None = None

    def watched(self) -> Iterator[tuple[str, int, float]]:
        """Give the watched metrics: name, place in a sample's values, limit."""
        for place, (metric, limit) in enumerate(
            zip(METRICS, (self.cpu_load, self.memory_usage, self.latency), strict=True)
        ):
            if limit is not None:
                yield metric, place, limit


@dataclass(slots=True)
class Server:
    """What is kept of a server: when its last judged sample was, and the ids of its open alerts by metric."""

    newest_ms: int = _BEFORE_ALL_MS
    above: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Levels:
    """Judges the samples of one partition of a log, one after another.

    `servers` are in the order of their last samples, by (game_id, server_id).
    """

    limits: Limits
    log: str
    topic: str
    partition: int
    servers: dict[tuple[str, str], Server] = field(default_factory=dict)
    _watched: tuple[tuple[str, int, float], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Know what is watched."""
        self._watched = tuple(self.limits.watched())

    def judge(self, sample: Sample) -> list[Alert] | None:
        """Give a sample's alerts, at most one a metric; None when it is not newer than its server's last.

        >>> levels = Levels(Limits(cpu_load=90), "0a1b2c3d", "server-metrics", 0)
        >>> [alert.kind for alert in levels.judge(Sample(0, "", "s", 1_000, (90.5, 1, 1)))]
        ['above']
        >>> levels.judge(Sample(1, "", "s", 2_000, (99.0, 1, 1)))
        []
        >>> levels.judge(Sample(2, "", "s", 2_000, (10.0, 1, 1))) is None
        True
        >>> [alert.kind for alert in levels.judge(Sample(3, "", "s", 3_000, (90.0, 1, 1)))]
        ['resolved']

        """
        server = self._server((sample.game_id, sample.server_id))
        if sample.time_ms <= server.newest_ms:
            return None
        server.newest_ms = sample.time_ms
        alerts: list[Alert] = []
        for metric, place, limit in self._watched:
            if (sample.values[place] > limit) != (metric in server.above):
                resolves = server.above.pop(metric, None)
                alert = self._alert(sample, metric, (sample.values[place], limit), resolves)
                if resolves is None:
                    server.above[metric] = str(alert.id)
                alerts.append(alert)
        return alerts

    def _server(self, name: tuple[str, str]) -> Server:
        """Give what is known of a server, which is now the latest."""
        server = self.servers.pop(name, None)
        if server is None:
            server = Server()
            if len(self.servers) >= MOST_SERVERS:
                del self.servers[next(iter(self.servers))]
        self.servers[name] = server
        return server

    def _alert(self, sample: Sample, metric: str, found: tuple[float, float], resolves: str | None) -> Alert:
        """Give the alert; `found` is the value and the limit."""
        value, limit = found
        moment = datetime.fromtimestamp(sample.time_ms / 1000, UTC).isoformat(timespec="milliseconds")
        return Alert(
            id=alert_id(self.log, self.topic, self.partition, sample.offset, metric),
            kind=RESOLVED if resolves else ABOVE,
            game_id=sample.game_id,
            server_id=sample.server_id,
            metric=metric,
            value=value,
            limit=limit,
            time=moment.replace("+00:00", "Z"),
            log=self.log,
            topic=self.topic,
            partition=self.partition,
            offset=sample.offset,
            resolves=resolves,
        )
