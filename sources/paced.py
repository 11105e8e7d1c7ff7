"""A source that is read through once, no faster than is wished: around files, or around a Kafka topic.

Rules:
- It changes no message and no verdict; it only waits, or stops asking where nothing more can count.
- `lanes` are the lanes' states as handed on; any thread may look at them.
- Each partition is asked once before any waits, so that all of them begin together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from sources.figures import SourceFigures
from windows.codec import read_state
from windows.take import LaneState, Take

if TYPE_CHECKING:
    from sources.files import FileSource
    from sources.kafka import KafkaSource

LOOK_S = 0.25  # how soon a source that waits hears that it is to end


class Rate:
    """How many messages a second may be handed on; 0 = any. `monotonic` gives seconds that only grow."""

    def __init__(self, per_s: float, monotonic: Callable[[], float]) -> None:
        self._per_s, self._monotonic, self._next_s = per_s, monotonic, 0.0

    def took(self, messages: int) -> None:
        """Note that some were handed on."""
        if self._per_s:
            self._next_s = max(self._next_s, self._monotonic()) + messages / self._per_s

    @property
    def wait_s(self) -> float:
        """Tell how long to wait before the next."""
        return max(0.0, self._next_s - self._monotonic())


class PacedSource(FixedPartitionedSource[Take, bytes]):
    """Reads another source through.

    Args:
        source: files, or a topic that is drained.
        rate: how fast.
        enough: tells of a lane's state that nothing behind it can count.
        stop: setting it ends the source at an epoch's edge.

    """

    def __init__(
        self,
        source: KafkaSource | FileSource,
        rate: Rate,
        enough: Callable[[LaneState], bool],
        stop: Event,
    ) -> None:
        self.source, self.rate, self.enough, self.stop = source, rate, enough, stop
        self.lanes: dict[str, LaneState] = {}
        self.ended: set[str] = set()

    @property
    def goes_on(self) -> bool:
        """Tell that the source, once it has ended, is done."""
        return False

    @property
    def complete(self) -> bool:
        """Tell whether all that can count was handed on; any thread may ask."""
        paused = any(part.paused for part in self.figures().partitions)
        return self.ended == set(self.list_parts()) and not paused

    def figures(self) -> SourceFigures:
        """Tell where the source stands; any thread may ask."""
        return self.source.figures()

    def close(self) -> None:
        """After the run: end its threads.

        Raises:
            NeedsOperator: as the source's own `close`.

        """
        self.source.close()

    def list_parts(self) -> list[str]:
        """Name the partitions."""
        return self.source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> PacedPartition:
        """Go on with a partition where the snapshot says."""
        if resume_state is not None:
            self.lanes[for_part] = read_state(resume_state, LaneState, "position")
        return PacedPartition(self, for_part, self.source.build_part(step_id, for_part, resume_state))


class PacedPartition(StatefulSourcePartition[Take, bytes]):
    """One partition of the other source."""

    def __init__(self, around: PacedSource, name: str, part: StatefulSourcePartition[Take, bytes]) -> None:
        self._around, self._name, self._part = around, name, part
        self._asked = False

    def next_batch(self) -> list[Take]:
        """Hand on what the other one has, when it is time.

        Raises:
            StopIteration: at its end.

        """
        around = self._around
        waits = around.rate.wait_s > 0 and self._asked and not around.stop.is_set()
        if waits:
            return []
        self._asked = True
        known = around.lanes.get(self._name)
        if known is not None and around.enough(known):
            around.ended.add(self._name)
            raise StopIteration
        try:
            takes = list(self._part.next_batch())
        except StopIteration:
            if not around.stop.is_set():
                around.ended.add(self._name)
            raise
        for take in takes:
            before = around.lanes.get(self._name)
            around.rate.took(take.after.read - (before.read if before else 0))
            around.lanes[self._name] = take.after
        return takes

    def next_awake(self) -> datetime | None:
        """Rest as the other one does, and until it is time."""
        asleep, wait_s = self._part.next_awake(), self._around.rate.wait_s
        if not (wait_s and self._asked):
            return asleep
        soon = datetime.now(UTC) + timedelta(seconds=min(wait_s, LOOK_S))  # noqa: TID251  Bytewax's own clock
        return soon if asleep is None else max(asleep, soon)

    def snapshot(self) -> bytes:
        """Write where the handed-on takes end."""
        return self._part.snapshot()

    def close(self) -> None:
        """Let go of what is read."""
        self._part.close()
