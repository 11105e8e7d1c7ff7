"""CSV: a message a row, under the columns that the first line names.

Rules:
- What a row is, `sources.csv_rows` tells.
- An empty cell is an absent field. A cell that is a JSON number stands bare where the field is a number
  or a time; all else is text.
- A row with more or fewer cells than there are columns, or with bytes that are no text, is a dead letter.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.csv_rows import AS_TEXT, CsvRows, Row
from sources.file_chunk import Chunk
from sources.file_rows import check_columns, messages, numbers_bare, quoted
from sources.file_set import InputFile
from topics.fields import IDS, Fields, Kind

CHUNK_CELLS = 1 << 20  # characters of a chunk, roughly: it ends at a row after so many lines' worth


class CsvReader:
    """Reads a CSV file from its beginning, or from a row on."""

    unit = "line"

    def __init__(self, file: InputFile, fields: Fields) -> None:
        self._rows = CsvRows(file)
        self._number = 1  # of the next row
        self._columns = self._rows.row() or []
        check_columns(file, self._columns, fields)
        self._kinds = {field.name: field.kind for field in fields.all}

    @property
    def on_disk(self) -> int:
        """How many bytes of the file as it lies there were read."""
        return self._rows.on_disk

    def skip_to(self, offset: int) -> None:
        """Stand before a row."""
        while self._number < offset and self._rows.row():
            self._number += 1

    def read(self, most: int) -> Chunk | None:
        """Give the next rows as messages; None at the file's end."""
        rows: list[Row] = []
        places: list[int] = []
        began = self._rows.size
        while len(rows) < most and self._rows.size - began < 8 * CHUNK_CELLS:
            row = self._rows.row()
            if row is None:
                break
            rows.append(row)
            places.append(self._rows.begins)
        if not rows:
            return None
        first, self._number = self._number, self._number + len(rows)
        offsets = np.arange(first, self._number)
        unfit = {at: why for at, row in enumerate(rows) if (why := self._unfit(row))}
        notes = {first + at: why for at, why in unfit.items()}
        return Chunk(self._messages(rows, unfit), offsets, np.array(places, np.int64), notes)

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

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
