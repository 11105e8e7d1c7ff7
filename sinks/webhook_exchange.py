"""One POST to one endpoint: resolved and judged anew, to a pinned address, within a time and a size.

Rules:
- A name is resolved once for a try; all its addresses are judged before any is connected to, and TLS is asked
  for the name. No proxy, no redirect, no cookie, no connection kept: nothing of one try changes another.
- The head of the answer decides. What follows it is read a little, for politeness and the log, and never
  decides; nothing a receiver does takes longer than `whole_s`, or more memory than `answer_bytes`.
- Total: whatever goes wrong is an `Answer`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import h11

from sinks.webhook_endpoints import Endpoint
from sinks.webhook_url import Refused, Target, judge

AGENT = "Gamewax-Webhooks/1"
PIECE = 16_384  # bytes read at once
LONGEST_HEAD = 32_768
MOST_ADDRESSES = 4
BUSY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
EXCERPT = 200  # characters of an answer's body that the log keeps
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a receiver may take of us."""

    whole_s: float = 15.0
    connect_s: float = 3.0
    rest_s: float = 2.0  # for the body of an answer
    answer_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one try: `result` is a word for figures, `error` a line for people."""

    result: str
    status: int | None = None
    error: str = ""
    retry_after: str = ""
    ms: int = 0

    @property
    def delivered(self) -> bool:
        """Tell whether the receiver has it."""
        return self.result == "delivered"

    @property
    def is_well(self) -> bool:
        """Tell whether the receiver does its work, whatever it thinks of this message."""
        return (
            self.status is not None
            and self.status < HTTPStatus.INTERNAL_SERVER_ERROR
            and (self.status not in BUSY)
        )


class _Head:
    """What has been read of an answer so far."""

    def __init__(self) -> None:
        self.response: h11.Response | None = None
        self.body = bytearray()


class Exchange:
    """Sends to endpoints.

    Args:
        resolve: gives the addresses of a name, `socket.getaddrinfo` in a thread if not told otherwise.
        limits: of time and size.

    """

    def __init__(self, resolve: Resolve, limits: Limits | None = None) -> None:
        self._resolve, self._limits = resolve, limits or Limits()
        self._tls: dict[Path | None, tuple[int, ssl.SSLContext]] = {}  # by file, with its time

    async def post(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one message; gives what became of it."""
        begun, head = time.monotonic(), _Head()
        error = ""
        try:
            async with asyncio.timeout(self._limits.whole_s):
                await self._exchange(endpoint, headers, body, head)
        except TimeoutError:
            result, error = "timeout", f"no answer within {self._limits.whole_s:g} s"
        except Refused as refused:
            result, error = "refused", str(refused)
        except ssl.SSLError as failed:
            result, error = "tls", f"TLS: {getattr(failed, 'verify_message', '') or failed.reason or failed}"
        except h11.ProtocolError as failed:
            result, error = "protocol", f"the answer is no HTTP: {failed}"
        except (OSError, EOFError, UnicodeError) as failed:
            result, error = "connection", f"{failed.__class__.__name__}: {failed}"
        else:
            result = "http"
        ms = round((time.monotonic() - begun) * 1000)
        return _answer(head, Answer(result, error=" ".join(error.split())[:EXCERPT], ms=ms))

    async def _exchange(
        self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes, head: _Head
    ) -> None:
        target = endpoint.target
        found = judge(await self._resolve(target.host, target.port), target, endpoint.reach)
        reader, writer = await self._connect(target, found[:MOST_ADDRESSES], self._context(endpoint))
        try:
            http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
            writer.write(_request(http, target, headers, body))
            await writer.drain()
            await self._read(http, reader, head)
        finally:
            writer.transport.abort()  # no farewell that a receiver could draw out

    async def _connect(
        self, target: Target, addresses: Sequence[str], context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first of some judged addresses that lets us.

        Raises:
            OSError: none does.

        """
        name = target.host.rstrip(".") if context else None
        failed: OSError = OSError("no address")
        for address in addresses:
            try:
                async with asyncio.timeout(self._limits.connect_s):
                    return await asyncio.open_connection(
                        address, target.port, ssl=context, server_hostname=name, limit=PIECE
                    )
            except ssl.SSLError:
                raise
            except TimeoutError:
                failed = OSError(f"{address} does not let us connect within {self._limits.connect_s:g} s")
            except OSError as error:
                failed = error
        raise failed

    async def _read(self, http: h11.Connection, reader: asyncio.StreamReader, head: _Head) -> None:
        """Read the head, and for a moment some of the body."""
        while head.response is None:
            event = await _next(http, reader)
            if isinstance(event, h11.Response):
                head.response = event
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("it ends before it began")
        try:
            async with asyncio.timeout(self._limits.rest_s):
                while len(head.body) < self._limits.answer_bytes:
                    event = await _next(http, reader)
                    if not isinstance(event, h11.Data):
                        return
                    head.body += event.data
        except (TimeoutError, OSError, EOFError, h11.ProtocolError):
            return  # the head has decided

    def _context(self, endpoint: Endpoint) -> ssl.SSLContext | None:
        if not endpoint.target.https:
            return None
        changed_ns = endpoint.ca_file.stat().st_mtime_ns if endpoint.ca_file else 0
        kept = self._tls.get(endpoint.ca_file)
        if kept is None or kept[0] != changed_ns:
            context = ssl.create_default_context(cafile=endpoint.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["http/1.1"])
            self._tls[endpoint.ca_file] = kept = changed_ns, context
        return kept[1]


def _request(http: h11.Connection, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    all_headers = {
        "host": target.authority,
        "user-agent": AGENT,
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **headers,
    }
    request = h11.Request(method="POST", target=target.path, headers=list(all_headers.items()))
    parts = (http.send(request), http.send(h11.Data(data=body)), http.send(h11.EndOfMessage()))
    return b"".join(part or b"" for part in parts)


async def _next(
    http: h11.Connection, reader: asyncio.StreamReader
) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
    """Give the next event of an answer.

    Raises:
        EOFError: the receiver hung up before any answer.

    """
    while (event := http.next_event()) is h11.NEED_DATA:
        piece = await reader.read(PIECE)
        if not piece and http.their_state is h11.SEND_RESPONSE and not http.trailing_data[0]:
            raise EOFError("the receiver hung up without an answer")
        http.receive_data(piece)
    return event


def _answer(head: _Head, so_far: Answer) -> Answer:
    """Judge a try by its head, if there is one."""
    if head.response is None:
        return so_far
    status = int(head.response.status_code)
    given = {name.lower(): value for name, value in head.response.headers}
    asked = given.get(b"retry-after", b"").decode("latin-1")[:EXCERPT]
    if 200 <= status < 300:  # noqa: PLR2004  what HTTP calls success
        return Answer("delivered", status, ms=so_far.ms)
    said = bytes(head.body[: 4 * EXCERPT]).decode(errors="replace")
    told = " ".join(f"HTTP {status} {said}".split())[:EXCERPT]
    return Answer(f"http_{status // 100}xx", status, told, asked, so_far.ms)
