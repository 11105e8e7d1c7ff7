"""Chooses what to harm next: seeded, at random moments, a kill every few seconds, other faults among them.

Rules: the seed decides what is chosen and when; what can be chosen is what has moved meanwhile, so a run is
alike, never the same. Faults overlap: nothing waits until the harm before is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Event

from topics.errors import Broken
from verify.chaos.faults import Faults, group_of
from verify.chaos.parts import CLICKHOUSE, KAFKA
from verify.fault_proxy import Trouble

# Of each single part: there are four flows and four supervisors.
WEIGHTS = {"flow": 10, "supervisor": 4, KAFKA: 15, CLICKHOUSE: 22}
BETWEEN_KILLS_S = (0.6, 4.0)
BETWEEN_OTHERS_S = (1.5, 7.0)
HELD_S = (0.5, 5.0)
AWAY_S = (0.0, 1.5)
LONG_AWAY_S = (15.0, 30.0)  # the broker, once in so many kills
KILLS_FOR_LONG = 20
LONG_EVERY = 50
LOOK_S = 0.03
STUCK_S = 240.0
MANY_RECOVERING = 3  # killed parts that do not move yet; or nothing would ever start
SERVICES = {KAFKA, CLICKHOUSE}


@dataclass(frozen=True, slots=True)
class Wreaking:
    """How much harm: `kills` SIGKILLs, chosen by `seed`."""

    kills: int
    seed: int

    @property
    def long_absences(self) -> set[int]:
        """Give the numbers of those kills that take the broker away for long."""
        if self.kills < KILLS_FOR_LONG:
            return set()
        return set(range(KILLS_FOR_LONG // 2, self.kills, LONG_EVERY))


def wreak(faults: Faults, asked: Wreaking, show: Callable[[str], None]) -> None:
    """Do all the harm; `show` is told where it stands, often.

    Raises:
        Broken: nothing moves any more.
        NeedsOperator: a flow stopped for a person to decide.

    """
    kills, others = Random(f"{asked.seed} kills"), Random(f"{asked.seed} others")  # noqa: S311  a game
    done, wait = 0, Event().wait
    kill_at = time.monotonic() + kills.uniform(*BETWEEN_KILLS_S)
    other_at = time.monotonic() + others.uniform(*BETWEEN_OTHERS_S)
    while done < asked.kills:
        faults.tick()
        show(f"kill {done} of {asked.kills}")
        now = time.monotonic()
        if now >= kill_at and (ready := _choosable(faults, asked, done)):
            _kill(faults, kills, ready, long=done in asked.long_absences)
            done += 1
            kill_at = time.monotonic() + kills.uniform(*BETWEEN_KILLS_S)
        elif now >= kill_at + STUCK_S:
            raise Broken(f"nothing that could be killed has moved for {STUCK_S:.0f} s")
        if now >= other_at:
            if faults.recovering <= MANY_RECOVERING:
                _other(faults, others)
            other_at = time.monotonic() + others.uniform(*BETWEEN_OTHERS_S)
        wait(LOOK_S)


def wait_until_all_move(faults: Faults) -> None:
    """Wait until every part was seen to work.

    Raises:
        Broken: one does not begin to.

    """
    give_up_at, wait = time.monotonic() + STUCK_S, Event().wait
    while len(faults.ready()) < len(faults.targets()):
        faults.tick()
        if time.monotonic() > give_up_at:
            still = sorted(set(faults.targets()) - set(faults.ready()))
            raise Broken(f"does not begin to work: {', '.join(still)}")
        wait(LOOK_S)


def _choosable(faults: Faults, asked: Wreaking, done: int) -> list[str]:
    """Name what may be killed now: not all at once, or nothing would ever start."""
    if faults.recovering > MANY_RECOVERING:
        return []
    ready = faults.ready()
    if faults.recovering == MANY_RECOVERING:
        ready = [of for of in ready if of not in SERVICES]
    if done in asked.long_absences:
        return [of for of in ready if of == KAFKA]
    return ready


def _kill(faults: Faults, random: Random, ready: list[str], *, long: bool) -> None:
    target = random.choices(ready, [WEIGHTS[group_of(of)] for of in ready])[0]
    away_s = random.uniform(*(LONG_AWAY_S if long else AWAY_S))
    faults.kill(target, away_s if target in SERVICES else 0.0)


def _other(faults: Faults, random: Random) -> None:
    seconds = random.uniform(*HELD_S)
    trouble, target = random.choice(list(Trouble)), random.choice(faults.targets())
    if random.random() < 0.6 and not faults.troubled:  # noqa: PLR2004  a little more of what is more varied
        faults.disturb(trouble, seconds)
    else:
        faults.pause(target, seconds)
