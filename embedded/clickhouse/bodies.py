"""The body of an HTTP request as an iterator of pieces, by length or chunked.

Rules: a body that ends early is an error (an INSERT is then cancelled, not finished); what is not
wanted is drained, up to a bound, so that the connection can go on and the client can read our answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from io import BufferedIOBase

from embedded.clickhouse.errors import NETWORK_ERROR, NOT_IMPLEMENTED, SYNTAX_ERROR, refused

PIECE = 256 * 1024  # bytes asked of the socket at once
DRAINED_MOST = 1 << 30  # bytes thrown away before the connection is closed instead
LINE_MOST = 1024  # a chunk's size line, or a trailer


class Body:
    """The pieces of one request's body.

    Args:
        source: the connection, positioned behind the headers.
        headers: they say how the body ends.

    """

    def __init__(self, source: BufferedIOBase, headers: Message) -> None:
        self._source = source
        self.ended = False
        if "chunked" in headers.get("Transfer-Encoding", "").lower():
            self._pieces = self._chunked()
            return
        length = headers.get("Content-Length", "0").strip()
        if not length.isdigit():
            self.ended = True
            raise refused(SYNTAX_ERROR, "Content-Length is not a number")
        self._pieces = self._counted(int(length))

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def drain(self) -> bool:
        """Throw away what is left; False when that is too much or broken, so the connection must end."""
        seen = 0
        try:
            for piece in self._pieces:
                seen += len(piece)
                if seen > DRAINED_MOST:
                    return False
        except Exception:  # noqa: BLE001 - broken in any way: the connection ends
            return False
        return self.ended

    def _counted(self, left: int) -> Iterator[bytes]:
        while left:
            piece = self._read(left)
            left -= len(piece)
            yield piece
        self.ended = True

    def _chunked(self) -> Iterator[bytes]:
        while left := self._chunk_size():
            while left:
                piece = self._read(left)
                left -= len(piece)
                yield piece
            self._source.readline(LINE_MOST)
        while self._source.readline(LINE_MOST) not in (b"\r\n", b"\n", b""):
            pass
        self.ended = True

    def _chunk_size(self) -> int:
        line = self._source.readline(LINE_MOST)
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise refused(NETWORK_ERROR, "The chunked body ends early or is broken") from error

    def _read(self, left: int) -> bytes:
        piece = self._source.read1(min(left, PIECE))
        if not piece:
            raise refused(NETWORK_ERROR, "The body ends early")
        return piece


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """Read the text fields of a multipart form (clickhouse-connect sends large parameters so).

    Raises:
        QueryError: the form holds a file; external tables are not served.

    """
    form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = {}
    for part in form.iter_parts():
        if part.get_filename() is not None:
            raise refused(
                NOT_IMPLEMENTED, "External tables in a form are not supported by the embedded ClickHouse"
            )
        name = part.get_param("name", header="Content-Disposition")
        content = part.get_payload(decode=True)
        fields[str(name)] = content.decode() if isinstance(content, bytes) else ""
    return fields
