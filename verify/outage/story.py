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
from dataclasses import dataclass
from pathlib import Path

from embedded.services import Services
from flows.parts import utc_now
from sinks.clickhouse_client import connect
from topics.errors import Broken
from verify.fault_proxy import FaultProxy, Trouble
from verify.outage.found import AWAY, CATCHING_UP, KAFKA, OTHERS, WARM, Asked, Found
from verify.outage.goals import after
from verify.outage.load import Load
from verify.outage.process import LOOK_S, Figures, FlowProcess, flow_process, wait_for
from verify.outage.right import wrong

MB = 1 << 20
WARM_S = 12.0  # until buffers have their usual size
SETTLED_S = 180.0  # for catching up, at most, besides the time away
ILL_S = {
    Trouble.SLOW_SERVER: 12.0,
    Trouble.SLOW_LINE: 5.0,
    Trouble.ERRORS: 10.0,
    Trouble.CUTS_REQUEST: 5.0,
    Trouble.CUTS_ANSWER: 5.0,
    Trouble.HALF_OPEN: 5.0,
}


def play(services: Services, asked: Asked, folder: Path, say: Callable[[str], None]) -> Found:
    """Play it all; says what happens, gives what was measured.

    Raises:
        Broken: a flow does not start.

    """
    found = Found()
    base = {**services.environment(), "GAMEWAX_RECOVERY__DIR": str(folder / "recovery")}
    log_path = folder / "flows.log"
    with (
        log_path.open("w") as log,
        FaultProxy(services.state.clickhouse.port) as proxy,
        Load(services.bootstrap_servers, asked.per_second, now_ms) as load,
        flow_process("purchases", base, log) as other,
        flow_process("engagement", {**base, "GAMEWAX_CLICKHOUSE__URL": proxy.url}, log) as flow,
    ):
        scene = Scene(flow, other, proxy, load, asked, found, say)
        try:
            scene.acts(services.state.kafka.pid)
            load.end()
            for of, sent in ((flow, load.sent.events), (other, load.sent.purchases)):
                finish(of, sent)
        except Broken as error:  # a flow ended, which nothing here may do, or does not catch up
            found.stopped = str(error)
            return found
    with connect(services.settings().clickhouse, services.settings().clickhouse.database) as client:
        found.wrong = wrong(client, load)
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


@dataclass(slots=True)
class Scene:
    """The parts on stage, and the acts that are played with them."""

    flow: FlowProcess
    other: FlowProcess
    proxy: FaultProxy
    load: Load
    asked: Asked
    found: Found
    say: Callable[[str], None]

    def acts(self, kafka: int | None) -> None:
        """Play everything; `kafka` is the broker's process."""
        self.warm()
        self.catch_up(self.away())
        self.ill()
        if self.asked.kafka_s:
            self.kafka(kafka)

    def warm(self) -> None:
        """Let the flow reach its usual size, and note its memory."""
        self._until(lambda: self._is_well(self.flow.look()), "the flow does not get ready")
        seen = list(self._looks(WARM_S, WARM))
        self.found.before_mb = max(look.rss for look in seen[len(seen) // 2 :]) // MB
        self.say(f"{self.asked.per_second} events/s; memory {self.found.before_mb} MB")

    def away(self) -> int:
        """ClickHouse refuses connections for the time asked for; gives how much was read till its end."""
        found, seconds = self.found, self.asked.seconds
        with self._in_trouble(Trouble.REFUSES):
            since = time.monotonic()
            seen = list(self._looks(seconds, AWAY))
        read = seen[-1].read
        still = next(look for look in seen if look.read == read)
        red = [look for look in seen if "clickhouse_away" in look.reasons]
        found.paused_after_s = still.at_s - since if still is not seen[-1] else None
        found.red_after_s = red[0].at_s - since if red else None
        self.say(
            f"ClickHouse away for {seconds:.0f} s: reading paused {after(found.paused_after_s)}, "
            f"{self.load.sent.events - read} messages behind"
        )
        return read

    def catch_up(self, read: int) -> None:
        """Time how the backlog is worked off, from the moment that reading goes on."""
        found, back_s = self.found, time.monotonic()
        self._until(lambda: self.flow.look().read > read, "reading does not go on")
        goes_on = self.flow.look()
        found.resumed_after_s = goes_on.at_s - back_s
        self._until_well(CATCHING_UP)
        done = self.flow.look()
        found.caught_up_after_s = done.at_s - back_s
        rate = (done.read - goes_on.read) / max(done.at_s - goes_on.at_s, LOOK_S)
        found.catch_up = rate / self.asked.per_second
        self.say(f"ClickHouse is back: caught up {after(found.caught_up_after_s)}")

    def ill(self) -> None:
        """Bring each other trouble for some seconds."""
        for trouble, seconds in ILL_S.items():
            with self._in_trouble(trouble):
                list(self._looks(seconds, OTHERS))
            back_s = self._until_well(OTHERS)
            self.say(f"ClickHouse {trouble.value} for {seconds:.0f} s: caught up {after(back_s)}")

    def kafka(self, pid: int | None) -> None:
        """Kafka stands still (SIGSTOP), then goes on; its producer hands over what it kept meanwhile."""
        if pid is None:
            raise Broken("Kafka does not run")
        os.kill(pid, signal.SIGSTOP)
        since = time.monotonic()
        try:
            seen = list(self._looks(self.asked.kafka_s, KAFKA))
        finally:
            os.kill(pid, signal.SIGCONT)
        red = [look for look in seen if "kafka_away" in look.reasons]
        self.found.kafka_red_s = red[0].at_s - since if red else None
        since = time.monotonic()
        self._until(lambda: self.load.held() < self.asked.per_second, "the load gets rid of nothing")
        handed_s = time.monotonic() - since
        back_s = self.found.kafka_back_s = self._until_well(KAFKA)
        self.say(
            f"Kafka stood still for {self.asked.kafka_s:.0f} s: it held all that came meanwhile "
            f"{after(handed_s)}, the flow was less than 1 s behind {after(handed_s + back_s)}"
        )

    @contextmanager
    def _in_trouble(self, trouble: Trouble) -> Iterator[None]:
        self.proxy.begin(trouble)
        try:
            yield
        finally:
            self.proxy.end()

    def _until(self, happened: Callable[[], object], what: str) -> None:
        wait_for(happened, SETTLED_S + self.asked.seconds, lambda: what)

    def _until_well(self, act: str) -> float:
        begun_s = time.monotonic()
        self._until(lambda: self._is_well(self._look(act)), "the flow does not catch up")
        return time.monotonic() - begun_s

    def _is_well(self, look: Figures) -> bool:
        """Tell whether it is ready and less than a second of what Kafka holds is unread."""
        behind = self.load.sent.events - self.load.held() - look.read
        return behind < self.asked.per_second and not look.reasons

    def _look(self, act: str) -> Figures:
        look = self.flow.look()
        other_s = self.other.look().fresh_s if act != KAFKA else None  # it reads from Kafka too
        self.found.note(act, look.rss // MB, other_s)
        return look

    def _looks(self, seconds: float, act: str) -> Iterator[Figures]:
        """Look again and again for some time."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            yield self._look(act)
            time.sleep(LOOK_S * 2)
