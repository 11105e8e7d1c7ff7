"""What is known of the servers of one partition, and what is wrong with them: samples in, alarms out.

Rules:
- Samples come in the order of the log, so what follows from them is the same at every reading.
- A server's metrics are streams of the detector (`models.anomaly`), its samples are beats
  (`models.heartbeats`). What a server is part of (fleet, region) is as it first said.
- Every value of a metric is counted by what became of it: scored, learnt from, too old.
- What a server reports around a restart that it announces is not scored (`models.server_restarts`).
- A resolved alarm keeps what it was last told with. Who says that it leaves has no alarm any more.
- Who was silent for a day is forgotten; beyond `MOST_SERVERS` those who were silent longest are, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from models.anomaly import CHANGES, KINDS, MISSING, NOTHING, Scored, Streams
from models.heartbeats import LEAVING, Beat, Beats
from models.seen import seen_ms
from models.server_alarm import HEARTBEAT, Alarm, Change, Kind, severity_of
from models.server_names import Ints, Name, ServerNames
from models.server_restarts import Restarts, saying

METRICS = ("cpu_load", "memory_usage", "latency", "tick_ms")
COLUMNS = ("game_id", "server_id", "event_time", "kafka_time_ms", "fleet_id", "region", "state", *METRICS)
MOST_SERVERS = 50_000
TIDIES_MS = 3_600_000  # of event time between two looks at who is to be forgotten
Flags = npt.NDArray[np.bool_]
Where = tuple[str, str]  # fleet, region


class WatchState(msgspec.Struct, frozen=True):
    """All that is known of a partition's servers, as it is kept; `open` are open alarms, by stream."""

    names: list[Name]
    where: list[Where]
    streams: bytes
    beats: bytes
    restarts: bytes
    open: dict[int, Alarm]
    verdicts: list[int]
    tidied_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Look:
    """One metric of some samples, row by row: streams, values, times, and how far the partition had come."""

    metric: str
    streams: Ints
    values: npt.NDArray[np.float64]
    time_ms: Ints
    seen_ms: Ints


class ServerWatch:
    """Watches the servers of one partition; `state` is what was kept of an earlier watch.

    `seen_ms` is how far the partition has come (`models.seen`).
    """

    def __init__(self, state: WatchState | None = None) -> None:
        self.names = ServerNames(state.names if state else ())
        self._where = list(state.where) if state else []
        self._streams = Streams.unpacked(state.streams) if state else Streams()
        self._beats = Beats.unpacked(state.beats) if state else Beats()
        self._restarts = Restarts(np.frombuffer(state.restarts, np.int64).copy() if state else None)
        self._open = dict(state.open) if state else {}
        self.verdicts: Ints = np.array(state.verdicts if state else [0] * MISSING, np.int64)
        self._tidied_ms = state.tidied_ms if state else 0
        self.seen_ms = state.seen_ms if state else 0

    def state(self) -> WatchState:
        """Give all that is known."""
        return WatchState(
            self.names.names,
            self._where,
            self._streams.pack(),
            self._beats.pack(),
            self._restarts.said_ms.tobytes(),
            self._open,
            self.verdicts.tolist(),
            self._tidied_ms,
            self.seen_ms,
        )

    def see(self, samples: pl.DataFrame) -> list[Alarm]:
        """Look at samples (`COLUMNS`), in the order of the log; gives the alarms that follow.

        What became of each value is counted in `verdicts`, in the order of the detector's codes.
        """
        servers = self._servers(samples)
        time_ms, kafka_ms = samples["event_time"].to_numpy(), samples["kafka_time_ms"].to_numpy()
        seen = seen_ms(self.seen_ms, time_ms, kafka_ms)
        self.seen_ms = int(seen[-1])
        leaving = saying(samples["state"], LEAVING)
        alarms = self._silences(self._beats.beat(servers, time_ms, kafka_ms, leaving))
        unsettled = self._restarts.unsettled(servers, time_ms, samples["state"])
        some = bool(unsettled.any())
        for place, metric in enumerate(METRICS):
            values = samples[metric]
            if values.null_count() < samples.height:
                numbers = values.to_numpy()  # NaN where there is none
                numbers = np.where(unsettled, np.nan, numbers) if some else numbers
                look = Look(metric, servers * len(METRICS) + place, numbers, time_ms, seen)
                alarms += self._scored(look)
        alarms += self._left(servers, leaving, time_ms, seen)
        self._tidy(int(time_ms.max(initial=0)))
        return alarms

    def spread(self, partitions: int, now_ms: int) -> None:
        """Note over how many partitions servers are spread, and what time it is (`models.heartbeats`)."""
        self._beats.spread(partitions, now_ms)

    def quiet(self, since_ms: int, now_ms: int) -> list[Alarm]:
        """Look at a silence that the broker has vouched for, from one moment to another (`windows.take`)."""
        return self._silences(self._beats.quiet(since_ms, now_ms))

    def _servers(self, samples: pl.DataFrame) -> Ints:
        """Number the servers of samples and make room for those that are new."""
        known = len(self.names)
        servers = self.names.numbers(samples["game_id"], samples["server_id"])
        if len(self.names) > known:
            self._streams.grow(len(self.names) * len(METRICS))
            self._beats.grow(len(self.names))
            self._restarts.grow(len(self.names))
            _, first = np.unique(servers, return_index=True)
            rows = first[servers[first] >= known]  # by number, which is the order in which they came
            self._where.extend(samples.select(pl.col("fleet_id", "region").fill_null(""))[rows].rows())
        return servers

    def _scored(self, look: Look) -> list[Alarm]:
        scored = self._streams.score(look.streams, look.time_ms, look.values)
        self.verdicts += np.bincount(scored.verdict, minlength=MISSING + 1)[:MISSING]
        rows = np.flatnonzero(scored.change != NOTHING).tolist()
        return [self._changed(look, scored, row) for row in rows]

    def _left(self, servers: Ints, leaving: Flags, time_ms: Ints, seen: Ints) -> list[Alarm]:
        """Resolve the alarms of servers that say that they leave: nobody else ever would."""
        if not self._open or not leaving.any():
            return []
        rows = {int(servers[row]): row for row in np.flatnonzero(leaving)[::-1].tolist()}  # the first of each
        streams = [stream for stream in self._open if stream // len(METRICS) in rows]
        self._streams.forget(np.array(streams, np.int64))
        at = [(stream, rows[stream // len(METRICS)]) for stream in streams]
        return [self._resolved(stream, int(time_ms[row]), int(seen[row])) for stream, row in at]

    def _resolved(self, stream: int, time_ms: int, seen_ms: int) -> Alarm:
        before = self._open.pop(stream)
        told, change = before.told + 1, Change.RESOLVED
        return msgspec.structs.replace(before, change=change, told=told, time_ms=time_ms, seen_ms=seen_ms)

    def _changed(self, look: Look, scored: Scored, row: int) -> Alarm:
        """Give the alarm that a sample changed."""
        stream, change = int(look.streams[row]), CHANGES[int(scored.change[row])]
        time_ms, seen_ms = int(look.time_ms[row]), int(look.seen_ms[row])
        if change is Change.RESOLVED and stream in self._open:
            return self._resolved(stream, time_ms, seen_ms)
        told = self._open[stream].told + 1 if stream in self._open else 1
        kind = KINDS[int(scored.kind[row])]
        server = stream // len(METRICS)
        (game_id, server_id), (fleet_id, region) = self.names.names[server], self._where[server]
        self._open[stream] = Alarm(
            game_id=game_id,
            server_id=server_id,
            fleet_id=fleet_id,
            region=region,
            metric=look.metric,
            kind=kind,
            change=change,
            severity=severity_of(kind, change),
            opened_ms=int(scored.opened_ms[row]),
            time_ms=time_ms,
            since_ms=int(scored.since_ms[row]),
            value=float(look.values[row]),
            low=_bound(scored.low[row]),
            high=_bound(scored.high[row]),
            score=float(scored.score[row]),
            told=told,
            seen_ms=seen_ms,
        )
        return self._open[stream]

    def _silences(self, beats: Sequence[Beat]) -> list[Alarm]:
        seen = self._beats.seen_ms
        return [self._silence(beat, seen_ms) for beat, seen_ms in zip(beats, seen, strict=True)]

    def _silence(self, beat: Beat, seen_ms: int) -> Alarm:
        """Give the alarm of a missed heartbeat: its value is the silence, in seconds."""
        (game_id, server_id), (fleet_id, region) = self.names.names[beat.server], self._where[beat.server]
        return Alarm(
            game_id=game_id,
            server_id=server_id,
            fleet_id=fleet_id,
            region=region,
            metric=HEARTBEAT,
            kind=Kind.MISSED_HEARTBEAT,
            change=beat.change,
            severity=severity_of(Kind.MISSED_HEARTBEAT, beat.change),
            opened_ms=beat.opened_ms,
            time_ms=beat.time_ms,
            since_ms=beat.since_ms,
            value=(beat.time_ms - beat.since_ms) / 1000,
            low=None,
            high=(beat.opened_ms - beat.since_ms) / 1000,
            score=1.0,
            told=1 if beat.change is Change.OPENED else 2,
            seen_ms=seen_ms,
        )

    def _tidy(self, newest_ms: int) -> None:
        """Forget who is silent for a day, now and then."""
        if newest_ms - self._tidied_ms < TIDIES_MS:
            return
        self._tidied_ms = newest_ms
        kept = self._beats.alive()[-MOST_SERVERS:]
        if kept.size == len(self.names):
            return
        streams = (kept[:, None] * len(METRICS) + np.arange(len(METRICS))).ravel()
        self._beats.keep(kept)
        self._restarts = Restarts(self._restarts.said_ms[kept])
        self._streams.keep(streams)
        self._open = {new: self._open[old] for new, old in enumerate(streams.tolist()) if old in self._open}
        self.names = ServerNames([self.names.names[number] for number in kept.tolist()])
        self._where = [self._where[number] for number in kept.tolist()]


def _bound(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
