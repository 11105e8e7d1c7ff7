"""Kills a flow again and again while events arrive, and says what it cost: nothing, or how much.

Rules: a kill is SIGKILL, at a seeded random moment after the flow was seen to move, so that it falls
into reading, folding, inserting, snapshotting alike. The feed never waits for the flow.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from random import Random
from threading import Event, Thread
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

from verify.logs import producing
from verify.troubled import Sent
from verify.views import Views

LOOK_S = 0.05
Flow = AbstractContextManager["subprocess.Popen[str]"]


class Feed:
    """A thread that sends messages at a steady rate for as long as the `with` block lasts."""

    def __init__(self, bootstrap_servers: str, topic: str, messages: Iterator[Sent], per_second: int) -> None:
        self._producer = Producer(producing(bootstrap_servers))
        self._topic, self._messages, self._each = topic, messages, round(per_second * LOOK_S)
        self._stop, self._thread = Event(), Thread(target=self._run, name="feed")
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            for message in islice(self._messages, self._each):
                self._producer.produce(self._topic, message.value, message.key, message.partition)
                self.sent += 1
            self._producer.poll(0)
        self._producer.flush()


def kill_at_random(start: Callable[[], Flow], place: Callable[[], int], kills: int, random: Random) -> None:
    """Start the flow and kill it, `kills` times.

    Args:
        start: gives the flow as a process.
        place: how far the flow has come, by what it shows; only grows.
        kills: how many.
        random: chooses the moments, up to 1.5 s after the flow has moved.

    Raises:
        RuntimeError: the flow ended by itself.

    """
    wait = Event().wait
    for _ in range(kills):
        before = place()
        with start() as flow:
            while place() <= before and flow.poll() is None:
                wait(LOOK_S)
            wait(random.uniform(0, 1.5))
            if flow.poll() is not None:
                raise RuntimeError(f"the flow ended with {flow.returncode}: {flow.communicate()[1]}")
            flow.send_signal(signal.SIGKILL)
            flow.wait()


@dataclass(frozen=True, slots=True)
class Cost:
    """What differs from the truth, in events summed over windows; and books that do not add up."""

    lost: int
    double: int
    other_rows: int
    unbalanced: int

    def __str__(self) -> str:
        """Write it in one line."""
        return (
            f"{self.lost} lost, {self.double} double, {self.other_rows} other rows wrong, "
            f"{self.unbalanced} partitions unbalanced"
        )


def cost(shown: Views, true: Views) -> Cost:
    """Compare what is shown with what is true."""
    events = [
        (shown.whole_game.get(key, {}).get("events", 0), true.whole_game.get(key, {}).get("events", 0))
        for key in shown.whole_game.keys() | true.whole_game.keys()
    ]
    pairs = [
        *((getattr(shown, name), getattr(true, name)) for name in ("by_level", "whole_game", "late", "dead")),
        (shown.books, true.books),
    ]
    return Cost(
        lost=sum(max(0, is_true - is_shown) for is_shown, is_true in events),
        double=sum(max(0, is_shown - is_true) for is_shown, is_true in events),
        other_rows=sum(a.get(key) != b.get(key) for a, b in pairs for key in a.keys() | b.keys()),
        unbalanced=sum(read != sum(rest) for _, read, *rest in shown.books.values()),
    )
