"""A host's clock that is wrong, or jumps while a flow runs, changes no result and stops nothing for long.

A small library (`tests/clock_shim.c`) gives each flow the wall clock that a file says; the broker and
ClickHouse keep the right one.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from threading import Event, Thread

import pytest

from flows.clock_watch import ClockWatch
from tests.flow_fixture import ROOT, RUN, TOPIC, World, until
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import POISON, Sent, troubled
from verify.views import expected, shown

SETTINGS = {
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.4",
    "GAMEWAX_DEAD_LETTERS__PAUSE": "false",
}
MESSAGES = 2_000
HOUR_S = 3_600
SHIM = ROOT / "tests" / "clock_shim.c"

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler: apt-get install gcc")


@dataclass
class Host:
    """A world whose flows have a wall clock that a test sets."""

    world: World
    messages: Iterator[Sent] = field(default_factory=lambda: troubled(5))
    sent: int = 0

    def clock_is_off_by(self, seconds: int) -> None:
        """Set the flows' clock, also of those that run."""
        with (self.world.folder / "clock").open("r+b") as clock:
            clock.write(seconds.to_bytes(8, "little", signed=True))

    def send_and_see(self, seconds: float) -> None:
        """Send some messages; the books must have them in time."""
        self.world.send(*islice(self.messages, MESSAGES))
        self.sent += MESSAGES
        until(lambda: self.world.place() == self.sent, seconds)


@pytest.fixture
def host(world: World) -> Host:
    library, clock = world.folder / "clock_shim.so", world.folder / "clock"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SHIM, "-ldl"], check=True)
    clock.write_bytes(bytes(8))
    world.given |= SETTINGS | {"LD_PRELOAD": str(library), "CLOCK_SHIM_FILE": str(clock)}
    return Host(world)


@needs_compiler
@pytest.mark.slow
def test_a_clock_that_is_an_hour_off_or_jumps_changes_no_result_and_stops_nothing(host: Host) -> None:
    host.clock_is_off_by(HOUR_S)
    with host.world.started(*RUN) as flow:
        host.send_and_see(40)
        host.clock_is_off_by(-HOUR_S)  # back by two hours: the engine would sleep as long
        host.send_and_see(40)
        host.clock_is_off_by(HOUR_S)
        host.send_and_see(40)
        flow.terminate()
        _, said = flow.communicate(timeout=60)
        assert flow.returncode == 0
    assert [line for line in said.splitlines() if "clock" in line] == [
        "gamewax: flow engagement: the host's clock was set back by 7200 s: starting anew"
    ]
    log = read_back(host.world.kafka.bootstrap_servers, TOPIC)
    with host.world.client() as client:
        assert shown(client) == expected(log, Limits(lateness_ms=60_000), POISON)


@dataclass
class Clocks:
    """Two clocks of a machine: the wall's may be set."""

    at_s: float = 0.0
    off_s: float = 0.0

    def wall(self) -> float:
        return self.at_s + self.off_s

    def monotonic(self) -> float:
        self.at_s += 0.1
        return self.at_s


@pytest.mark.parametrize(("step_s", "found_s"), [(-HOUR_S, HOUR_S), (-2.0, None), (HOUR_S, None)])
def test_only_a_step_back_that_costs_more_than_a_start_is_told(step_s: float, found_s: float | None) -> None:
    clocks, ended, found = Clocks(), Event(), list[float]()
    watch = ClockWatch(clocks.wall, clocks.monotonic)
    thread = Thread(target=lambda: found.append(watch.wait_for_step_back(ended)))
    thread.start()
    until(lambda: clocks.at_s > 0)
    clocks.off_s = step_s
    looked_s = clocks.at_s
    until(lambda: clocks.at_s > looked_s + 0.25 or not thread.is_alive())
    ended.set()
    thread.join()
    assert [round(by_s) for by_s in found] == [found_s or 0]
