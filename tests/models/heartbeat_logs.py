"""Logs of servers that beat, and what `Beats` says about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from models.heartbeats import Beat, Beats
from models.server_alarm import Change

T0 = 1_700_000_000_000
S = 1000


class Sample(NamedTuple):
    """One sample of a server."""

    server: int
    time_ms: int
    kafka_ms: int
    leaving: bool = False


class Tick(NamedTuple):
    """Proven silence."""

    since_ms: int
    now_ms: int


def every(server: int, interval_s: float, begin_s: float, end_s: float, lag_ms: int = 20) -> list[Sample]:
    """A server's samples from a second on, before another one; seconds count from `T0`."""
    count = int((end_s - begin_s) / interval_s + 0.999999)
    times = [T0 + round((begin_s + at * interval_s) * S) for at in range(count)]
    return [Sample(server, time, time + lag_ms) for time in times]


def jittered(samples: Iterable[Sample], most_ms: int, seed: int) -> list[Sample]:
    """The same, each a little later."""
    random = Random(seed)
    late = ((of, random.randrange(most_ms)) for of in samples)
    return [of._replace(time_ms=of.time_ms + ms, kafka_ms=of.kafka_ms + ms) for of, ms in late]


def log(*samples: Iterable[Sample]) -> list[Sample]:
    """All samples in the order of Kafka's time."""
    return sorted((of for some in samples for of in some), key=lambda of: of.kafka_ms)


def ticks(begin_s: float, end_s: float) -> list[Tick]:
    """A tick a second, the last one at the end."""
    begin, end = round(begin_s * S), round(end_s * S)
    return [Tick(begin, now) for now in range(begin + S, end + 1, S)]


def read(beats: Beats, samples: Sequence[Sample]) -> list[Beat]:
    """Give a batch of samples to `beats`, which makes room for its servers."""
    if not samples:
        return []
    beats.grow(1 + max(of.server for of in samples))
    servers, times, kafka, leaving = zip(*samples, strict=True)
    return beats.beat(np.array(servers), np.array(times), np.array(kafka), np.array(leaving, np.bool_))


def pieces(whole: Sequence[Sample | Tick]) -> Iterator[list[Sample] | Tick]:
    """Part a log into batches at its ticks."""
    batch: list[Sample] = []
    for of in whole:
        if isinstance(of, Tick):
            yield batch
            yield of
            batch = []
        else:
            batch.append(of)
    yield batch


def said(*whole: Sequence[Sample | Tick], beats: Beats | None = None) -> list[Beat]:
    """All that is found in a log, batch by batch."""
    beats = Beats() if beats is None else beats
    found: list[Beat] = []
    for part in whole:
        for piece in pieces(part):
            found += beats.quiet(*piece) if isinstance(piece, Tick) else read(beats, piece)
    return found


def opened(server: int, last_s: float, interval_s: float) -> Beat:
    """An alarm about a server, last heard at a second."""
    last, interval = T0 + round(last_s * S), round(interval_s * S)
    return Beat(server, last + 3 * interval, last, interval, Change.OPENED, last + 3 * interval)


def resolved(server: int, last_s: float, interval_s: float, at_s: float) -> Beat:
    """Its end."""
    return opened(server, last_s, interval_s)._replace(change=Change.RESOLVED, time_ms=T0 + round(at_s * S))
