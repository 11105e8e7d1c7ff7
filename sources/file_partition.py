"""One file as a Bytewax source partition: reads and judges in the background, hands takes on.

Rules:
- The snapshot is where the handed-on takes end, as the number of the next line or row; what was read
  ahead and lost in a crash is read again. A file read to its end says so in its snapshot.
- Of each file the first event is read at first, to learn where in event time it begins: more would make
  windows of every file live at once. While it waits for its turn it is closed, unless few are open.
- A batch spans about an hour of event time at most: what is judged at once is held in windows at once, and
  of a game with few players 20,000 messages would be a day of them.
- The file must be the one that was found, at its end as at its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from bytewax.inputs import StatefulSourcePartition

from sources.dead_share import DeadShare
from sources.figures import PartitionFigures
from sources.file_board import EVER, FileBoard
from sources.file_chunk import Chunk, Reader
from sources.file_formats import reader_of
from sources.file_lines import LineReader
from sources.file_set import InputFile
from topics.fields import Fields
from windows.codec import packed_state
from windows.plan import NEVER
from windows.take import JudgingLane, LaneState, Take

BATCH = 20_000  # messages judged at once
ABREAST = 200_000  # messages read at once of all files whose turn it is, more or less
FEWEST = 1_000  # messages of a batch when very many files are read side by side
LONG_MS, SPARSE = 3_600_000, 200  # event time of a batch, more or less, if it holds that many messages
MOST_HELD = 2 * BATCH  # messages under way in the background, of all files
MOST_OPEN = 100  # files that wait for their turn stay open while there are fewer
REST = timedelta(milliseconds=5)
CALLS_S = 5_000  # how often all the files together that wait may look whose turn it is


@dataclass(slots=True)
class FileSurroundings:
    """What a file shares with the others of its source."""

    board: FileBoard
    fields: Fields
    as_of_ms: int
    threads: Executor
    stopping: Callable[[], bool]
    monotonic: Callable[[], float]
    share: DeadShare | None = None  # None: read on however many dead letters come
    open: set[int] = field(default_factory=set)


class FilePartition(StatefulSourcePartition[Take, bytes]):
    """Reads one file from where its lane stands.

    Args:
        file: what to read.
        lane: judges what is read.
        around: what is shared with the other files.

    """

    def __init__(self, file: InputFile, lane: JudgingLane, around: FileSurroundings) -> None:
        self._file, self._lane, self._around = file, lane, around
        self._standing = around.board.standings[file.number]
        self._remembered = False  # the lane knows the ids before its place
        self._reader: Reader | None = None
        self._place: tuple[int, int] | None = None
        self._left: Chunk | None = None  # read beyond the ids to remember
        self._job: Future[tuple[Take | None, bool]] | None = None
        self._asked = 0  # messages, of the job
        self._fits = FEWEST  # messages that span `LONG_MS`, by the last batch; few before one is known
        self._promised: int | None = None  # in the snapshot that is not committed yet
        self._snapshots = 0
        self._snapshot_s: float | None = None
        self._turned_s: float | None = None

    def next_batch(self) -> list[Take]:
        """Hand on a finished take, and read ahead.

        Raises:
            StopIteration: at the file's end, or when the process is asked to stop.
            BadInput: the file cannot be read any further.

        """
        self._turned_s = self._around.monotonic()
        if self._around.stopping() or self._paused:
            raise StopIteration
        takes = [*self._after_commit(), *self._finished()]
        if not self._standing.unread:
            if self._over() and not takes:
                raise StopIteration
        elif self._job is None and self._around.board.held < MOST_HELD:
            self._read_ahead()
        return takes

    def next_awake(self) -> datetime | None:
        """Rest while it is not this file's turn, or all is read that is there."""
        board, number = self._around.board, self._file.number
        can_read = self._standing.unread and board.may_read(number)
        if self._job is not None or (can_read and board.held < MOST_HELD):
            return None
        long_rest = max(REST, timedelta(seconds=len(board.standings) / CALLS_S))
        rest = REST if can_read or board.is_next(number) else long_rest
        return datetime.now(UTC) + rest  # noqa: TID251  Bytewax's own clock

    def snapshot(self) -> bytes:
        """Write where the handed-on takes end, and whether that is the file's end."""
        state = self._standing.state
        if not self._standing.unread:
            state = msgspec.structs.replace(state, floor_ms=EVER)
        self._promised = state.guarantee_ms(self._lane.plan)
        self._snapshots, self._snapshot_s = self._snapshots + 1, self._around.monotonic()
        return packed_state(state)

    def close(self) -> None:
        """Let go of the file."""
        if self._job is not None and not self._job.cancel():
            wait([self._job])
        self._close_reader()

    def figures(self) -> PartitionFigures:
        """Tell where this file stands; any thread may ask."""
        state, lane = self._standing.state, self._lane
        watermark = state.newest_ms - lane.plan.max_out_of_orderness_ms
        return PartitionFigures(
            topic=state.topic,
            partition=state.partition,
            read=state.read,
            dead=state.dead,
            duplicates=state.duplicates,
            late=state.late,
            next_offset=state.next_offset,
            newest_ms=state.newest_ms if state.newest_ms > NEVER else None,
            watermark_ms=watermark if state.newest_ms > NEVER else None,
            paused=self._paused,
            unread=self._standing.unread,
            snapshots=self._snapshots,
            snapshot_s=self._snapshot_s,
            turned_s=self._turned_s,
        )

    @property
    def _paused(self) -> bool:
        return bool(self._around.share and self._around.share.why)

    def _after_commit(self) -> list[Take]:
        """Use what the last snapshot made certain; Bytewax calls only once it is committed."""
        if self._promised is not None:
            self._around.board.settle(self._file.number, self._promised)
            self._promised = None
        board = self._around.board
        return [] if board.all_read else list(board.news(self._standing.state))

    def _finished(self) -> list[Take]:
        """Hand on what the background has judged."""
        if self._job is None or not self._job.done():
            return []
        job, self._job = self._job, None
        self._around.board.held -= self._asked
        take, ended = job.result()
        if take is not None:
            self._note(take)
        if ended:
            self._standing.unread, self._standing.bytes_read = False, self._file.size
            self._close_reader()
        self._around.board.moved()
        self._spare_reader()
        return [] if take is None else [self._around.board.under_promise(take)]

    def _note(self, take: Take) -> None:
        read = take.after.read - self._standing.state.read
        spanned_ms = take.after.newest_ms - self._standing.state.newest_ms
        if self._standing.state.newest_ms > NEVER and spanned_ms > 0:
            self._fits = max(SPARSE, min(BATCH, read * LONG_MS // spanned_ms))
        if self._around.share:
            self._around.share.saw(self._around.monotonic(), read, take.dead)
        self._standing.state = take.after
        self._standing.bytes_read = 0 if self._reader is None else self._reader.on_disk

    def _spare_reader(self) -> None:
        board = self._around.board
        if len(self._around.open) > MOST_OPEN and not board.may_read(self._file.number):
            self._close_reader()

    def _over(self) -> bool:
        """Tell whether nobody waits for this file's last promise any more."""
        return self._standing.settled_ms >= EVER or self._around.board.all_read

    def _read_ahead(self) -> None:
        board = self._around.board
        if not board.may_read(self._file.number):
            return
        state = self._standing.state
        share = min(BATCH, max(FEWEST, ABREAST // board.abreast))
        known = min(share, self._fits)
        most = known if state.newest_ms > NEVER else min(share, max(1, state.read))
        self._asked = most
        board.held += most
        self._job = self._around.threads.submit(self._judge, most)

    def _judge(self, most: int) -> tuple[Take | None, bool]:
        """Read and judge some messages, away from the engine's thread; tells whether the file ends there."""
        reader = self._reader or self._open()
        chunk, self._left = self._left or reader.read(most), None
        if chunk is not None and len(chunk) < most:  # perhaps the last one
            self._left = reader.read(most)
        ended = self._left is None and (chunk is None or len(chunk) < most)
        if ended:
            self._file.check_unchanged()
        if chunk is None:
            return None, ended
        take = self._lane.take(chunk.arrivals(self._around.as_of_ms))
        return chunk.with_places(take, lambda place: f"file {self._file.path}, {reader.unit} {place}"), ended

    def _open(self) -> Reader:
        """Open the file at the lane's next message; the first time let the lane remember the ids before."""
        self._file.check_unchanged()
        reader = self._reader = reader_of(self._file, self._around.fields)
        self._around.open.add(self._file.number)
        state = self._lane.state
        if self._place is not None and isinstance(reader, LineReader):
            reader.go_to(self._place)
        elif self._remembered:
            reader.skip_to(state.next_offset)
        else:
            self._refill(reader, state)
        return reader

    def _refill(self, reader: Reader, state: LaneState) -> None:
        reader.skip_to(max(1, state.next_offset - self._lane.plan.dedup_offsets))
        self._remembered = True
        seen = state.next_offset == 1
        while not seen and (chunk := reader.read(BATCH)) is not None:
            before, after = chunk.split(state.next_offset)
            if len(before):
                self._lane.remember(before.arrivals(self._around.as_of_ms))
            self._left, seen = after if len(after) else None, len(after) > 0

    def _close_reader(self) -> None:
        if self._reader is None:
            return
        self._place = None
        if isinstance(self._reader, LineReader) and self._left is None:
            self._place = self._reader.place
        self._left = None
        self._reader.close()
        self._reader = None
        self._around.open.discard(self._file.number)
