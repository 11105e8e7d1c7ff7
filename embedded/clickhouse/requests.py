"""One HTTP request as ClickHouse's protocol reads it.

Rules: a parameter that the protocol knows is taken by it, `param_*` are values, every other parameter
is a setting for this query only. The query is the `query` parameter, the body, or both, one after the
other. Accepted and without effect: `session_id` and its kind (nothing is held between requests: no
temporary tables, no SET), `quota_key`, `role`, `buffer_size`, `client_protocol_version`, `query_kind`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from itertools import chain
from urllib.parse import parse_qsl, urlsplit

from embedded.clickhouse.bodies import Body, form_fields
from embedded.clickhouse.compression import chosen_encoding, unpacked
from embedded.clickhouse.engine import Wanted
from embedded.clickhouse.errors import NOT_IMPLEMENTED, QUERY_IS_TOO_LARGE, SYNTAX_ERROR, refused
from embedded.clickhouse.statements import HEAD_MOST, Insert, recognised
from embedded.clickhouse.users import User, authenticated

QUERY_MOST = 64 << 20  # bytes of one query's text; inserted data is not bounded
PROTOCOL = {
    *("query", "database", "default_format", "query_id", "session_id", "session_timeout", "session_check"),
    *("user", "password", "quota_key", "role", "wait_end_of_query", "buffer_size", "compress", "decompress"),
    *("client_protocol_version", "query_kind", "stacktrace", "enable_http_compression", "async_insert"),
    *("http_zlib_compression_level", "send_progress_in_http_headers", "http_headers_progress_interval_ms"),
    *("cancel_http_readonly_queries_on_client_close", "wait_for_async_insert", "add_http_cors_header"),
}
ON = ("1", "true", "True")
READING_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: around the query, the statement, and the data that comes with an INSERT."""

    wanted: Wanted
    statement: str | Insert
    data: Iterator[bytes]
    encoding: str
    whole_first: bool


def parameters(target: str) -> dict[str, str]:
    """Read the parameters of a request's target; of a repeated name the last one counts."""
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


def read_request(users: tuple[User, ...], method: str, target: str, headers: Message, body: Body) -> Request:
    """Authenticate, then read as much of the body as the statement needs.

    Raises:
        QueryError: wrong password, unknown encoding, too long a query, no query.

    """
    params = parameters(target)
    user = authenticated(users, headers, params)
    if params.get("decompress") in ON or params.get("compress") in ON:
        raise refused(NOT_IMPLEMENTED, "Native block compression is not supported: use Content-Encoding")
    pieces = unpacked(body, headers.get("Content-Encoding", "").strip().lower())
    content_type = headers.get("Content-Type", "")
    if content_type.startswith("multipart/form-data"):
        params |= form_fields(content_type, _all_of(pieces))
    statement, data = _statement(params.get("query", "").encode(), pieces)
    compress = params.get("enable_http_compression") in ON
    return Request(
        _wanted(user, method, headers, params),
        statement,
        data,
        chosen_encoding(headers.get("Accept-Encoding", "")) if compress else "",
        params.get("wait_end_of_query") in ON,
    )


def _wanted(user: User, method: str, headers: Message, params: Mapping[str, str]) -> Wanted:
    return Wanted(
        user,
        headers.get("X-ClickHouse-Database") or params.get("database", ""),
        {k: v for k, v in params.items() if k not in PROTOCOL and not k.startswith("param_")},
        {k.removeprefix("param_"): v for k, v in params.items() if k.startswith("param_")},
        headers.get("X-ClickHouse-Format") or params.get("default_format") or "TabSeparated",
        method not in READING_METHODS,
    )


def _statement(query: bytes, body: Iterator[bytes]) -> tuple[str | Insert, Iterator[bytes]]:
    """Split what came into the statement and an INSERT's data."""
    found = recognised(query, whole=True) if query.strip() else None
    if isinstance(found, Insert):
        return found, chain((query[found.data_at :],), body)
    text = query + b"\n" if query.strip() else b""
    found = None
    while found is None:
        piece = next(body, None)
        text += piece or b""
        found = recognised(text[: HEAD_MOST + 1], whole=piece is None or len(text) > HEAD_MOST)
    if isinstance(found, Insert):
        return found, chain((text[found.data_at :],), body)
    text += _all_of(body)
    if not text.strip():
        raise refused(SYNTAX_ERROR, "Syntax error: Empty query")
    try:
        return text.decode(), iter(())
    except UnicodeDecodeError as error:
        raise refused(SYNTAX_ERROR, f"Syntax error: the query is not UTF-8 ({error.reason})") from error


def _all_of(pieces: Iterator[bytes]) -> bytes:
    text = bytearray()
    for piece in pieces:
        text += piece
        if len(text) > QUERY_MOST:
            raise refused(QUERY_IS_TOO_LARGE, f"Query is too large: more than {QUERY_MOST} bytes")
    return bytes(text)
