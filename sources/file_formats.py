"""Which reader reads which file, by its ending."""

from __future__ import annotations

from sources.file_chunk import Reader
from sources.file_csv import CsvReader
from sources.file_lines import LineReader
from sources.file_parquet import ParquetReader
from sources.file_set import CSV, PARQUET, InputFile
from topics.fields import Fields


def reader_of(file: InputFile, fields: Fields) -> Reader:
    """Open a file.

    Raises:
        BadInput: it cannot be read, or its columns are no events of the topic.

    """
    if file.kind == CSV:
        return CsvReader(file, fields)
    if file.kind == PARQUET:
        return ParquetReader(file, fields)
    return LineReader(file)
