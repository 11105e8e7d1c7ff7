"""Whether a partition has been silent for long, by the broker's word.

Rules:
- Silence counts only between checks that the broker answered with "nothing after your position"; a
  message, a failed check or our own start begins the count anew. So our downtime and the broker's
  never count.
"""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException, TopicPartition

CHECKS = 6  # times the broker is asked within the silence that counts


class Quiet:
    """Counts one partition's proven silence.

    Args:
        reader: asked for the log's end, at most for a tenth of a second.
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
