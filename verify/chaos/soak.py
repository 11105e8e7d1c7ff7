"""A long run under the same load: a fault every minute, all kinds in turn, and memory that must not grow.

Rules: flows are killed rarely, and two of them never, so that their memory is seen over the whole run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from threading import Event

from verify.chaos.faults import SUPERVISOR, Faults
from verify.chaos.flat import Bound, Flat, judge, settled
from verify.chaos.parts import CLICKHOUSE, KAFKA, Parts
from verify.chaos.run import Ran, play
from verify.chaos.samples import DESCRIPTORS, MEMORY, STORE, Samples
from verify.chaos.screen import Screen
from verify.fault_proxy import Trouble

EVERY_S = 60.0
SHORT_S, SHORT_EVERY_S = 300.0, 12.0  # a shorter run is a smoke test
JUDGED_FROM_S = 600.0  # before, memory still finds its level
LOOK_S = 0.05
SERVICES = {KAFKA, CLICKHOUSE}
BOUNDS: Mapping[str, Bound] = {
    MEMORY: Bound(by=32, share=0.10),  # the rows that wait for ClickHouse when it first stands still (`Pace`)
    DESCRIPTORS: Bound(by=8, share=0.10),
    STORE: Bound(by=1, share=0.25),
}
SERVICE_BOUNDS: Mapping[str, Bound] = {  # their caches, their files of stored rows: theirs, not ours
    MEMORY: Bound(by=96, share=0.20),
    DESCRIPTORS: Bound(by=100, share=0.50),
}


def in_turn(faults: Faults) -> Iterator[Callable[[], None]]:
    """Give every kind of fault in turn, for ever."""
    return cycle((
        partial(faults.kill, CLICKHOUSE),
        partial(faults.disturb, Trouble.REFUSES, 10.0),
        partial(faults.pause, KAFKA, 5.0),
        partial(faults.disturb, Trouble.HALF_OPEN, 10.0),
        partial(faults.kill, KAFKA),
        partial(faults.disturb, Trouble.SLOW_LINE, 10.0),
        partial(faults.pause, "engagement", 5.0),
        partial(faults.disturb, Trouble.ERRORS, 10.0),
        partial(faults.kill, "server_health"),
        partial(faults.disturb, Trouble.CUTS_ANSWER, 5.0),
        partial(faults.kill, KAFKA, 30.0),
        partial(faults.disturb, Trouble.CUTS_REQUEST, 5.0),
        partial(faults.pause, CLICKHOUSE, 5.0),
        partial(faults.kill, f"{SUPERVISOR}purchases"),
    ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Soaked:
    """A soak that is over; levels of a short one are told, not judged."""

    seconds: float
    ran: Ran
    samples: Samples
    flats: list[Flat] = field(default_factory=list)

    @property
    def judged(self) -> bool:
        """Tell whether it was long enough for memory to find its level."""
        return self.seconds >= JUDGED_FROM_S

    @property
    def right(self) -> bool:
        """Tell whether every number is true and nothing grows."""
        return self.ran.right and (not self.judged or all(of.flat for of in self.flats))


def soak(parts: Parts, seconds: float, seed: int, screen: Screen) -> Soaked:
    """Feed and harm for a time, sample, and compare at the end."""
    samples = Samples(parts)

    def harm(faults: Faults, show: Callable[[str], None]) -> None:
        coming, wait = in_turn(faults), Event().wait
        every_s = EVERY_S if seconds >= SHORT_S else SHORT_EVERY_S
        end = faults.began + seconds
        due = faults.began + every_s
        while (now := time.monotonic()) < end:
            faults.tick()
            samples.take()
            if now >= due and end - now > every_s / 2:
                next(coming)()
                due += every_s
            show(f"{now - faults.began:.0f} of {seconds:.0f} s")
            wait(LOOK_S)

    ran = play(parts, seed, harm, screen)
    return Soaked(seconds, ran, samples, flats(samples, seconds / 4))


def flats(samples: Samples, warm_up_s: float) -> list[Flat]:
    """Judge the longest life of each process after the warm-up."""
    longest: dict[tuple[str, str], Flat] = {}
    for (what, of, _), life in samples.lives.items():
        bounds = SERVICE_BOUNDS if of in SERVICES else BOUNDS
        flat = judge(what, of, settled(life, warm_up_s), bounds[what])
        before = longest.get((what, of))
        if flat and (before is None or flat.seconds > before.seconds):
            longest[what, of] = flat
    return [longest[key] for key in sorted(longest)]
