"""An INSERT's data, received whole before the engine sees a byte of it.

Rules: the data is in memory without a name, past a bound in a file of the data folder without a name;
either way nothing is left behind by a crash. Why not chDB's streaming insert, which would save 1 ms: it
says "written" for rows that it could not write (measured on chDB 26.9: full disk, violated CONSTRAINT).
And a body that ends early has then written nothing at all.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from embedded.clickhouse.errors import NOT_ENOUGH_SPACE, refused

IN_MEMORY_MOST = 128 << 20  # bytes of one INSERT


@contextmanager
def spooled(pieces: Iterable[bytes], folder: Path) -> Iterator[str]:
    """Receive all pieces and give a path that the engine can read them from.

    Args:
        pieces: as they come; what they raise comes through.
        folder: for data past the bound.

    Raises:
        QueryError: 243 when the disk is full.

    """
    file: IO[bytes] = os.fdopen(os.memfd_create("insert"), "w+b")
    try:
        size = 0
        for piece in pieces:
            if size <= IN_MEMORY_MOST < size + len(piece):
                file = _moved_to_disk(file, folder)
            size += file.write(piece)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise refused(NOT_ENOUGH_SPACE, f"The disk of {folder} is full: free some space and retry") from error
    finally:
        file.close()


def _moved_to_disk(memory: IO[bytes], folder: Path) -> IO[bytes]:
    disk = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by the caller
    with memory:
        memory.seek(0)
        shutil.copyfileobj(memory, disk, 1 << 20)
    return disk
