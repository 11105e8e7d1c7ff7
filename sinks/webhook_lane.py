"""One endpoint's lane: its queue, its breaker and its tries, beside and apart from all others.

Rules: what a receiver does to a try is its answer; what goes wrong in the store ends the dispatcher. A try is
written down after it was made, so a killed dispatcher makes it again: same id, same body. An endpoint whose
breaker is not closed keeps its queue; what has waited longer than all tries take is then dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from random import Random

from sinks.outbox import DEAD, DELIVERED, SILENCED, Due, Outbox, Try
from sinks.outbox_care import breaker_of, bury_old, disable, is_disabled, save_breaker
from sinks.webhook_endpoints import Endpoint
from sinks.webhook_exchange import Answer
from sinks.webhook_schedule import Breaker, Rests, Schedule, asked_ms
from sinks.webhook_signature import headers

LONGEST_BODY = 20_000  # bytes: Standard Webhooks' advice
LOOK_MS = 120_000  # a lane looks at its queue at least this often
ASKS_FOR_TIME = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
Post = Callable[[Endpoint, Mapping[str, str], bytes], Awaitable[Answer]]
Silenced = Callable[[str, str, int], int | None]


def nothing_silenced(player_id: str, rule_id: str, now_ms: int) -> int | None:
    """Silence nobody."""
    del player_id, rule_id, now_ms
    return None


@dataclass(frozen=True, slots=True)
class Means:
    """What lanes work with; `silenced` says from memory until when a player and rule are to be silent."""

    post: Post
    now_ms: Callable[[], int]
    random: Random
    schedule: Schedule = field(default_factory=Schedule)
    rests: Rests = field(default_factory=Rests)
    silenced: Silenced = nothing_silenced


class Lane:
    """Delivers what the store holds for one endpoint, until `end`."""

    def __init__(self, endpoint: Endpoint, outbox: Outbox, means: Means) -> None:
        self.endpoint, self._outbox, self._means = endpoint, outbox, means
        self._breaker, self._disabled = Breaker(), False
        self._under_way = set[int]()
        self._woken, self._ending = asyncio.Event(), False
        self.look()

    def look(self) -> None:
        """Read anew how the endpoint stands in the store, and go on."""
        self._breaker = breaker_of(self._outbox, self.endpoint.name)
        self._disabled = is_disabled(self._outbox, self.endpoint.name)
        self.wake()

    def wake(self) -> None:
        """Look at the queue now."""
        self._woken.set()

    def end(self) -> None:
        """Begin nothing more; `run` ends when what is under way has."""
        self._ending = True
        self.wake()

    async def run(self) -> None:
        """Deliver until `end`."""
        async with asyncio.TaskGroup() as tries:
            while not self._ending:
                self._woken.clear()
                now_ms = self._means.now_ms()
                for due in self._due(now_ms):
                    self._under_way.add(due.seq)
                    tries.create_task(self._send(due))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._rest_ms(now_ms) / 1000):
                        await self._woken.wait()

    def _due(self, now_ms: int) -> list[Due]:
        """Give what may be sent now."""
        if self._disabled:
            return []
        room = self._breaker.room(now_ms, len(self._under_way), self.endpoint.at_once)
        if room:
            return self._outbox.due(self.endpoint.name, now_ms, room, self._under_way)
        if now_ms < self._breaker.until_ms and not self._under_way:
            since_ms = now_ms - self._means.schedule.span_ms
            why = f"the endpoint has failed for too long: {self._breaker.why}"
            bury_old(self._outbox, self.endpoint.name, since_ms, why, now_ms)
        return []

    def _rest_ms(self, now_ms: int) -> int:
        """Say how long nothing can be due; what comes wakes us."""
        if self._disabled:
            return LOOK_MS
        if now_ms < self._breaker.until_ms:
            return min(self._breaker.until_ms - now_ms, LOOK_MS)
        if not self._breaker.room(now_ms, len(self._under_way), self.endpoint.at_once):
            return LOOK_MS
        next_ms = self._outbox.next_ms(self.endpoint.name, tuple(self._under_way))
        return LOOK_MS if next_ms is None else min(max(next_ms - now_ms, 0), LOOK_MS)

    async def _send(self, due: Due) -> None:
        try:
            became, answer = await self._try(due)
            with self._outbox.writing():
                self._outbox.end(self.endpoint.name, due, became)
                if answer is not None:
                    self._learn(answer, became)
        finally:
            self._under_way.discard(due.seq)
            self.wake()

    async def _try(self, due: Due) -> tuple[Try, Answer | None]:
        """Make one try, unless nothing is to be sent; gives what became of it, and the answer to it."""
        now_ms, body = self._means.now_ms(), due.body.encode()
        until_ms = self._means.silenced(due.player_id, due.rule_id, now_ms)
        if until_ms is not None and until_ms > now_ms:
            why = f"silenced until {datetime.fromtimestamp(until_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
            return Try("silenced", now_ms, error=why, state=SILENCED, reason=why, counts=False), None
        if len(body) > LONGEST_BODY:
            why = f"its body has {len(body):,} bytes, more than {LONGEST_BODY:,}"
            return Try("oversize", now_ms, error=why, state=DEAD, reason=why, counts=False), None
        signed = headers(due.id, now_ms // 1000, body, self.endpoint.secrets)
        answer = await self._means.post(self.endpoint, signed, body)
        return self._judged(due, answer, now_ms), answer

    def _judged(self, due: Due, answer: Answer, at_ms: int) -> Try:
        """Say what an answer means for the message."""
        made = (answer.result, at_ms, answer.status, answer.ms, answer.error)
        if answer.delivered:
            return Try(*made, state=DELIVERED)
        if answer.status == HTTPStatus.GONE:
            return Try(*made, state=DEAD, reason=f"the endpoint is gone: {answer.error}")
        now_ms, tries = self._means.now_ms(), due.tries + 1
        next_ms = self._means.schedule.next_ms(tries, now_ms, self._means.random)
        if next_ms is None:
            return Try(*made, state=DEAD, reason=f"{tries} tries, the last: {answer.error}")
        return Try(*made, next_ms=max(next_ms, now_ms + (asked_ms(answer.retry_after, now_ms) or 0)))

    def _learn(self, answer: Answer, became: Try) -> None:
        """Take an answer as news of the endpoint (in `writing`)."""
        now_ms, before = self._means.now_ms(), self._breaker
        if answer.status == HTTPStatus.GONE:
            self._disabled = True
            disable(self._outbox, self.endpoint.name, became.reason, now_ms)
            return
        if answer.is_well:
            self._breaker = before.answered(now_ms)
        else:
            self._breaker = before.failed(now_ms, answer.error, self._means.rests, self._means.random)
        asked = asked_ms(answer.retry_after, now_ms) if answer.status in ASKS_FOR_TIME else None
        if asked:
            self._breaker = self._breaker.asked(now_ms + asked, answer.error)
        if self._breaker != before:
            save_breaker(self._outbox, self.endpoint.name, self._breaker)
