"""A local receiver of webhooks that behaves as its path says: well, badly, or with ill will.

Behaviours get the writer and what was asked; whatever they leave open is closed. It runs in a thread of its
own, so that nothing it does holds up a test's loop.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from threading import Event, Thread

DATA = Path(__file__).with_name("data")
CA = DATA / "ca.pem"
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
FOREVER_S = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")


Behaviour = Callable[[asyncio.StreamWriter, Asked, int], Awaitable[None]]


async def well(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
    writer.write(OK)


def says(status: str, *lines: str, body: bytes = b"") -> Behaviour:
    async def answer(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status}", *lines, f"content-length: {len(body)}", "", ""])
        writer.write(head.encode() + body)

    return answer


def sends(*pieces: bytes) -> Behaviour:
    async def answer(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return answer


def drips(begin: bytes, drop: bytes) -> Behaviour:
    """A byte or a line now and then, for ever."""

    async def answer(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
        writer.write(begin)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return answer


def floods(begin: bytes) -> Behaviour:
    """As much as the other side takes."""

    async def answer(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
        writer.write(begin)
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    return answer


async def silent(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
    await asyncio.sleep(FOREVER_S)


async def hangs_up(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
    return


async def resets(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
    reset(writer)


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def at_first(bad: Behaviour, ids: Container[str]) -> Behaviour:
    """Behave badly on the first try of some messages."""

    async def answer(writer: asyncio.StreamWriter, asked: Asked, turn: int) -> None:
        await (bad if turn == 1 and asked.id in ids else well)(writer, asked, turn)

    return answer


@dataclass
class Receiver:
    """What came in, and what is done about it; `behaviours` by path, any other path does well."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    _turns: Counter[tuple[str, str]] = field(default_factory=Counter)

    def url(self, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://localhost:{self.port}{path}"

    def of(self, path: str) -> list[Asked]:
        return [asked for asked in list(self.asked) if asked.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await read(reader)
            self.asked.append(asked)
            self._turns[asked.path, asked.id] += 1
            behave = self.behaviours.get(asked.path, well)
            await behave(writer, asked, self._turns[asked.path, asked.id])
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (OSError, EOFError, asyncio.CancelledError):
            return  # the other side has seen enough, or the test has ended
        finally:
            writer.transport.abort()


async def read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(_header(line) for line in head[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    return Asked(head[0].split()[1], headers, body)


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()


@contextmanager
def receiving(certificate: str = "", **behaviours: Behaviour) -> Iterator[Receiver]:
    """Receive on a free port, with TLS if a certificate of `data` is named."""
    receiver = Receiver({f"/{name}": behaviour for name, behaviour in behaviours.items()})
    loop, ready = asyncio.new_event_loop(), Event()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(DATA / certificate)

    async def begin() -> asyncio.Server:
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", receiver.port, ssl=context)
        receiver.port = server.sockets[0].getsockname()[1]
        return server

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(begin())
        ready.set()
        loop.run_forever()
        server.close()
        loop.run_until_complete(asyncio.sleep(0.01))  # who was just accepted has begun, so its end closes it
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0.01))  # what was cut off is closed
        loop.close()

    thread = Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
