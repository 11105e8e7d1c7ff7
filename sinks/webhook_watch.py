"""The endpoints' file, read again when it or a file that it names has changed.

Rules: a look costs a few `stat` calls. A change is read once: if it is wrong that is said once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sinks.webhook_endpoints import Endpoint
from sinks.webhook_file import Read, read_file

Stamp = tuple[tuple[str, int, int, int], ...]


class WatchedFile:
    """A file of endpoints; `ports` are allowed besides the usual ones."""

    def __init__(self, file: Path, ports: Sequence[int] = ()) -> None:
        self._file, self._ports = file, ports
        self._stamp: Stamp = ()
        self._files: tuple[Path, ...] = (file,)

    def look(self) -> Sequence[Endpoint] | None:
        """Give the endpoints when they may have changed since the last look, else None.

        Raises:
            BadInput: the changed file cannot be used.

        """
        if (stamp := self._now()) == self._stamp:
            return None
        self._stamp = stamp
        read: Read = read_file(self._file, self._ports)
        self._files = read.files
        self._stamp = self._now()
        return read.endpoints

    def _now(self) -> Stamp:
        return tuple(_stamp(path) for path in self._files)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_ino, found.st_mtime_ns, found.st_size
