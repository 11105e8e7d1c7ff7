"""Whether a partition is silent, by the broker's word: for long (it is idle), and second by second (ticks).

Rules:
- Silence counts only between checks that the broker answered with "nothing after your position"; a
  message, a failed check or our own start begins the count anew. So our downtime and the broker's
  never count.
"""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from sources.end_watch import Ends
from windows.take import Quiet

CHECKS = 6  # times the broker is asked within the silence that counts


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
        if not self._nothing_after(position):
            self._since, self.long_enough = None, False
            return
        self._since = now if self._since is None else self._since
        self.long_enough = now - self._since >= self._enough_s

    def _nothing_after(self, position: int) -> bool:
        try:
            _, high = self._reader.get_watermark_offsets(self._place, timeout=0.1)
        except KafkaException:
            return False
        return bool(high == position)


class Ticks:
    """Tells how long a partition has been silent, at each answer of the broker.

    Args:
        partition: its number.
        ends: gives the broker's last answer; None: there is none, or nobody asks.

    """

    def __init__(self, partition: int, ends: Callable[[], Ends | None]) -> None:
        self._partition, self._ends = partition, ends
        self._since_s = float("-inf")  # nothing has come since
        self._told_s = float("-inf")

    def saw(self, now: float, *, idle: bool, position: int) -> Quiet | None:
        """Note a poll, and give the tick that is due; arguments as for `Silence`."""
        answer = self._ends()
        if not idle:
            self._since_s = now
        if answer is None or not idle or answer.asked_s <= self._told_s:
            return None
        self._told_s = answer.asked_s
        if answer.ends.get(self._partition) != position:
            self._since_s = now
            return None
        since_s = max(self._since_s, answer.there_since_s)
        if since_s >= answer.asked_s:
            return None
        return Quiet(self._partition, round(since_s * 1000), round(answer.asked_s * 1000))
