"""A dispatcher in a time that passes by itself: hours in a moment, and receivers that follow a script."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import msgspec

from sinks.outbox import Outbox
from sinks.outbox_report import Attempt, attempts, message, reading
from sinks.webhook_dispatcher import Batch, Dispatcher, Kept, Record
from sinks.webhook_endpoints import EVERYTHING, Endpoint, Wanted
from sinks.webhook_exchange import Answer
from sinks.webhook_lane import Means, Silenced, nothing_silenced
from sinks.webhook_schedule import Rests, Schedule
from sinks.webhook_signature import read_secret
from sinks.webhook_url import Reach, read_url
from topics.fraud_outbox import Outgoing
from topics.message_kinds import ALERT

BEGIN_MS = 1_795_000_000_000
LONG_S = 3_600.0  # a run this long looks less often
SECRET = read_secret("whsec_" + "A" * 32)
DELIVERED = Answer("delivered", 204)


class _Passing(selectors.DefaultSelector):
    """Does not wait: time passes instead."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout:
            self.passed_s += timeout
        return found


class PassingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes on as soon as nothing is to be done."""

    def __init__(self) -> None:
        self.passing = _Passing()
        super().__init__(self.passing)

    def time(self) -> float:
        return self.passing.passed_s


@dataclass(frozen=True, slots=True)
class Post:
    """One POST of the dispatcher."""

    endpoint: str
    at_s: float
    id: str
    timestamp: int
    body: bytes


Script = Callable[[Post, int], Answer | Awaitable[Answer]]


@dataclass
class Played:
    """One store, its receivers, and what they got; `script` answers the nth try of an id at an endpoint."""

    folder: Path
    script: Script
    schedule: Schedule = field(default_factory=Schedule)
    silenced: Silenced = nothing_silenced
    posts: list[Post] = field(default_factory=list)
    at_s: float = 0.0  # when the last run ended
    off_ms: int = 0  # of the clock

    def of(self, endpoint: str) -> list[str]:
        return [post.id for post in self.posts if post.endpoint == endpoint]

    def run(
        self,
        endpoints: Sequence[Endpoint],
        seconds: float,
        *steps: tuple[float, Callable[[Dispatcher], None]],
    ) -> None:
        """Dispatch for so long; do each step at its time."""
        loop = PassingLoop()
        loop.passing.passed_s = self.at_s
        outbox = Outbox(self.folder)
        try:
            loop.run_until_complete(self._run(loop, outbox, endpoints, seconds, steps))
        finally:
            self.at_s = loop.time()
            outbox.close()
            loop.close()

    async def _run(
        self,
        loop: PassingLoop,
        outbox: Outbox,
        endpoints: Sequence[Endpoint],
        seconds: float,
        steps: Sequence[tuple[float, Callable[[Dispatcher], None]]],
    ) -> None:
        stop, begun = asyncio.Event(), loop.time()

        async def post(endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Answer:
            made = Post(
                endpoint.name,
                round(loop.time() - begun, 3),
                headers["webhook-id"],
                int(headers["webhook-timestamp"]),
                body,
            )
            self.posts.append(made)
            turn = sum((of.endpoint, of.id) == (made.endpoint, made.id) for of in self.posts)
            answer = self.script(made, turn)
            return answer if isinstance(answer, Answer) else await answer

        means = Means(
            post,
            lambda: BEGIN_MS + round(loop.time() * 1000) + self.off_ms,
            Random(7),
            self.schedule,
            Rests(),
            self.silenced,
        )
        dispatcher = Dispatcher(outbox, means, kept=Kept(look_s=0.25 if seconds < LONG_S else 600.0))
        dispatcher.configure(endpoints)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dispatcher.run(stop))
            for at_s, step in sorted(steps, key=lambda of: of[0]):
                await asyncio.sleep(begun + at_s - loop.time())
                step(dispatcher)
            await asyncio.sleep(begun + seconds - loop.time())
            stop.set()

    def states(self, message_id: str) -> dict[str, tuple[str, int, str]]:
        """Give state, tries and reason of a message at each endpoint."""
        with reading(self.folder / "outbox.sqlite") as db:
            found = message(db, message_id)
        return {} if found is None else {of.endpoint: (of.state, of.tries, of.reason) for of in found[1]}

    def tries(self, message_id: str) -> list[Attempt]:
        with reading(self.folder / "outbox.sqlite") as db:
            return list(reversed(attempts(db, message_id)))


def endpoint(name: str, wanted: Wanted = EVERYTHING, url: str = "", at_once: int = 8) -> Endpoint:
    reach = Reach(loopback=True)
    target = read_url(url or f"https://localhost/{name}", reach)
    return Endpoint(name, target, (SECRET,), wanted, reach, at_once)


def outgoing(message_id: str, player: str = "p1", score: float = 0.9, decision: str = "block") -> Outgoing:
    return Outgoing(
        id=message_id,
        alert_id=message_id.partition(".")[0],
        kind=ALERT,
        player_id=player,
        rule_id="velocity",
        rule_version=1,
        score=score,
        decision=decision,
        time="2026-11-22T00:00:00Z",
        body=f'{{"type":"fraud.alert","data":{{"alert_id":"{message_id}"}}}}',
    )


def taken(*messages: Outgoing | bytes | None, at: int = 0) -> Callable[[Dispatcher], None]:
    """Make the step in which these come from the topic, from an offset on."""
    values = [msgspec.json.encode(one) if isinstance(one, Outgoing) else one for one in messages]
    records = [Record(0, at + number, value) for number, value in enumerate(values)]
    return lambda dispatcher: dispatcher.take(Batch("0a1b2c3d", records, {0: at + len(records)}))
