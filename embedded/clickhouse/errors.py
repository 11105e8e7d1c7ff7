"""What goes wrong with a query, as ClickHouse's HTTP protocol says it: a code, a text, an HTTP status.

Rules: codes and their HTTP statuses are ClickHouse's own, so that every client classifies our errors
as it does a server's. The engine's text is passed on from its first `Code:`.
Source: ClickHouse `exceptionCodeToHTTPStatus`, `ErrorCodes`.
"""

from __future__ import annotations

import re

NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_COMPRESSION_METHOD = 89
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
QUERY_IS_TOO_LARGE = 223
NETWORK_ERROR = 210
NOT_ENOUGH_SPACE = 243
ZLIB_INFLATE_FAILED = 354
ZSTD_DECODER_FAILED = 432
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
LZ4_DECODER_FAILED = 546
UNKNOWN_EXCEPTION = 1002

NAMES = {
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    UNKNOWN_COMPRESSION_METHOD: "UNKNOWN_COMPRESSION_METHOD",
    READONLY: "READONLY",
    TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    QUERY_IS_TOO_LARGE: "QUERY_IS_TOO_LARGE",
    NETWORK_ERROR: "NETWORK_ERROR",
    NOT_ENOUGH_SPACE: "NOT_ENOUGH_SPACE",
    ZLIB_INFLATE_FAILED: "ZLIB_INFLATE_FAILED",
    ZSTD_DECODER_FAILED: "ZSTD_DECODER_FAILED",
    ACCESS_DENIED: "ACCESS_DENIED",
    AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
    LZ4_DECODER_FAILED: "LZ4_DECODER_FAILED",
}

_CODES_OF_STATUS = {
    400: (
        6,
        25,
        26,
        27,
        38,
        41,
        43,
        44,
        53,
        62,
        15,
        36,
        72,
        117,
        167,
        168,
        321,
        427,
        441,
        675,
        676,
        8,
        45,
        69,
    ),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 97, 115, 336, 511),
    408: (159,),
    411: (381,),
    413: (223,),
    501: (48,),
    503: (76, 209, 439),
}
STATUS = {code: status for status, codes in _CODES_OF_STATUS.items() for code in codes}
_REPEATED = re.compile(r"^(Code: \d+\. DB::Exception: )(?=\1)")
_CODE = re.compile(r"Code: (\d+)\. ")


class QueryError(Exception):
    """A query that is answered with ClickHouse's code and text.

    Args:
        code: ClickHouse's error code, such as 60 (UNKNOWN_TABLE).
        text: the whole body of the answer, without the final newline.

    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> int:
        """Give the HTTP status that ClickHouse sends for the code."""
        return STATUS.get(self.code, 500)


def refused(code: int, why: str) -> QueryError:
    """Make an error of our own in ClickHouse's words."""
    return QueryError(code, f"Code: {code}. DB::Exception: {why}. ({NAMES.get(code, 'UNKNOWN_EXCEPTION')})")


def from_engine(error: Exception) -> QueryError:
    """Read ClickHouse's code out of what chDB raised; a text without one is UNKNOWN_EXCEPTION."""
    text = str(error)
    found = _CODE.search(text)
    if found is None:
        return refused(UNKNOWN_EXCEPTION, text)
    return QueryError(int(found[1]), _REPEATED.sub("", text[found.start() :].strip()))
