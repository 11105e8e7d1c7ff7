"""Rows of columns as JSON messages, so that they go through the same `decode` as everything else.

Rules: a cell becomes a JSON token (null = the field is absent), a row the object of its tokens in the
order of the columns. All of it is columnar but for text that needs escapes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from sources.file_set import InputFile
from topics.errors import BadInput
from topics.fields import Fields

JSON_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_TO_ESCAPE = r'["\\\x00-\x1f]'


def check_columns(file: InputFile, names: Sequence[str], fields: Fields) -> None:
    """Make sure that the columns of a file can be events at all.

    Raises:
        BadInput: a column stands twice, or one that every event needs is not there.

    """
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise BadInput(f"{file.path} has column {twice[0]!r} twice")
    lacking = [field.name for field in fields.all if field.required and field.name not in names]
    if lacking:
        known = ", ".join(repr(name[:40]) for name in names[:5])
        raise BadInput(
            f"{file.path} has no column {lacking[0]!r}; it begins with {known} "
            "(the first line of a CSV names its columns, separated by commas)"
        )


def quoted(texts: pl.Series) -> pl.Series:
    """Write texts as JSON strings; null stays null."""
    tokens = ('"' + texts + '"').alias(texts.name)
    special = texts.str.contains(_TO_ESCAPE).fill_null(value=False)
    if not special.any():
        return tokens
    escaped = texts.filter(special).map_elements(json.dumps, pl.String)
    return tokens.scatter(special.arg_true(), escaped)


def numbers_bare(texts: pl.Series) -> pl.Series:
    """Write texts that are JSON numbers as they are, and the others as JSON strings."""
    bare = texts.str.contains(JSON_NUMBER)
    return quoted(texts).zip_with(~bare.fill_null(value=False), texts)


def messages(tokens: Sequence[pl.Series]) -> list[bytes]:
    """Put the tokens of each row together; a column's name is its key."""
    pieces = [(f"{json.dumps(column.name)}:" + column).alias(str(at)) for at, column in enumerate(tokens)]
    inner = pl.concat_str(pl.all(), separator=",", ignore_nulls=True)
    rows = pl.DataFrame(pieces).select(pl.concat_str(pl.lit("{"), inner, pl.lit("}")))
    return rows.to_series().cast(pl.Binary).to_list()
