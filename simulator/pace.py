"""Hands messages on at the speed of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from simulator.batch import Block, size, until

TICK_S = 0.02
LONGEST_US = 50_000  # of event time at once, so that traffic stays smooth


def paced(
    blocks: Iterable[Block], start_us: int, now: Callable[[], float], wait: Callable[[float], bool]
) -> Iterator[Block]:
    """Cut blocks into parts, each handed on when it is due; after a pause it catches up.

    `now` is monotonic seconds; `wait` waits for at most so many seconds and says True to end.
    """
    began, reached_us = now(), start_us
    for block in blocks:
        first, left = [0] * len(block), size(block)
        while left:
            present_us = start_us + int((now() - began) * 1_000_000)
            if present_us - reached_us < TICK_S * 1_000_000:  # less is not worth a part of its own
                if wait(TICK_S):
                    return
                continue
            reached_us = min(present_us, reached_us + LONGEST_US)
            part, first = until(block, first, reached_us)
            left -= size(part)
            if size(part):
                yield part
