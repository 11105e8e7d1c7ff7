"""A partition that the topic had before it was created anew with fewer: nothing comes, its state is kept."""

from __future__ import annotations

from bytewax.inputs import StatefulSourcePartition

from windows.take import Take


class GonePartition(StatefulSourcePartition[Take, bytes]):
    """Ends at once.

    Args:
        state: what the store holds of it, byte for byte.

    """

    def __init__(self, state: bytes) -> None:
        self._state = state

    def next_batch(self) -> list[Take]:
        """End.

        Raises:
            StopIteration: always.

        """
        raise StopIteration

    def snapshot(self) -> bytes:
        """Give the state as it was."""
        return self._state
