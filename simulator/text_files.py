"""Files of lines, compressed by what their name ends with: `.gz`, `.zst`, or not.

Rules: same lines, same bytes: no file holds its name or the time when it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from topics.errors import BadInput

ENDS = (".ndjson", ".jsonl")
FAST = 3  # level of both compressions


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Write a new file over an old one.

    Raises:
        BadInput: its name ends with something else, or it cannot be written.

    """
    check_writable(path)
    try:
        with path.open("wb") as file:
            if path.suffix == ".gz":
                with GzipFile("", "wb", FAST, file, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            elif path.suffix == ".zst":
                with zstandard.ZstdCompressor(FAST).stream_writer(file, closefd=False) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield file
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def check_writable(path: Path) -> None:
    """Find out early that a file cannot be written.

    Raises:
        BadInput: its name ends with something else, or its folder is not there.

    """
    if plain_name(path).suffix not in ENDS:
        raise BadInput(f"{path}: the name must end with {' or '.join(ENDS)}, and .gz or .zst to compress it")
    if not path.parent.is_dir():
        raise BadInput(f"cannot write {path}: there is no folder {path.parent}")


def plain_name(path: Path) -> Path:
    """Take the compression off a name.

    >>> plain_name(Path("a.ndjson.gz")).name
    'a.ndjson'
    """
    return path.with_suffix("") if path.suffix in {".gz", ".zst"} else path


def beside(path: Path, topic: str) -> Path:
    """Give the file of one topic of several.

    >>> beside(Path("a.ndjson.gz"), "player-events").name
    'a.player-events.ndjson.gz'
    """
    plain = plain_name(path)
    return path.with_name(f"{plain.stem}.{topic}{plain.suffix}{path.name.removeprefix(plain.name)}")
