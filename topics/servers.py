"""Where Kafka is, as sources and sinks want to be told it.

Rules: only the shape; `settings.Kafka` has it, and whatever a test makes up. Settings are handed down,
so nothing above `flows/` imports them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class KafkaServer(Protocol):
    """A Kafka cluster and how to speak to it."""

    @property
    def bootstrap_servers(self) -> str:
        """Addresses, as host:port,host:port."""

    @property
    def group(self) -> str:
        """The prefix of the consumer groups that lag tools see."""

    @property
    def options(self) -> Mapping[str, str | int | float | bool]:
        """Any option of librdkafka."""
