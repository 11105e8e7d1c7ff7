"""`verify outage`: a flow under full load while ClickHouse is away, ill or slow, and Kafka hangs.

Rules: the load never pauses. The flow `engagement` reaches ClickHouse through a proxy that can be ill;
`purchases` reaches it directly, as a neighbour that must notice nothing. At the end every row is compared
with the load's own count.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from embedded.services import Services
from flows.parts import utc_now
from sinks.clickhouse_client import connect
from topics.errors import Broken
from verify.outage.load import Load
from verify.outage.process import LOOK_S, Figures, FlowProcess, flow_process, wait_for
from verify.outage.proxy import FaultyProxy, Trouble
from verify.outage.right import Wrong, wrong

MB = 1 << 20
WARM_S = 12.0  # until buffers have their usual size
SETTLED_S = 180.0  # for catching up, at most
ILL_S = {
    Trouble.SLOW: 12.0,
    Trouble.TOO_MANY_PARTS: 5.0,
    Trouble.ERROR_500: 5.0,
    Trouble.CUT: 5.0,
    Trouble.SILENT: 5.0,
}
GROWTH_MB, RED_WITHIN_S, CATCH_UP, NEIGHBOUR_S, KAFKA_BACK_S = 256, 15.0, 5.0, 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """How long ClickHouse and Kafka are away, and how many events a second come meanwhile."""

    seconds: float
    kafka_s: float
    per_second: int
    others: bool = True  # the other troubles of ClickHouse too


@dataclass(slots=True)
class Found:
    """What was measured; a figure of a part that was not run is None."""

    before_mb: int = 0
    peak_mb: int = 0
    paused_after_s: float | None = None
    red_after_s: float | None = None
    resumed_after_s: float = 0.0
    catch_up: float = 0.0
    neighbour_s: float = 0.0  # worst freshness of the other flow meanwhile
    ill_back_s: dict[str, float] = field(default_factory=dict)
    kafka_red_s: float | None = None
    kafka_back_s: float | None = None
    wrong: Wrong = field(default_factory=Wrong)

    @property
    def grew_mb(self) -> int:
        """Give how much memory grew."""
        return max(self.peak_mb - self.before_mb, 0)


def short_of(asked: Asked, found: Found) -> list[str]:
    """Name what is not as promised."""
    kafka = (found.kafka_red_s or 0.0, found.kafka_back_s or 0.0)
    checks = {
        "memory": found.grew_mb <= GROWTH_MB,
        "reading did not pause": found.paused_after_s is not None,
        "health": found.red_after_s is not None and found.red_after_s <= RED_WITHIN_S,
        "catching up": found.catch_up >= CATCH_UP,
        "the other flow": found.neighbour_s <= NEIGHBOUR_S,
        "Kafka": kafka[0] <= RED_WITHIN_S and kafka[1] <= KAFKA_BACK_S,
        "Kafka's health": asked.kafka_s <= RED_WITHIN_S or found.kafka_red_s is not None,
        "numbers": not found.wrong,
    }
    return [name for name, well in checks.items() if not well]


def play(services: Services, asked: Asked, folder: Path, say: Callable[[str], None]) -> Found:
    """Play it all; says what happens, gives what was measured.

    Raises:
        Broken: a flow ended, which nothing here may do, or does not catch up.

    """
    found = Found()
    base = {**services.environment(), "GAMEWAX_RECOVERY__DIR": str(folder / "recovery")}
    log_path = folder / "flows.log"
    with (
        log_path.open("w") as log,
        FaultyProxy(services.clickhouse_url) as proxy,
        Load(services.bootstrap_servers, asked.per_second, now_ms) as load,
        flow_process("purchases", base, log) as neighbour,
        flow_process("engagement", {**base, "GAMEWAX_CLICKHOUSE__URL": proxy.url}, log) as flow,
    ):
        scene = Scene(flow, neighbour, proxy, load, asked, found, say)
        scene.warm()
        scene.away()
        if asked.others:
            scene.ill()
        if asked.kafka_s:
            scene.kafka(services.state.kafka.pid)
        load.end()
        for of, sent in ((flow, load.sent.events), (neighbour, load.sent.purchases)):
            finish(of, sent)
        with connect(services.settings().clickhouse, services.settings().clickhouse.database) as client:
            found.wrong = wrong(client, load)
        say(f"compared every row with the load's own count: {found.wrong}")
    return found


def finish(flow: FlowProcess, sent: int) -> None:
    """Let a flow read all that was sent, and end it.

    Raises:
        Broken: it does not get there, or ends badly.

    """
    wait_for(lambda: flow.look().read >= sent, SETTLED_S, lambda: f"{flow.name} does not catch up")
    if code := flow.end():
        raise Broken(f"flow {flow.name} ended with {code}")


def now_ms() -> int:
    """Give the present."""
    return int(utc_now().timestamp() * 1000)


class Scene:
    """The parts on stage, and the acts that are played with them."""

    def __init__(  # noqa: PLR0913, PLR0917  the whole stage
        self,
        flow: FlowProcess,
        neighbour: FlowProcess,
        proxy: FaultyProxy,
        load: Load,
        asked: Asked,
        found: Found,
        say: Callable[[str], None],
    ) -> None:
        self._flow, self._neighbour, self._proxy, self._load = flow, neighbour, proxy, load
        self._asked, self._found, self._say = asked, found, say

    def warm(self) -> None:
        """Let the flow reach its usual size, and note its memory."""
        wait_for(lambda: self._caught_up(self._flow.look()), SETTLED_S, lambda: "the flow does not get ready")
        seen = list(self._looks(WARM_S))
        self._found.before_mb = max(look.rss for look in seen[len(seen) // 2 :]) // MB
        self._say(f"{self._asked.per_second} events/s; memory {self._found.before_mb} MB")

    def away(self) -> None:
        """ClickHouse refuses connections for the time that was asked for, then comes back."""
        found, seconds = self._found, self._asked.seconds
        with self._in_trouble(Trouble.AWAY):
            since = time.monotonic()
            seen = list(self._looks(seconds))
        read = seen[-1].read
        still = next(look for look in seen if look.read == read)
        red = [look for look in seen if "clickhouse_away" in look.reasons]
        found.peak_mb = max(look.rss for look in seen) // MB
        found.paused_after_s = still.at_s - since if still is not seen[-1] else None
        found.red_after_s = red[0].at_s - since if red else None
        self._say(
            f"ClickHouse away for {seconds:.0f} s: memory at most {found.peak_mb} MB, {paused(found)}, "
            f"{self._load.sent.events - read} messages behind, not ready {told(found.red_after_s)}; "
            f"the other flow was at most {found.neighbour_s:.1f} s behind"
        )
        self._catch_up(read)

    def ill(self) -> None:
        """Bring each other trouble for some seconds."""
        for trouble, seconds in ILL_S.items():
            with self._in_trouble(trouble):
                seen = list(self._looks(seconds))
            back_s = self._until_well()
            self._found.ill_back_s[trouble.name.lower()] = back_s
            self._found.peak_mb = max(self._found.peak_mb, *(look.rss // MB for look in seen))
            self._say(f"ClickHouse {trouble.value} for {seconds:.0f} s: caught up {back_s:.1f} s later")

    def kafka(self, pid: int | None) -> None:
        """Kafka stands still (SIGSTOP), then goes on."""
        if pid is None:
            raise Broken("Kafka does not run")
        os.kill(pid, signal.SIGSTOP)
        since = time.monotonic()
        try:
            seen = list(self._looks(self._asked.kafka_s, neighbour=False))
        finally:
            os.kill(pid, signal.SIGCONT)
        red = [look for look in seen if "kafka_away" in look.reasons]
        self._found.kafka_red_s = red[0].at_s - since if red else None
        self._found.kafka_back_s = self._until_well()
        self._say(
            f"Kafka stood still for {self._asked.kafka_s:.0f} s: not ready {told(self._found.kafka_red_s)}, "
            f"caught up {self._found.kafka_back_s:.1f} s after its return"
        )

    @contextmanager
    def _in_trouble(self, trouble: Trouble) -> Iterator[None]:
        self._proxy.become(trouble)
        try:
            yield
        finally:
            self._proxy.become(Trouble.NONE)

    def _catch_up(self, read: int) -> None:
        """Time how the backlog is worked off, from the moment that reading goes on."""
        back_s = time.monotonic()
        wait_for(lambda: self._flow.look().read > read, SETTLED_S, lambda: "reading does not go on")
        goes_on = self._flow.look()
        self._found.resumed_after_s = goes_on.at_s - back_s
        self._until_well()
        done = self._flow.look()
        rate = (done.read - goes_on.read) / max(done.at_s - goes_on.at_s, LOOK_S)
        self._found.catch_up = rate / self._asked.per_second
        self._say(
            f"ClickHouse is back: reading went on after {self._found.resumed_after_s:.1f} s, "
            f"and catches up at {self._found.catch_up:.1f} times the live rate"
        )

    def _until_well(self) -> float:
        begun_s = time.monotonic()
        wait_for(lambda: self._caught_up(self._flow.look()), SETTLED_S, lambda: "the flow does not catch up")
        return time.monotonic() - begun_s

    def _caught_up(self, look: Figures) -> bool:
        behind = self._load.sent.events - look.read
        return behind < self._asked.per_second and not look.reasons

    def _looks(self, seconds: float, *, neighbour: bool = True) -> Iterator[Figures]:
        """Look again and again for some time."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            yield self._flow.look()
            if neighbour and self._found.before_mb:
                self._found.neighbour_s = max(self._found.neighbour_s, self._neighbour.look().fresh_s)
            time.sleep(LOOK_S * 3)


def told(after_s: float | None) -> str:
    """Say when something was seen, if it was.

    >>> told(None), told(3.14)
    ('never', 'after 3.1 s')

    """
    return "never" if after_s is None else f"after {after_s:.1f} s"


def paused(found: Found) -> str:
    """Say when reading paused."""
    after_s = found.paused_after_s
    return "reading never paused" if after_s is None else f"reading paused after {after_s:.1f} s"
