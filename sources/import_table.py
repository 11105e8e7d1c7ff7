"""A table to import: the cells of the chosen columns of a CSV file, in batches, with row and line.

Rules: rows are counted from 1 below the line that names the columns, blank lines are none. A row that is
too short or too long, or whose chosen cells are no UTF-8 text, comes as bad. Other columns are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from sources.csv_rows import CsvRows, Row
from sources.file_bytes import Bytes
from sources.file_set import CSV, InputFile
from topics.errors import BadInput
from topics.imported import BAD

BATCH = 50_000  # rows
BATCH_BYTES = 16 << 20
Found = list[tuple[int, int, Row]]  # row, line, cells


class Cells(NamedTuple):
    """Some rows: `row, line` and the chosen columns under their roles; `BAD` ones; bytes read so far."""

    cells: pl.DataFrame
    bad: pl.DataFrame
    rows: int
    on_disk: int


def name_of(file: InputFile, how: str) -> str:
    """Name an import for ever: 16 hex digits of hash(the unpacked bytes, how they are read).

    Raises:
        BadInput: the file is no CSV, is cut, or changes meanwhile.

    """
    if file.kind != CSV:
        raise BadInput(f"{file.path} is no CSV: its name must end with .csv, .csv.gz or .csv.zst")
    content, told = Bytes(file), hashlib.sha256()
    while block := content.read(1):
        told.update(block)
    content.close()
    file.check_unchanged()
    told.update(f"\0{how}".encode(errors="surrogateescape"))
    return told.hexdigest()[:16]


def cells_of(file: InputFile, columns: Mapping[str, str]) -> Iterator[Cells]:
    """Read a file; `columns` names the column of each role.

    Raises:
        BadInput: it has no such column, is no CSV, or changes meanwhile.

    """
    rows = CsvRows(file)
    names = [name.strip() for name in rows.row() or []]
    at = {role: _place(file, names, column) for role, column in columns.items()}
    number = 0
    while found := _some(rows, number):
        number += len(found)
        yield _cells(found, at, len(names), rows.on_disk)
    rows.close()
    file.check_unchanged()


def _place(file: InputFile, names: list[str], column: str) -> int:
    if names.count(column) == 1:
        return names.index(column)
    if column in names:
        raise BadInput(f"{file.path} has column {column!r} twice: which one counts?")
    known = ", ".join(repr(name[:40]) for name in names[:12]) or "nothing"
    raise BadInput(
        f"{file.path} has no column {column!r}; it has {known} "
        "(the first line of a CSV names its columns, separated by commas)"
    )


def _some(rows: CsvRows, number: int) -> Found:
    found: Found = []
    began = rows.size
    while len(found) < BATCH and rows.size - began < BATCH_BYTES and (row := rows.row()) is not None:
        found.append((number + len(found) + 1, rows.begins, row))
    return found


def _cells(found: Found, at: Mapping[str, int], width: int, on_disk: int) -> Cells:
    whole = [one for one in found if len(one[2]) == width]
    bad: list[tuple[object, ...]] = [
        (row, line, "", ",".join(cells), f"the row has {len(cells)} cells, the first line names {width}")
        for row, line, cells in found
        if len(cells) != width
    ]
    try:
        table = _table(whole, at)
    except UnicodeEncodeError:
        hidden = [(one, role) for one in whole if (role := _no_text(one[2], at))]
        bad += [(row, line, role, cells[at[role]], "is no UTF-8 text") for (row, line, cells), role in hidden]
        gone = {row for (row, _, _), _ in hidden}
        table = _table([one for one in whole if one[0] not in gone], at)
    shown = [(*place, _shown(str(cell)), problem) for *place, cell, problem in bad]
    return Cells(table, pl.DataFrame(shown, schema=BAD, orient="row"), len(found), on_disk)


def _table(found: Found, at: Mapping[str, int]) -> pl.DataFrame:
    rows, lines, cells = zip(*found, strict=True) if found else ((), (), ())
    columns = {role: pl.Series([row[place] for row in cells], dtype=pl.String) for role, place in at.items()}
    return pl.DataFrame(
        {"row": pl.Series(rows, dtype=pl.Int64), "line": pl.Series(lines, dtype=pl.Int64), **columns}
    )


def _no_text(cells: Row, at: Mapping[str, int]) -> str | None:
    """Name the first chosen column whose cell is no text."""
    return next((role for role, place in at.items() if _shown(cells[place]) != cells[place]), None)


def _shown(cell: str) -> str:
    return cell.encode(errors="surrogateescape").decode(errors="replace")
