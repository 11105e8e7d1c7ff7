"""The dispatcher: takes messages into the store, and has a lane for each endpoint that delivers them.

Rules: one thread, one loop; what may block (Kafka, names) is elsewhere. A message goes to the endpoints that
want it when it is taken. The store is the truth: what commands change in it is seen at the next look, and an
endpoint that is no longer in the file keeps its queue until that is too old.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import structlog

from sinks.outbox import Outbox
from sinks.outbox_care import bury, bury_old, forget, is_disabled, know, refuse, shift
from sinks.webhook_endpoints import Endpoint
from sinks.webhook_lane import Lane, Means
from sinks.webhook_signature import ID
from topics.errors import BadInput
from topics.fraud_outbox import Outgoing

log = structlog.get_logger()

LOOK_S = 0.25  # how soon what a command wrote is seen
CARE_MS = 60_000
SET_BACK_MS = 1_000  # clocks are kept right by smaller steps than this
DAY_MS = 86_400_000
GONE = "the endpoint is disabled: it said that it is gone"
Reread = Callable[[], Sequence[Endpoint] | None]


class Record(NamedTuple):
    """One record of the topic."""

    partition: int
    offset: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of a log in their order, and the offsets to read next after them."""

    log: str
    records: Sequence[Record]
    places: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days the story of what has ended is kept, and how often we look for changes."""

    days: float = 30.0
    look_s: float = LOOK_S


def unchanged() -> None:
    """Say that the endpoints are as they were."""


class Dispatcher:
    """Delivers from a store.

    Args:
        outbox: the store, which the caller owns.
        means: clock, chance and how to send.
        reread: asked now and then for endpoints that have changed; `BadInput` keeps those that are.
        kept: how long the story of what has ended is kept, and how often to look for changes.

    """

    def __init__(
        self, outbox: Outbox, means: Means, reread: Reread = unchanged, kept: Kept | None = None
    ) -> None:
        self._outbox, self._means, self._reread, self._kept = outbox, means, reread, kept or Kept()
        self._care_ms = 0
        self._lanes: dict[str, Lane] = {}
        self._running: asyncio.TaskGroup | None = None
        self._looked_s, self._clock_ms = time.monotonic(), 0

    def still_s(self) -> float:
        """Say how long ago it last looked around; any thread may ask."""
        return time.monotonic() - self._looked_s

    def configure(self, endpoints: Sequence[Endpoint]) -> None:
        """Deliver to these from now on."""
        with self._outbox.writing():
            for endpoint in endpoints:
                know(self._outbox, endpoint.name, endpoint.target.origin + endpoint.target.path)
        for name in self._lanes.keys() - {endpoint.name for endpoint in endpoints}:
            self._lanes.pop(name).end()
        for endpoint in endpoints:
            if endpoint.name in self._lanes:
                lane = self._lanes[endpoint.name]
                lane.endpoint = endpoint
                lane.look()
            else:
                lane = self._lanes[endpoint.name] = Lane(endpoint, self._outbox, self._means)
                if self._running is not None:
                    self._running.create_task(lane.run())

    def take(self, batch: Batch) -> None:
        """Keep a batch and where reading goes on, as one; then let the lanes look."""
        now_ms = self._means.now_ms()
        with self._outbox.writing():
            for record in batch.records:
                read = read_message(record.value)
                if isinstance(read, str):
                    place = (batch.log, record.partition, record.offset)
                    refuse(self._outbox, place, read, record.value, now_ms)
                    log.warning("no message", partition=record.partition, offset=record.offset, error=read)
                else:
                    self._address(read, now_ms)
            self._outbox.passed(batch.log, batch.places)
        for lane in self._lanes.values():
            lane.wake()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until asked to stop; what is under way then is waited for."""
        async with asyncio.TaskGroup() as running:
            self._running = running
            for lane in self._lanes.values():
                running.create_task(lane.run())
            while not stop.is_set():
                self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._kept.look_s):
                        await stop.wait()
            self._running = None
            for lane in self._lanes.values():
                lane.end()

    def _address(self, message: Outgoing, now_ms: int) -> None:
        """Keep one message for the endpoints that want it, unless its id was there."""
        seq = self._outbox.add(message, now_ms)
        if seq is None:
            return
        for name, lane in self._lanes.items():
            if lane.endpoint.wanted.takes(message):
                self._outbox.address(seq, str(message.player_id), name, now_ms)
                if is_disabled(self._outbox, name):
                    bury(self._outbox, name, seq, GONE, now_ms)

    def _look(self) -> None:
        """See what has changed: the endpoints' file, and what commands wrote into the store."""
        self._looked_s = time.monotonic()
        try:
            endpoints = self._reread()
        except BadInput as error:
            log.error("endpoints stay as they were", error=str(error))  # noqa: TRY400  told in one line
        else:
            if endpoints is not None:
                self.configure(endpoints)
                log.info("endpoints read", names=[endpoint.name for endpoint in endpoints])
        set_back_ms = self._set_back_ms()
        if set_back_ms > SET_BACK_MS:
            shift(self._outbox, -set_back_ms)
            log.warning("the clock was set back: what waits is moved with it", by_s=set_back_ms / 1000)
        if self._outbox.changed() or set_back_ms > SET_BACK_MS:
            for lane in self._lanes.values():
                lane.look()
        if self._means.now_ms() >= self._care_ms:
            self._care_ms = self._means.now_ms() + CARE_MS
            self._care()

    def _set_back_ms(self) -> int:
        """Say by how much the clock was set back since the last look."""
        loop_ms, now_ms = round(asyncio.get_running_loop().time() * 1000), self._means.now_ms()
        before, self._clock_ms = self._clock_ms, now_ms - loop_ms
        return max(before - self._clock_ms, 0) if before else 0

    def _care(self) -> None:
        """End what nobody can deliver any more, and forget what ended long ago."""
        now_ms = self._means.now_ms()
        waiting = self._outbox.db.execute("SELECT DISTINCT endpoint FROM deliveries WHERE state = 'pending'")
        for (name,) in waiting.fetchall():
            if name not in self._lanes:
                why = "the endpoint is not in the file any more"
                bury_old(self._outbox, name, now_ms - self._means.schedule.span_ms, why, now_ms)
        forget(self._outbox, now_ms - round(self._kept.days * DAY_MS))


def read_message(value: bytes | None) -> Outgoing | str:
    """Read a record's value; what is no message gives the reason."""
    if value is None:
        return "a record without a value"
    try:
        message = msgspec.json.decode(value, type=Outgoing)
        message.body.encode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return f"no message: {error}"
    if not ID.fullmatch(str(message.id)):
        return "its id cannot stand in a header"
    return message
