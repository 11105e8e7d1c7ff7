"""The simulator beside the view: sends in a thread, and keeps the truth about what it sent.

Rules: the truth holds exactly what was handed to Kafka, so it is complete once the thread has ended.
Traffic is at most as fast as the clock. `newest_ms` lets a reader of `n` messages know how far in
event time it is.
"""

from __future__ import annotations

from bisect import bisect_right
from threading import Thread

from confluent_kafka import Producer

from simulator.run import TOPIC, Run, Stop
from simulator.traffic import Message
from simulator.truth import Truth
from sinks.kafka import Deliveries, drain, open_producer, send
from topics.servers import KafkaServer

NOTE_EVERY_MS = 100  # of event time


class Sending:
    """One run's traffic on its way to Kafka."""

    def __init__(self, run: Run, server: KafkaServer) -> None:
        """Open the producer; nothing is sent yet.

        Raises:
            BadInput: Kafka or the topic is not there.

        """
        self.run = run
        self.truth = Truth()
        self.error: Exception | None = None
        self._stop = Stop()
        self._delivered = Deliveries()
        self._producer: Producer = open_producer(server, TOPIC)
        self._thread = Thread(target=self._send, name="traffic", daemon=True)
        self._sent = 0
        self._counts = [0]  # after so many messages …
        self._newest = [run.start_ms]  # … the newest event was of then

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
        return self._delivered.delivered

    def newest_ms(self, read: int) -> int:
        """Give the newest event time (epoch ms) among the first `read` messages."""
        return self._newest[bisect_right(self._counts, read, hi=len(self._newest)) - 1]

    def _send(self) -> None:
        try:
            for message in self.run.messages(self._stop):
                send(self._producer, TOPIC, message.key, message.value, self._delivered)
                self.truth.add(message)
                self._note(message)
                self._producer.poll(0)
            drain(self._producer, self._delivered)
        except Exception as error:  # noqa: BLE001  handed to the thread that shows it
            self.error = error

    def _note(self, message: Message) -> None:
        self._sent += 1
        if (message.event_time_ms or 0) >= self._newest[-1] + NOTE_EVERY_MS:
            self._counts.append(self._sent)
            self._newest.append(message.event_time_ms or 0)
