"""Files as a Bytewax source: each file is a partition, read and judged like one of Kafka's.

Rules:
- The results are those of the same messages in a Kafka topic with one partition for each file: a file
  has its own watermark and its own memory of event ids.
- All messages arrived at one time, `as_of_ms`; what lies more than 5 minutes after it is in the future.
- One process reads all files, so that one promise can stand for all of them (`sources/file_board.py`).
- When every file is read the source ends; also when most messages are dead letters, and `close` then
  raises exit code 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from bytewax.inputs import FixedPartitionedSource

from sources.dead_share import DeadShare
from sources.figures import SourceFigures
from sources.file_board import EVER, FileBoard, FileStanding
from sources.file_partition import FilePartition, FileSurroundings
from sources.file_set import InputFile
from topics.errors import Broken, NeedsOperator
from topics.fields import fields_of
from topics.topic import Topic
from windows.codec import read_state
from windows.plan import Plan
from windows.take import LaneState, MakeLane, Take, fresh_state


@dataclass(frozen=True, slots=True)
class FileReading:
    """How to read: when all messages arrived (epoch ms); setting `stop` ends it at an epoch's edge.

    `monotonic` gives seconds that only grow; `pause` ends it when most messages are dead letters.
    """

    as_of_ms: int
    stop: Event
    monotonic: Callable[[], float]
    pause: bool = True


@dataclass(frozen=True, slots=True)
class FilesRead:
    """How far reading has come, and what became of the messages."""

    files: int
    bytes_read: int
    bytes_there: int
    complete: bool
    read: int
    dead: int
    duplicates: int
    late: dict[int, int]  # by window size in seconds


class FileSource(FixedPartitionedSource[Take, bytes]):
    """Reads files of one topic and judges them, file by file.

    Args:
        files: what to read.
        topic: what they hold.
        plan: the flow's windows.
        make_lane: gives what judges a file.
        reading: how to read them.

    """

    def __init__(
        self, files: Sequence[InputFile], topic: Topic, plan: Plan, make_lane: MakeLane, reading: FileReading
    ) -> None:
        if topic.event is None:
            raise Broken(f"topic {topic.name} has no event struct: no file can hold it")
        self._files = {f"{file.number:05d}": file for file in files}
        self._make_lane, self._reading, self._plan = make_lane, reading, plan
        standings = {
            file.number: FileStanding(fresh_state(file.log, topic.name, file.number, 1)) for file in files
        }
        self._board = FileBoard(plan, standings)
        self._judge = ThreadPoolExecutor(1, "judge")
        self._share = DeadShare(topic.name) if reading.pause else None
        self._around = FileSurroundings(
            board=self._board,
            fields=fields_of(topic.event),
            as_of_ms=reading.as_of_ms,
            threads=self._judge,
            stopping=reading.stop.is_set,
            monotonic=reading.monotonic,
            share=self._share,
        )
        self._parts: dict[int, FilePartition] = {}
        self._topic, self._closed = topic.name, False

    @property
    def goes_on(self) -> bool:
        """Tell that the source, once it has ended, is done."""
        return False

    def close(self) -> None:
        """After the run: end the thread.

        Raises:
            NeedsOperator: reading ended early, since most messages were dead letters.

        """
        self._closed = True
        self._judge.shutdown(wait=False, cancel_futures=True)
        if self._share and self._share.why:
            raise NeedsOperator(self._share.why)

    def figures(self) -> SourceFigures:
        """Tell where the source stands; any thread may ask."""
        parts = tuple(part.figures() for _, part in sorted(self._parts.items()))
        return SourceFigures(self._topic, parts, closed=self._closed)

    def list_parts(self) -> list[str]:
        """Name the partitions: the files' numbers."""
        return list(self._files)

    def build_part(
        self,
        step_id: str,  # noqa: ARG002  Bytewax's interface
        for_part: str,
        resume_state: bytes | None,
    ) -> FilePartition:
        """Go on with a file where the snapshot says, else at its beginning."""
        file, standing = self._files[for_part], self._board.standings[int(for_part)]
        if resume_state is not None:
            standing.state = read_state(resume_state, LaneState, "position in a file")
            standing.unread = standing.state.floor_ms < EVER
            standing.bytes_read = 0 if standing.unread else file.size
        lane = self._make_lane(standing.state, len(self._files))
        standing.state = lane.state
        if resume_state is not None:
            self._board.settle(file.number, lane.state.guarantee_ms(self._plan))
        self._board.moved()
        self._parts[file.number] = FilePartition(file, lane, self._around)
        return self._parts[file.number]

    def files_read(self) -> FilesRead:
        """Tell how far reading has come; any thread may ask."""
        standings = list(self._board.standings.values())
        states = [of.state for of in standings]
        return FilesRead(
            files=len(standings),
            bytes_read=sum(of.bytes_read for of in standings),
            bytes_there=sum(file.size for file in self._files.values()),
            complete=not any(of.unread for of in standings),
            read=sum(of.read for of in states),
            dead=sum(of.dead for of in states),
            duplicates=sum(of.duplicates for of in states),
            late={size: sum(of.late.get(size, 0) for of in states) for size in self._plan.sizes_s},
        )
