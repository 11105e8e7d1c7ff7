"""Where an INSERT's data begins, whatever the pieces that its text arrives in."""

from __future__ import annotations

import pytest

from embedded.clickhouse.statements import Insert, Statement, quoted, recognised, result_format

INSERTS = [
    (b"INSERT INTO t FORMAT CSV\n1,a\n", "CSV", b"1,a\n", ""),
    (b"insert into t(a, b) format  Native \r\n\nx", "Native", b"\nx", ""),
    (b"INSERT INTO t VALUES (1, 'a')", "Values", b" (1, 'a')", ""),
    (b'-- FORMAT JSON\n/* VALUES */ INSERT INTO `a``FORMAT b`."x" FORMAT TSV\n1', "TSV", b"1", ""),
    (
        b"INSERT INTO t SETTINGS a = 'FORMAT X', b = 1 FORMAT CSV\n1",
        "CSV",
        b"1",
        "SETTINGS a = 'FORMAT X', b = 1 ",
    ),
    (b"INSERT INTO TABLE format.values FORMAT CSV\n1", "CSV", b"1", ""),
    (b"INSERT INTO FUNCTION file('a', CSV, 'x FORMAT y') FORMAT CSV\n1", "CSV", b"1", ""),
    (b"INSERT INTO t (* EXCEPT(format)) FORMAT CSV\n1", "CSV", b"1", ""),
    (b"INSERT INTO t FORMAT RowBinary\n\xff\x00'`\n", "RowBinary", b"\xff\x00'`\n", ""),
]


@pytest.mark.parametrize(("text", "form", "rest", "settings"), INSERTS)
def test_data_begins_behind_the_format(text: bytes, form: str, rest: bytes, settings: str) -> None:
    found = recognised(text, whole=True)
    assert isinstance(found, Insert)
    assert (found.format, text[found.data_at :], found.settings) == (form, rest, settings)


@pytest.mark.parametrize(("text", "form", "rest", "settings"), INSERTS)
def test_a_text_in_pieces_is_read_as_the_whole(text: bytes, form: str, rest: bytes, settings: str) -> None:
    whole = recognised(text, whole=True)
    assert {recognised(text[:end], whole=False) for end in range(len(text))} <= {None, whole}


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t SELECT 1",
        b"INSERT INTO t WITH 1 AS a SELECT a",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"WITH 1 AS a INSERT INTO t SELECT a",
        b"INSERT INTO t FORMAT",
        b"INSERT",
        b"",
        b"\xff'",
    ],
)
def test_other_statements_bring_no_data(text: bytes) -> None:
    assert recognised(text, whole=True) == Statement()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT 1", ("", True)),
        ("SELECT 1 format native;", ("native", True)),
        ("SELECT 1 FORMAT JSON", ("JSON", False)),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", ("CSV", True)),
        ("SELECT 1 FORMAT JSON -- as CSV", ("", False)),
        ("SELECT 'FORMAT CSV'", ("", False)),
        ("SELECT formatRow('CSV', 1)", ("", True)),
    ],
)
def test_only_a_plain_last_format_is_streamed(sql: str, found: tuple[str, bool]) -> None:
    assert result_format(sql) == found


def test_a_quoted_value_ends_where_it_should() -> None:
    assert quoted("it's \\ a") == "'it\\'s \\\\ a'"
