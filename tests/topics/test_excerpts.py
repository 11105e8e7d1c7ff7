"""A column of excerpts holds the same text as any other column; a copy keeps nothing else in memory."""

from __future__ import annotations

import sys

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from topics.excerpts import excerpts, owned
from topics.lines import lines_of


@given(st.lists(st.text(alphabet="ab\u00ef\u20ac\U0001f600 ", max_size=20), max_size=20))
def test_excerpts_are_what_stands_there(texts: list[str]) -> None:
    lines = lines_of([text.encode() for text in texts])
    column = excerpts("name", lines, lines.starts, lines.ends)
    assert column.equals(pl.Series("name", texts, pl.String), check_names=True, check_dtypes=True)
    assert column.hash().to_list() == pl.Series(texts, dtype=pl.String).hash().to_list()
    assert owned(column).to_list() == texts


def test_a_copy_keeps_only_its_own_text() -> None:
    words = [f"a word of more than twelve bytes, {number}" for number in range(100)]
    lines = lines_of([word.encode() for word in words])
    holders = [sys.getrefcount(lines.text)]
    kept = excerpts("name", lines, lines.starts, lines.ends)[:3]
    holders.append(sys.getrefcount(lines.text))
    kept = owned(kept)
    holders.append(sys.getrefcount(lines.text))
    assert holders == [holders[0], holders[0] + 1, holders[0]]
    assert kept.to_list() == words[:3]
