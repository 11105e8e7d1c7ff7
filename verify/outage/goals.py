"""The goals of an outage run, each with what was found.

Rules: a goal is what users were promised (memory, a pause, nothing lost, catching up alone, others go on)
and the figures for an outage of Kafka and ClickHouse that the project set itself. Figures without a goal
are told, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verify.outage.found import AWAY, CATCHING_UP, KAFKA, OTHERS, Asked, Found

GROWTH_MB, RED_WITHIN_S, CATCH_UP, OTHERS_BEHIND_S, KAFKA_BACK_S = 256, 15.0, 5.0, 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the table; without a `wanted` it is a figure only."""

    name: str
    found: str
    wanted: str = ""
    met: bool = True

    def __str__(self) -> str:
        """Say it in one line.

        >>> print(Goal("catching up", "4.9 times the live rate", "at least 5", met=False))
        MISSED  catching up: 4.9 times the live rate (goal: at least 5)

        """
        mark = ("met" if self.met else "MISSED") if self.wanted else ""
        return f"{mark:8}{self.name}: {self.found}" + (f" (goal: {self.wanted})" if self.wanted else "")


def goals(asked: Asked, found: Found) -> list[Goal]:
    """Give every goal and every other figure, in the order of the acts."""
    if found.stopped:
        return [Goal("to the end", found.stopped, "every act", met=False)]
    return [*_memory(found), *_clickhouse(found), *_others(found), *_kafka(asked, found), _numbers(found)]


def _memory(found: Found) -> Iterator[Goal]:
    for act in (AWAY, CATCHING_UP, OTHERS, KAFKA):
        if act not in found.peak_mb:
            continue
        grew = found.grew_mb(act)
        name, told = f"memory, {act}", f"{grew} MB more than the {found.before_mb} MB before"
        if act == KAFKA:
            yield Goal(name, told)
        else:
            yield Goal(name, told, f"at most {GROWTH_MB} MB", grew <= GROWTH_MB)


def _clickhouse(found: Found) -> Iterator[Goal]:
    red, caught_up = found.red_after_s, found.caught_up_after_s
    yield Goal("reading pauses", after(found.paused_after_s), "it does", found.paused_after_s is not None)
    yield Goal("not ready", after(red), f"within {RED_WITHIN_S:.0f} s", _within(red, RED_WITHIN_S))
    yield Goal("reads on", after(found.resumed_after_s))
    yield Goal("caught up alone", after(caught_up), "it does", caught_up is not None)
    told = f"{found.catch_up:.1f} times the live rate"
    yield Goal("catching up", told, f"at least {CATCH_UP:.0f}", found.catch_up >= CATCH_UP)


def _others(found: Found) -> Iterator[Goal]:
    for act in (AWAY, CATCHING_UP, OTHERS):
        behind_s = found.others_behind_s.get(act)
        if behind_s is None:
            continue
        name, told = f"the other flow, {act}", f"{behind_s:.1f} s behind at most"
        if act == AWAY:
            yield Goal(name, told, f"at most {OTHERS_BEHIND_S:.0f} s", behind_s <= OTHERS_BEHIND_S)
        else:
            yield Goal(name, told)


def _kafka(asked: Asked, found: Found) -> Iterator[Goal]:
    if not asked.kafka_s:
        return
    red, back = found.kafka_red_s, found.kafka_back_s
    if asked.kafka_s > RED_WITHIN_S:
        yield Goal("Kafka: not ready", after(red), f"within {RED_WITHIN_S:.0f} s", _within(red, RED_WITHIN_S))
    told = f"{after(back)}, counted from when Kafka held all that came meanwhile"
    within = f"within {KAFKA_BACK_S:.0f} s"
    yield Goal("Kafka: less than 1 s behind", told, within, _within(back, KAFKA_BACK_S))


def _numbers(found: Found) -> Goal:
    well = found.wrong is not None and not found.wrong
    return Goal("every row and book", str(found.wrong), "all as sent", well)


def _within(after_s: float | None, most_s: float) -> bool:
    return after_s is not None and after_s <= most_s


def after(after_s: float | None) -> str:
    """Say when something was seen, if it was.

    >>> after(None), after(3.14)
    ('never', 'after 3.1 s')

    """
    return "never" if after_s is None else f"after {after_s:.1f} s"
