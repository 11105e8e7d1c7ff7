"""Where dead letters go when there is no Kafka: nowhere but the table, which has them all anyway.

Rules: nothing is dropped here. The row of each dead letter goes to ClickHouse with the flow's other rows
(`windows/ledger.py`); the topic is a second copy for those who read Kafka.
"""

from __future__ import annotations

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from topics.dead_letters import DeadLetter


class TableOnly(FixedPartitionedSink[DeadLetter, None]):
    """Stands where `sinks.kafka.DeadLetterTopic` would."""

    def list_parts(self) -> list[str]:
        """Name one partition."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> TableOnlyPartition:
        """Give the partition."""
        del step_id, for_part, resume_state
        return TableOnlyPartition()


class TableOnlyPartition(StatefulSinkPartition[DeadLetter, None]):
    """Takes dead letters whose rows are on their way already."""

    def write_batch(self, values: list[DeadLetter]) -> None:
        """Do nothing more."""

    def snapshot(self) -> None:
        """Keep nothing."""
