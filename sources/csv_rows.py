"""The rows of a CSV file, as lists of cells, with the line on which each begins.

Rules:
- RFC 4180: commas, quotes doubled inside quotes, line feeds inside quotes. Text is UTF-8, a byte order
  mark is dropped. Blank lines are no rows.
- Bytes that are no UTF-8 come as surrogates: who needs the cell finds out, who does not is not troubled.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from sources.file_bytes import Bytes
from sources.file_lines import MARK
from sources.file_set import InputFile
from topics.errors import BadInput
from topics.fields import MAX_BYTES

LONGEST_LINE = 16 << 20  # bytes; a longer one is no line of a table
AS_TEXT = "surrogateescape"
Row = list[str]


class CsvRows:
    """An open CSV file; `begins` is the line of the last row given, `size` the bytes of text read."""

    def __init__(self, file: InputFile) -> None:
        self._file, self._bytes = file, Bytes(file)
        csv.field_size_limit(MAX_BYTES)
        self._ended = False
        self.size = 0
        self.begins = 0
        self._lines = 0  # handed to the parser; a row that spans several has been counted to its end
        self._rows = csv.reader(self._texts())

    @property
    def on_disk(self) -> int:
        """How many bytes of the file as it lies there were read."""
        return self._bytes.on_disk

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def row(self) -> Row | None:
        """Give the next row that is not blank; None at the file's end.

        Raises:
            BadInput: the file is no CSV here, or is cut or damaged.

        """
        try:
            row: Row | None = []
            while row == []:
                self.begins = self._lines + 1
                row = next(self._rows, None)
        except csv.Error as error:
            raise BadInput(f"{self._file.path} is no CSV at line {self.begins}: {error}") from error
        if row is not None and self._ended and self._lines > self._last:
            raise BadInput(f"{self._file.path}: a quote that opens in line {self.begins} is never closed")
        return row

    def _texts(self) -> Iterator[str]:
        """Give the lines with their ends, and one blank line more, so that an open quote shows."""
        rest = self._bytes.read(1).removeprefix(MARK)
        while block := self._bytes.read(self._lines + 1):
            *lines, rest = (rest + block).split(b"\n")
            if len(rest) > LONGEST_LINE:
                raise BadInput(
                    f"{self._file.path}: line {self._lines + len(lines) + 1} is no line of a table"
                )
            yield from self._counted(b"%s\n" % line for line in lines)
        *lines, rest = rest.split(b"\n")
        yield from self._counted(b"%s\n" % line for line in lines)
        if rest:
            yield from self._counted(iter([rest + b"\n"]))
        self._ended, self._last = True, self._lines
        self._lines += 1
        yield "\n"

    def _counted(self, lines: Iterator[bytes]) -> Iterator[str]:
        for line in lines:
            self._lines += 1
            self.size += len(line)
            yield line.decode(errors=AS_TEXT)
