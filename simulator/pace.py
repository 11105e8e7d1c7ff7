"""Hands messages on at the speed of the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from simulator.traffic import Message

LONGEST_NAP_S = 0.05  # so that an end is noticed soon
WORTH_A_NAP_S = 0.002


def paced(
    messages: Iterable[Message], rate: int, now: Callable[[], float], sleep: Callable[[float], object]
) -> Iterator[Message]:
    """Give `rate` messages a second; after a pause it catches up. `now` is monotonic seconds."""
    began = now()
    for number, message in enumerate(messages):
        while (early_s := began + number / rate - now()) > WORTH_A_NAP_S:
            sleep(min(early_s, LONGEST_NAP_S))
        yield message
