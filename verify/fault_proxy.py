"""Stands between the flows and ClickHouse, and does what networks and servers do when they are unwell.

Rules: it runs in a thread of its own, on 127.0.0.1, on a port that is nobody else's till the end, and passes
bytes on unread unless a trouble is on. A trouble begins and ends when told; connections that it has spoiled
are cut, so none is left half dead. With the real server away a client's connection is reset.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress
from enum import Enum
from itertools import cycle
from threading import Thread
from types import TracebackType
from typing import Any, Self

from embedded.process import HOST

PIECE = 65_536  # bytes
SLOW_LINE_S = 0.15  # for each piece of a request and of an answer
SLOW_SERVER_S = 5.0  # for each request
REQUEST_BEGINS = (b"GET ", b"POST ")
REQUEST_ENDS_S = 0.05  # silence that ends a request which is answered with an error
ENDS_WITHIN_S = 5.0
TURNS_TO_ACCEPT = 5  # of the loop: a connection that was accepted just before has its task by then


class Trouble(Enum):
    """What can be wrong between a client and ClickHouse."""

    REFUSES = "refuses connections"
    SLOW_LINE = "slow"
    SLOW_SERVER = "takes 5 s for each request"
    HALF_OPEN = "half-open"
    ERRORS = "answers errors"
    CUTS_REQUEST = "cut within requests"
    CUTS_ANSWER = "cut before answers"


def _answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


ERRORS = (
    _answer("500 Internal Server Error", b"Internal Server Error"),
    _answer(
        "500 Internal Server Error",
        b"Code: 252. DB::Exception: Too many parts. Merges are processing significantly slower than inserts. "
        b"(TOO_MANY_PARTS)\n",
        "X-ClickHouse-Exception-Code: 252",
    ),
    _answer("502 Bad Gateway", b"<html><title>502 Bad Gateway</title></html>", "Content-Type: text/html"),
    _answer("503 Service Unavailable", b""),
    _answer(
        "500 Internal Server Error",
        b"Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)\n",
        "X-ClickHouse-Exception-Code: 241",
    ),
)


class FaultProxy:
    """A context manager that listens on a port of its own for the server on `server_port`."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._place = socket.socket()  # holds the port; only another socket listens
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.trouble: Trouble | None = None
        self.harmed = 0  # requests, answers or connections that a trouble has spoiled
        self._errors = cycle(ERRORS)
        self._loop = asyncio.new_event_loop()
        self._listening: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly
        self._thread = Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    @property
    def port(self) -> int:
        """Give the port for clients."""
        return int(self._place.getsockname()[1])

    @property
    def url(self) -> str:
        """Give the address for clients."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._place.bind((HOST, 0))
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ENDS_WITHIN_S)
        self._loop.close()
        self._place.close()

    def begin(self, trouble: Trouble) -> None:
        """Let a trouble begin; one that was on ends."""
        self.end()
        self.trouble = trouble
        if trouble is Trouble.REFUSES:
            self._do(self._hang_up())

    def end(self) -> None:
        """End the trouble that is on, if any."""
        before, self.trouble = self.trouble, None
        if before is Trouble.REFUSES:
            self._do(self._listen())
        elif before is Trouble.HALF_OPEN:
            self._do(self._cut_all())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(ENDS_WITHIN_S)

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._accept, HOST, self.port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hang_up(self) -> None:
        if self._listening:
            self._listening.close()
        self._listening = None
        await self._cut_all()

    async def _cut_all(self) -> None:
        self.harmed += len(self._writers)
        for writer in self._writers:
            writer.transport.abort()

    async def _close(self) -> None:
        await self._hang_up()
        for _ in range(TURNS_TO_ACCEPT):
            await asyncio.sleep(0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._cut_all()  # whose task was cancelled before it began
        for _ in range(TURNS_TO_ACCEPT):  # until every transport has let go of its socket
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one client's connection until either side or a trouble ends it."""
        ends = [writer]
        try:
            with suppress(OSError):
                from_server, to_server = await asyncio.open_connection(HOST, self._server_port)
                ends.append(to_server)
                ways = {
                    self._loop.create_task(self._requests(reader, to_server, writer)),
                    self._loop.create_task(self._answers(from_server, writer)),
                }
                _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in left:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._writers.discard(writer)
            for end in ends:
                end.transport.abort()

    async def _requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(PIECE):
            self.harmed += self.trouble is not None
            match self.trouble:
                case Trouble.SLOW_LINE:
                    await asyncio.sleep(SLOW_LINE_S)
                case Trouble.SLOW_SERVER if piece.startswith(REQUEST_BEGINS):
                    await asyncio.sleep(SLOW_SERVER_S)
                case Trouble.HALF_OPEN:
                    await self._swallow(reader)
                case Trouble.ERRORS:
                    await self._refuse(reader, client)
                    return
                case Trouble.CUTS_REQUEST:
                    server.write(piece[: len(piece) // 2])
                    await server.drain()
                    return
            server.write(piece)
            await server.drain()

    async def _answers(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while piece := await server.read(PIECE):
            match self.trouble:
                case Trouble.CUTS_ANSWER:  # the server has done what it was asked to, and nobody hears of it
                    return
                case Trouble.SLOW_LINE:
                    await asyncio.sleep(SLOW_LINE_S)
                case Trouble.HALF_OPEN:
                    await self._swallow(server)
            client.write(piece)
            await client.drain()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        """Take what comes and pass nothing on; the end of the trouble cuts the connection."""
        while await reader.read(PIECE):
            pass
        await asyncio.Event().wait()

    async def _refuse(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Hear the request out and answer an error."""
        with suppress(TimeoutError):
            while await asyncio.wait_for(reader.read(PIECE), REQUEST_ENDS_S):
                pass
        client.write(next(self._errors))
        await client.drain()
        client.close()
        with suppress(OSError):
            await client.wait_closed()
