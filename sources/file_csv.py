"""CSV: a message a row, under the columns that the first line names.

Rules:
- RFC 4180: commas, quotes doubled inside quotes, line feeds inside quotes. Text is UTF-8, a byte order
  mark is dropped. Blank lines are no rows.
- An empty cell is an absent field. A cell that is a JSON number stands bare where the field is a number
  or a time; all else is text.
- A row with more or fewer cells than there are columns, or with bytes that are no text, is a dead letter.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

import numpy as np
import polars as pl

from sources.file_bytes import Bytes
from sources.file_chunk import Chunk
from sources.file_lines import MARK
from sources.file_rows import check_columns, messages, numbers_bare, quoted
from sources.file_set import InputFile
from topics.errors import BadInput
from topics.fields import IDS, MAX_BYTES, Fields, Kind

LONGEST_LINE = 16 << 20  # bytes; a longer one is no line of a table
CHUNK_CELLS = 1 << 20  # characters of a chunk, roughly: it ends at a row after so many lines' worth
AS_TEXT = "surrogateescape"
Row = list[str]


class CsvReader:
    """Reads a CSV file from its beginning, or from a row on."""

    unit = "line"

    def __init__(self, file: InputFile, fields: Fields) -> None:
        self._file, self._bytes, self._fields = file, Bytes(file), fields
        csv.field_size_limit(MAX_BYTES)
        self._ended = False
        self._size = 0  # characters read
        self._lines = 0  # handed to the parser; a row that spans several has been counted to its end
        self._rows = csv.reader(self._texts())
        self._number = 1  # of the next row
        self._columns = self._row() or []
        check_columns(file, self._columns, fields)
        self._kinds = {field.name: field.kind for field in fields.all}

    @property
    def on_disk(self) -> int:
        """How many bytes of the file as it lies there were read."""
        return self._bytes.on_disk

    def skip_to(self, offset: int) -> None:
        """Stand before a row."""
        while self._number < offset and self._row():
            self._number += 1

    def read(self, most: int) -> Chunk | None:
        """Give the next rows as messages; None at the file's end."""
        rows: list[Row] = []
        places: list[int] = []
        began = self._size
        while len(rows) < most and self._size - began < 8 * CHUNK_CELLS:
            row = self._row()
            if row is None:
                break
            rows.append(row)
            places.append(self._begins)
        if not rows:
            return None
        first, self._number = self._number, self._number + len(rows)
        offsets = np.arange(first, self._number)
        unfit = {at: why for at, row in enumerate(rows) if (why := self._unfit(row))}
        notes = {first + at: why for at, why in unfit.items()}
        return Chunk(self._messages(rows, unfit), offsets, np.array(places, np.int64), notes)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def _row(self) -> Row | None:
        """Give the next row that is not blank; None at the file's end."""
        try:
            row: Row | None = []
            while row == []:
                self._begins = self._lines + 1
                row = next(self._rows, None)
        except csv.Error as error:
            raise BadInput(f"{self._file.path} is no CSV at line {self._begins}: {error}") from error
        if row is not None and self._ended and self._lines > self._last:
            raise BadInput(f"{self._file.path}: a quote that opens in line {self._begins} is never closed")
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
            self._size += len(line)
            yield line.decode(errors=AS_TEXT)

    def _unfit(self, row: Row) -> str:
        """Say why a row is no event, as far as the table tells; empty if it may be one."""
        if len(row) != len(self._columns):
            return f"the row has {len(row)} cells, the first line names {len(self._columns)}"
        return ""

    def _messages(self, rows: list[Row], unfit: dict[int, str]) -> list[bytes]:
        """Write rows as JSON; those that are unfit, or no text, as they stand."""
        raw = {at: ",".join(rows[at]).encode(errors=AS_TEXT) for at in unfit}
        blank = [""] * len(self._columns)
        table = [blank if at in raw else row for at, row in enumerate(rows)]
        try:
            written = self._written(table)
        except UnicodeEncodeError:
            for at, row in enumerate(table):
                if not _is_text(row):
                    raw[at], table[at] = ",".join(row).encode(errors=AS_TEXT), blank
            written = self._written(table)
        for at, value in raw.items():
            written[at] = value
        return written

    def _written(self, table: list[Row]) -> list[bytes]:
        columns = zip(self._columns, zip(*table, strict=True), strict=True)
        return messages([self._tokens(pl.Series(name, cells, pl.String)) for name, cells in columns])

    def _tokens(self, cells: pl.Series) -> pl.Series:
        present = cells.set(cells == "", None)
        kind = self._kinds.get(cells.name, Kind.TEXT)
        return quoted(present) if kind in {*IDS, Kind.TEXT} else numbers_bare(present)


def _is_text(row: Row) -> bool:
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True
