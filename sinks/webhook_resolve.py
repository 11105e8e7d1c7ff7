"""Names to addresses, by the system's resolver, so that a slow one holds up nobody but who asks.

Rules: each question has a thread of its own, which ends with the process; whoever asked may stop waiting.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread


async def resolve(host: str, port: int) -> Sequence[str]:
    """Give the addresses of a name, the one to try first first.

    Raises:
        OSError: there is no such name, or nobody to ask.

    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            outcome: list[str] | Exception = [str(address[0]) for *_, address in found]
        except (OSError, UnicodeError) as error:
            outcome = error
        with suppress(RuntimeError):  # the loop has ended: nobody asks any more
            loop.call_soon_threadsafe(_tell, answer, outcome)

    Thread(target=ask, name="resolve", daemon=True).start()
    return await answer


def _tell(answer: asyncio.Future[list[str]], outcome: list[str] | Exception) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
