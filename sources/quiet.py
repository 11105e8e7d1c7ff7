"""Whether a partition is silent, by the broker's word: for long (it is idle), and second by second (ticks).

Rules:
- Silence counts only between checks that the broker answered with "nothing after your position"; a
  message, a failed check or our own start begins the count anew. So our downtime and the broker's
  never count.
- After our start, and after the broker was away, ticks wait until those who write had time to find the broker
  again: as long as it was away, `SETTLES_S` at most.
"""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition

from windows.take import Quiet

CHECKS = 6  # times the broker is asked within the silence that counts
ANSWER_S = 0.1  # the flow waits for the answer
SETTLES_S = 15.0  # Kafka's C client tries to connect again after 10 s at most, and half as much at random
LOST_AFTER = 3  # ticks without an answer: the broker, or we, were away


class Silence:
    """Counts one partition's proven silence.

    Args:
        reader: asked for the log's end.
        place: topic and partition.
        enough_s: silence after which the partition counts as idle.

    """

    def __init__(self, reader: Consumer, place: TopicPartition, enough_s: float) -> None:
        self._reader, self._place, self._enough_s = reader, place, enough_s
        self._since: float | None = None
        self._checked = -enough_s
        self.long_enough = False

    def saw(self, now: float, *, idle: bool, position: int) -> None:
        """Note a poll: whether nothing came and nothing is under way, and where reading stands."""
        if not idle:
            self._since, self.long_enough = None, False
            return
        if now - self._checked < self._enough_s / CHECKS:
            return
        self._checked = now
        if end_of(self._reader, self._place) != position:
            self._since, self.long_enough = None, False
            return
        self._since = now if self._since is None else self._since
        self.long_enough = now - self._since >= self._enough_s


class Ticks:
    """Tells every `every_s` how long a partition has been silent, as far as that is proven.

    Args:
        reader: asked for the log's end.
        place: topic and partition.
        every_s: seconds between ticks; None: never asks, never tells.

    """

    def __init__(self, reader: Consumer, place: TopicPartition, every_s: float | None) -> None:
        self._reader, self._place, self._every_s = reader, place, every_s
        self._since: float | None = None  # nothing has come since, and the broker was there
        self._checked = float("-inf")
        self._heard: float | None = None  # when the broker last gave a message or an answer
        self._settled = float("-inf")  # when those who write have surely found the broker again

    def saw(self, now: float, *, idle: bool, position: int) -> Quiet | None:
        """Note a poll, and give the tick that is due; arguments as for `Silence`."""
        if self._every_s is None:
            return None
        if not idle:
            self._heard_at(now, self._every_s)
            self._since = now if now >= self._settled else None
            return None
        if now - self._checked < self._every_s:
            return None
        self._checked = now
        return self._tick(now, self._every_s, position)

    def _tick(self, now: float, every_s: float, position: int) -> Quiet | None:
        """Ask the broker; tell how long the silence has lasted if it has."""
        end = end_of(self._reader, self._place)
        if end is None:
            self._since = None
            return None
        self._heard_at(now, every_s)
        if end != position or now < self._settled:
            self._since = None
            return None
        since = self._since = now if self._since is None else self._since
        return Quiet(self._place.partition, round(since * 1000), round(now * 1000)) if since < now else None

    def _heard_at(self, now: float, every_s: float) -> None:
        """Note that the broker is there; where it was away, let those who write come back."""
        away = SETTLES_S if self._heard is None else now - self._heard
        if away > LOST_AFTER * every_s:
            self._settled, self._since = now + min(away, SETTLES_S), None
        self._heard = now


def end_of(reader: Consumer, place: TopicPartition) -> int | None:
    """Ask the broker for a log's end; None where it does not answer at once."""
    try:
        _, high = reader.get_watermark_offsets(place, timeout=ANSWER_S)
    except KafkaException:
        return None
    return int(high)
