"""The cells of messages, read from their text into columns by the JSON reader of polars.

Rules: the reader refuses a text that is not one JSON object a line, and a value that its column does not
take; its numbers are those of Python, to the last bit. It is generous in the rest (a key given twice, a
bare number for a string), so the messages are proven harmless before. Money is no column of
its: it goes through floats.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from polars.exceptions import PanicException, PolarsError

from topics.fields import COLUMN, Field, Kind
from topics.lines import Bools, Ints


@dataclass(frozen=True, slots=True)
class Cells:
    """Messages as columns: their indexes (ascending), and a row of cells for each.

    Times are text as written; `integers` flags for a time field where it is a bare integer; `nothing_else`
    says that no message has a field but those of its struct.
    """

    rows: Ints
    frame: pl.DataFrame
    integers: dict[str, Bools]
    nothing_else: bool = False


def read_lines(text: bytes, present: list[Field], height: int) -> pl.DataFrame | None:
    """Read JSON objects, one a line; `None` when any of them is not."""
    try:
        frame = pl.read_ndjson(text, schema=schema(present))
    except (PolarsError, PanicException):
        return None
    return frame if frame.height == height else None


def schema(present: list[Field]) -> dict[str, pl.DataType]:
    """Name the columns that the reader makes of the fields."""
    return {
        field.name: pl.String() if field.kind is Kind.TIME else COLUMN[field.kind]
        for field in present
        if field.kind is not Kind.MONEY
    }
