"""The simulator beside the view: sends in a thread, and keeps the truth about what it sent.

Rules: the truth holds exactly what was handed to Kafka, so it is complete once the thread has ended.
Traffic is at most as fast as the clock. `unread_since_ms` lets a reader of `n` messages of a topic know
how far behind it is.
"""

from __future__ import annotations

from bisect import bisect_right
from threading import Thread

from simulator.batch import Block
from simulator.run import Run, Stop
from simulator.to_kafka import Sender
from simulator.truth import Truth
from topics.servers import KafkaServer


class Sending:
    """One run's traffic on its way to Kafka."""

    def __init__(self, run: Run, server: KafkaServer) -> None:
        """Open the producer; nothing is sent yet.

        Raises:
            BadInput: Kafka or a topic is not there.

        """
        self.run = run
        self.truth = Truth(run.traffic.world)
        self.error: Exception | None = None
        self._stop = Stop()
        self._sender = Sender(server, run.plan.topics)
        self._thread = Thread(target=self._send, name="traffic", daemon=True)
        self._counts: dict[str, list[int]] = {topic: [] for topic in run.plan.topics}  # so many messages …
        self._due_ms: dict[str, list[int]] = {topic: [] for topic in run.plan.topics}  # … were sent by then

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more; what was sent is still written out."""
        self._stop.told = True

    def ended(self, within_s: float = 0.0) -> bool:
        """Tell whether Kafka has everything and no more will come."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    @property
    def in_kafka(self) -> int:
        """Count the messages that Kafka has confirmed."""
        return self._sender.delivered

    def unread_since_ms(self, topic: str, read: int) -> int | None:
        """Give when the first unread message of a topic was sent, epoch ms; None: all are read."""
        due_ms = self._due_ms[topic]
        first = bisect_right(self._counts[topic], read, hi=len(due_ms))
        return due_ms[first] if first < len(due_ms) else None

    def _send(self) -> None:
        try:
            for block in self.run.blocks(self._stop):
                for batch in block:
                    self._sender.send(batch)
                self.truth.add(block)
                self._note(block)
            self._sender.drain()
        except Exception as error:  # noqa: BLE001  handed to the thread that shows it
            self.error = error

    def _note(self, block: Block) -> None:
        for batch in block:
            if len(batch):
                counts = self._counts[batch.topic]
                counts.append((counts[-1] if counts else 0) + len(batch))
                self._due_ms[batch.topic].append(int(batch.due_us[-1]) // 1000)
