"""Counts what the processes of a flow say to each other: on their sockets, and before that as pickles.

Rules:
- `Sockets` asks the kernel (TCP_INFO) about this process's connections between the cluster's addresses; what
  came in after the last look is lost, so it looks often.
- `Pickles` pickles everything that a flow hands on by key, and reads it again, as the engine does between
  processes. It costs time: a run that is counted is not one that is timed.
"""

from __future__ import annotations

import os
import pickle
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread

from bench import watch
from windows import operator
from windows.operator import SlotLogic
from windows.rows import Rows
from windows.slot import Folded, Share

LOOK_S = 0.05
SEARCH_EVERY = 10  # looks
ACKED_AT = 120  # in struct tcp_info of linux/tcp.h: tcpi_bytes_acked
INFO_BYTES = 192
KEYED = ("_keyed_shares", "_keyed_tally", "_only_rows", "_only_receipts")


class Sockets:
    """Looks at this process's connections to the others until it is told to end."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._ports = {int(address.rpartition(":")[2]) for address in addresses if address}
        self._sent: dict[tuple[object, object], int] = {}
        self._numbers: list[int] = []
        self._ends = Event()
        self._thread = Thread(target=self._run, name="sockets", daemon=True)
        self._thread.start()

    def sent(self) -> int:
        """End, and give the bytes that the others have acknowledged."""
        self._ends.set()
        self._thread.join()
        return sum(self._sent.values())

    def _run(self) -> None:
        for number in count():
            if self._ends.wait(LOOK_S):
                return
            if number % SEARCH_EVERY == 0:
                self.look()
            else:
                self._look_at_all()

    def look(self) -> None:
        """Find the connections and look at each, now."""
        self._numbers = [int(file.name) for file in Path("/proc/self/fd").iterdir() if is_socket(file)]
        self._look_at_all()

    def _look_at_all(self) -> None:
        for number in self._numbers:
            with suppress(OSError):  # it has been closed since, or listens
                self._look(number)

    def _look(self, number: int) -> None:
        if not is_socket(Path(f"/proc/self/fd/{number}")):
            return
        with socket.socket(fileno=os.dup(number)) as one:
            here, there = one.getsockname(), one.getpeername()
            if one.family == socket.AF_INET and self._ports & {here[1], there[1]}:
                told = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
                self._sent[here, there] = struct.unpack_from("=Q", told, ACKED_AT)[0]


def is_socket(file: Path) -> bool:
    """Tell what an entry of /proc/self/fd is; closing a copy of a database's file would undo its locks."""
    with suppress(OSError):
        return str(file.readlink()).startswith("socket:")
    return False


@dataclass(slots=True)
class Pickles:
    """Bytes of what was handed on by key and of snapshots; CPU seconds of pickling and folding."""

    keyed_bytes: int = 0
    snapshot_bytes: int = 0
    pickle_s: float = 0.0
    fold_s: float = 0.0
    by_step: dict[str, int] = field(default_factory=dict)

    def install(self) -> None:
        """Count from now on."""
        for step in KEYED:
            setattr(operator, step, self.counted(step, getattr(operator, step)))
        self._time_folding()
        watch._replace_snapshot(SlotLogic, self._written)  # noqa: SLF001

    def _time_folding(self) -> None:
        fold = SlotLogic.on_batch

        def timed(logic: SlotLogic, values: list[Share]) -> tuple[Iterable[Rows | Folded], bool]:
            began = time.thread_time()
            given = fold(logic, values)
            self.fold_s += time.thread_time() - began
            return given

        SlotLogic.on_batch = timed  # type: ignore[method-assign,assignment]

    def counted(self, step: str, of: Callable[[object], object]) -> Callable[[object], object]:
        """Give a step's function that counts what it gives."""

        def counted(value: object) -> object:
            handed = of(value)
            for item in handed if isinstance(handed, list) else [handed]:
                self._count(step, item)
            return handed

        return counted

    def _count(self, step: str, item: object) -> None:
        if item is None:
            return
        began = time.thread_time()
        packed = pickle.dumps(item)
        pickle.loads(packed)
        self.pickle_s += time.thread_time() - began
        self.keyed_bytes += len(packed)
        self.by_step[step] = self.by_step.get(step, 0) + len(packed)

    def _written(self, write: Callable[[object], bytes], of: object) -> bytes:
        packed = write(of)
        self.snapshot_bytes += len(packed)
        return packed
