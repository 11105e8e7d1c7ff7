"""Child processes that end with us: started in their own session, stopped by SIGTERM, then SIGKILL.

Rules: a child never outlives the process that started it, not even when that one is killed
(`embedded/tied.py`). Its output goes to one log file. Ctrl-C reaches the parent only, which decides
in what order things end. Start children from the main thread: the kernel watches that thread.
A signal never falls between a child's start and the moment somebody knows of it (`signals_held`).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from topics.errors import BadInput, Broken

HOST = "127.0.0.1"
TIED = Path(__file__).with_name("tied.py")
ROOT = Path(__file__).parents[1]
FOR_EVER_S = 1e9
ENDING = (signal.SIGINT, signal.SIGTERM)
# For the process of a flow: its judge feeds polars one batch at a time, so a second engine thread only takes
# turns with the reader on the same cores (15 % more CPU); one arena keeps 20 MB less resident; Arrow's usual
# allocator (mimalloc) keeps 25 MB more than this one of what decoding frees.
TUNED = {"POLARS_MAX_THREADS": "1", "MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "jemalloc"}


class PortInUse(BadInput):
    """Another program listens on a port that we need."""


class Child:
    """One running child process and the log that it writes."""

    def __init__(self, command: Sequence[str], log: Path, folder: Path = ROOT) -> None:
        """Start `command` in `folder`, with our environment and no standard input.

        Raises:
            Broken: the log cannot be written or the program cannot be started.

        """
        self.log = log
        self._log_starts_at = log.stat().st_size if log.exists() else 0
        tied = [sys.executable, "-I", "-S", str(TIED), str(os.getpid()), *command]
        try:
            with log.open("ab") as output:
                self._popen = subprocess.Popen(  # noqa: S603  our own command, no shell
                    tied,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=folder,
                    start_new_session=True,
                )
        except OSError as error:
            raise Broken(f"cannot start {command[0]}: {error}") from error

    @property
    def pid(self) -> int:
        """The process id, the same before and after it became the real program."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, minus the signal's number for a killed one, `None` while it runs."""
        return self._popen.poll()

    def wait(self) -> int:
        """Wait until the child ends by itself; gives its exit code.

        With a time-out, because polars restarts system calls at SIGINT: an endless wait would not
        notice Ctrl-C.
        """
        return self._popen.wait(FOR_EVER_S)

    def stop(self, *, within_s: float = 30.0) -> None:
        """End the child: SIGTERM, and SIGKILL when it does not end in `within_s` seconds."""
        if self.exit_code is None:
            self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(within_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def words(self) -> list[str]:
        """Give the lines that this child has logged so far."""
        with self.log.open("rb") as log:
            log.seek(self._log_starts_at)
            return log.read().decode(errors="replace").splitlines()


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the end: what is started inside is then known to who ends it.

    An exception out of a handler in the middle of `Popen` loses the child: nobody would wait for it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for waiting in came:
            signal.raise_signal(waiting)


def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def check_free(port: int, service: str) -> None:
    """Refuse a port that is taken.

    Raises:
        PortInUse: another program listens there.

    """
    if not is_free(port):
        raise PortInUse(f"port {port} for {service} is in use: stop what listens there or give another port")
