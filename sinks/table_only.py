"""Where dead letters go when there is no Kafka: nowhere but the table, which has them all anyway.

Rules: nothing is dropped here. The row of each dead letter goes to ClickHouse with the flow's other rows
(`windows/ledger.py`); the topic is a second copy for those who read Kafka.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

Letter = TypeVar("Letter")


class TableOnly(FixedPartitionedSink[Letter, None], Generic[Letter]):
    """Stands where a topic of `sinks.kafka` would."""

    def list_parts(self) -> list[str]:
        """Name one partition."""
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> TableOnlyPartition[Letter]:
        """Give the partition."""
        del step_id, for_part, resume_state
        return TableOnlyPartition()


class TableOnlyPartition(StatefulSinkPartition[Letter, None], Generic[Letter]):
    """Takes letters whose rows are on their way already."""

    def write_batch(self, values: list[Letter]) -> None:
        """Do nothing more."""

    def snapshot(self) -> None:
        """Keep nothing."""
