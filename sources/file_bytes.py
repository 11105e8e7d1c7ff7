"""A file's bytes, unpacked block by block while they are read.

Rules: a compressed file that is cut or damaged is an error at the place where it shows, never a quiet
end; files made of several compressed parts one after the other are read to the last.
"""

from __future__ import annotations

import pyarrow as pa

from sources.file_set import InputFile
from topics.errors import BadInput

BLOCK = 1 << 18  # bytes read at once


class Bytes:
    """An open file.

    Raises:
        BadInput: it cannot be opened.

    """

    def __init__(self, file: InputFile) -> None:
        self._file = file
        try:
            self._raw = pa.OSFile(str(file.path), "rb")
        except OSError as error:
            raise BadInput(f"{file.path} cannot be read: {error}") from error
        self._open = pa.CompressedInputStream(self._raw, file.packing) if file.packing else self._raw
        self.position = 0  # in the unpacked bytes

    @property
    def on_disk(self) -> int:
        """How many bytes of the file as it lies there were read."""
        return int(self._raw.tell())

    def read(self, line: int) -> bytes:
        """Read the next block; empty at the end. `line` is the one that the block belongs to.

        Raises:
            BadInput: the file is cut or damaged here.

        """
        try:
            block = bytes(self._open.read(BLOCK))
        except OSError as error:
            raise unreadable(self._file, f"line {line}", error) from error
        self.position += len(block)
        return block

    def seek(self, position: int) -> None:
        """Stand somewhere else; only in a file that is not compressed."""
        self._raw.seek(position)
        self.position = position

    def close(self) -> None:
        """Close the file."""
        self._open.close()
        self._raw.close()


def unreadable(file: InputFile, place: str, error: Exception) -> BadInput:
    """Say where a file cannot be read any further, and why."""
    reason = " ".join(str(error).split())
    what = "is cut" if "runcated" in reason else "is damaged"
    return BadInput(
        f"{file.path} {what} at or after {place} ({reason}): what stands before it may be counted already; "
        "put the whole file in its place and run again"
    )
