"""Parquet: a message a row, its values written as JSON by their types.

Rules: null is an absent field; a timestamp or date is epoch milliseconds (UTC where it names no zone); a
decimal is its text, bare where the field is a number; a real number that is whole stands as an integer
where the field is an integer, an id or a time, since tables with gaps hold integers so; lists and structs
are JSON. NaN and infinity are no JSON, so such a row is a dead letter.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sources.file_bytes import unreadable
from sources.file_chunk import Chunk
from sources.file_rows import check_columns, messages, quoted
from sources.file_set import InputFile
from topics.errors import BadInput
from topics.fields import IDS, NUMERIC, Fields, Kind

ROWS = 5_000  # decoded at once
WHOLE_LIMIT = 2.0**63
TROUBLE = (OSError, pa.ArrowException)
COLUMNAR = (
    pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal,
    pa.types.is_timestamp, pa.types.is_date, pa.types.is_string, pa.types.is_large_string,
    pa.types.is_string_view,
)  # fmt: skip


class ParquetReader:
    """Reads a Parquet file from its beginning, or from a row on."""

    unit = "row"

    def __init__(self, file: InputFile, fields: Fields) -> None:
        self._file, self._fields = file, fields
        try:
            self._open = pq.ParquetFile(str(file.path))
        except TROUBLE as error:
            raise BadInput(f"{file.path} is no whole Parquet file: {' '.join(str(error).split())}") from error
        check_columns(file, self._open.schema_arrow.names, fields)
        self._kinds = {field.name: field.kind for field in fields.all}
        self._count = self._open.metadata.num_rows
        self._number = 1  # of the first row of `_batch`, the next one to give
        self._batch: pa.RecordBatch | None = None
        self._batches = self._from_group(0)

    @property
    def on_disk(self) -> int:
        """Roughly how many bytes of the file were read, by its rows."""
        return self._file.size * (self._number - 1) // max(self._count, 1)

    def skip_to(self, offset: int) -> None:
        """Stand before a row."""
        group, metadata = 0, self._open.metadata
        while group < metadata.num_row_groups and self._number + metadata.row_group(group).num_rows <= offset:
            self._number += metadata.row_group(group).num_rows
            group += 1
        self._batches = self._from_group(group)
        while self._number < offset and (passed := self._next(offset - self._number)) is not None:
            self._number += passed.num_rows

    def read(self, most: int) -> Chunk | None:
        """Give the next rows as messages; None at the file's end."""
        rows = self._next(most)
        if rows is None:
            return None
        first, self._number = self._number, self._number + rows.num_rows
        offsets = np.arange(first, self._number)
        columns = zip(rows.schema.names, rows.columns, strict=True)
        return Chunk(messages([self._tokens(name, column) for name, column in columns]), offsets, offsets)

    def close(self) -> None:
        """Close the file."""
        self._batch = None
        self._batches = iter(())
        self._open.close()

    def _from_group(self, group: int) -> Iterator[pa.RecordBatch]:
        groups = range(group, self._open.metadata.num_row_groups)
        return iter(self._open.iter_batches(ROWS, row_groups=list(groups), use_threads=False))

    def _next(self, most: int) -> pa.RecordBatch | None:
        """Give the next rows, at most so many."""
        while self._batch is None or not self._batch.num_rows:
            try:
                self._batch = next(self._batches, None)
            except TROUBLE as error:
                raise unreadable(self._file, f"row {self._number}", error) from error
            if self._batch is None:
                return None
        rows, self._batch = self._batch.slice(0, most), self._batch.slice(most)
        return rows

    def _tokens(self, name: str, column: pa.Array[Any]) -> pl.Series:
        """Write a column's values as JSON tokens."""
        kind, of = self._kinds.get(name), column.type
        if pa.types.is_dictionary(of):
            column, of = column.cast(of.value_type), of.value_type
        if not any(test(of) for test in COLUMNAR):
            return pl.Series(name, [_json(value) for value in column.to_pylist()], pl.String)
        values = pl.Series(name, pl.from_arrow(column))
        if pa.types.is_timestamp(of) or pa.types.is_date(of):
            return values.dt.epoch("ms").cast(pl.String)
        if pa.types.is_floating(of):
            return _real(values, kind)
        texts = values.cast(pl.String)
        bare = kind in NUMERIC if pa.types.is_decimal(of) else not _is_string(of)
        return texts if bare else quoted(texts)


def _real(values: pl.Series, kind: Kind | None) -> pl.Series:
    texts = values.cast(pl.String)
    if kind not in {Kind.WHOLE, Kind.TIME, *IDS}:
        return texts
    whole = (values == values.floor()) & (values.abs() < WHOLE_LIMIT)
    integers = values.set(~whole.fill_null(value=False), None).cast(pl.Int64).cast(pl.String)
    return integers.zip_with(whole.fill_null(value=False), texts)


def _is_string(of: pa.DataType) -> bool:
    return any(test(of) for test in COLUMNAR[-3:])


def _json(value: object) -> str | None:
    if value is None:
        return None
    return json.dumps(value, default=_text)


def _text(value: object) -> str:
    """Write what JSON has no word for; bytes that are no text stay none, so that `decode` says it."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)
