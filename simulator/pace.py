"""Hands messages on at the speed of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from simulator.traffic import Message

WORTH_A_NAP_S = 0.002


def paced(
    messages: Iterable[Message], rate: int, now: Callable[[], float], wait: Callable[[float], bool]
) -> Iterator[Message]:
    """Give `rate` messages a second; after a pause it catches up.

    `now` is monotonic seconds; `wait` waits for at most so many seconds and says True to end.
    """
    began = now()
    for number, message in enumerate(messages):
        while (early_s := began + number / rate - now()) > WORTH_A_NAP_S:
            if wait(early_s):
                return
        yield message
