"""NDJSON: a message a line.

Rules: lines end with a line feed, perhaps after a carriage return; the last may lack it. Blank lines are
no messages but count as lines; so does a byte order mark at the beginning, which is no part of a message.
A line above the size of a message is never held whole.
"""

from __future__ import annotations

import numpy as np

from sources.file_bytes import Bytes
from sources.file_chunk import Chunk
from sources.file_set import InputFile
from topics.errors import BadInput
from topics.fields import MAX_BYTES

CHUNK_BYTES = 8 << 20  # a chunk of long lines ends here
MARK = b"\xef\xbb\xbf"
SPREAD_OUT = {b"[", b"{", b"[{"}  # a first line like this: one document over many lines


class LineReader:
    """Reads a file of lines from its beginning, or from a line on."""

    unit = "line"

    def __init__(self, file: InputFile) -> None:
        self._file, self._bytes = file, Bytes(file)
        self._lines: list[bytes] = []  # whole ones that were read and not given, from `_at` on
        self._at = 0
        self._number = 1  # of the line at `_at`
        self._rest = b""  # of the block: the line that it breaks off
        self._beyond = 0  # bytes of that line that are not held
        self._long: dict[int, int] = {}  # by line: how long it really is

    @property
    def on_disk(self) -> int:
        """How many bytes of the file as it lies there were read."""
        return self._bytes.on_disk

    @property
    def place(self) -> tuple[int, int] | None:
        """Give the line to read next and the byte where it begins; None when that is not known."""
        if self._file.packing or self._beyond or self._long:
            return None
        unread = sum(map(len, self._lines[self._at :])) + len(self._lines) - self._at
        return self._number, self._bytes.position - len(self._rest) - unread

    def go_to(self, place: tuple[int, int]) -> None:
        """Stand at a place that another reader of the same file told."""
        self._number, position = place
        self._bytes.seek(position)

    def skip_to(self, offset: int) -> None:
        """Stand before a line."""
        while self._number < offset and self._fill():
            passed = min(len(self._lines), offset - self._number)
            self._at, self._number = passed, self._number + passed
        self._long.clear()

    def read(self, most: int) -> Chunk | None:
        """Give the next messages; None at the file's end."""
        values: list[bytes] = []
        numbers: list[int] = []
        size = 0
        while len(values) < most and size < CHUNK_BYTES and (self._at < len(self._lines) or self._fill()):
            lines = self._lines[self._at : self._at + most - len(values)]
            for number, line in enumerate(lines, self._number):
                if line and not line.isspace():
                    values.append(self._message(number, line))
                    numbers.append(number)
            self._at, self._number = self._at + len(lines), self._number + len(lines)
            size += sum(map(len, lines))
        if not values:
            return None
        notes = {number: f"{size} bytes, the limit is {MAX_BYTES}" for number, size in self._long.items()}
        self._long = {}
        offsets = np.array(numbers, np.int64)
        return Chunk(values, offsets, offsets, notes)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def _message(self, number: int, line: bytes) -> bytes:
        message = line.removesuffix(b"\r")
        if number > 1:
            return message
        message = message.removeprefix(MARK)
        array = message.startswith(b"[{") and self._file.kind == ".json"
        if array or message.strip() in SPREAD_OUT:
            raise BadInput(
                f"{self._file.path} holds one JSON document, not one object a line; if it is an array, "
                f"jq -c '.[]' FILE > FILE.ndjson makes lines of it"
            )
        return message

    def _fill(self) -> bool:
        """Read on until there are whole lines; False at the file's end."""
        while block := self._bytes.read(self._number):
            *lines, rest = block.split(b"\n")
            if not lines:
                self._hold(rest)
                continue
            self._hold(lines[0])
            lines[0] = self._let_go(self._number)
            self._lines, self._at = lines, 0
            self._hold(rest)
            return True
        self._lines, self._at = [self._let_go(self._number)], 0
        return bool(self._lines[0]) or self._none()

    def _none(self) -> bool:
        self._lines = []
        return False

    def _hold(self, part: bytes) -> None:
        """Add to the line that is broken off, as much of it as a dead letter needs."""
        room = max(0, MAX_BYTES + 1 - len(self._rest))
        self._rest += part[:room]
        self._beyond += max(0, len(part) - room)

    def _let_go(self, number: int) -> bytes:
        line, self._rest = self._rest, b""
        if self._beyond:
            self._long[number] = len(line) + self._beyond
            self._beyond = 0
        return line
