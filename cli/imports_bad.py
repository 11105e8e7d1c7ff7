"""The cells of an imported table that cannot be read: the end of the import, or a list beside it.

Rules: each is told with file, row (from 1 below the names), line and column. What a file holds is hostile
text: it is escaped where a terminal shows it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import polars as pl

from cli.harmless import harmless
from settings import from_caller
from topics.errors import BadInput

SHOWN = 60  # characters of a cell
HEAD = ("row", "line", "column", "cell", "problem")


class BadCells:
    """Bad cells of one file.

    Args:
        file: named in errors.
        columns: the column of each role.
        listed: where they are listed; None: the first one ends the import.

    """

    def __init__(self, file: Path, columns: Mapping[str, str], listed: Path | None) -> None:
        self._file, self._columns, self._listed = file, columns, listed
        self._first = ""
        self.rows = 0

    def __enter__(self) -> Self:
        if self._listed is None:
            return self
        path = from_caller(self._listed)
        if path.resolve() == self._file.resolve():
            raise BadInput(f"--skip-bad {self._listed} is the file to read: name another")
        try:
            self._open = path.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"cannot write {self._listed}: {error.strerror or error}") from error
        self._lines = csv.writer(self._open, lineterminator="\n")
        self._lines.writerow(HEAD)
        return self

    def __exit__(self, *_: object) -> None:
        if self._listed is not None:
            self._open.close()

    def add(self, bad: pl.DataFrame) -> None:
        """Take bad cells, all of a row at once."""
        self.rows += bad["row"].n_unique()
        for row, line, role, cell, problem in bad.sort("row", maintain_order=True).iter_rows():
            column = self._columns.get(role, "")
            if self._listed is not None:
                self._lines.writerow((row, line, column, cell, problem))
            elif not self._first:
                where = f", column '{harmless(column)}': '{harmless(cell, SHOWN)}'" if column else ":"
                self._first = f"row {row} (line {line}){where} {problem}"

    def check(self) -> None:
        """End the import if there were any and nobody wants them left out.

        Raises:
            BadInput: there were.

        """
        if self._listed is None and self._first:
            others = f" (and {self.rows - 1:,} other bad rows)" if self.rows > 1 else ""
            raise BadInput(
                f"{self._file}: {self._first}{others}; nothing was sent. Mend the file, or leave such "
                "rows out and have them listed: --skip-bad BAD.csv"
            )
