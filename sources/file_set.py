"""Which files a run reads, and what makes each of them the file that it is.

Rules: a file is its absolute path, size and time of last change; when any of them differs it is another
log, with dead letters, books and a place to go on of its own. Files are numbered by their sorted paths.
What a pattern finds is read or refused, never left out in silence.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Literal

from topics.errors import BadInput

Packing = Literal["gzip", "zstd"]
LINES = (".ndjson", ".jsonl", ".json")
PACKED: Mapping[str, Packing] = {".gz": "gzip", ".zst": "zstd"}
CSV, PARQUET = ".csv", ".parquet"
ENDINGS = f"{', '.join(LINES)} and {CSV} (also with {' or '.join(PACKED)}), {PARQUET}"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file as it was when it was found; `number` is its place among the others, from 0."""

    number: int
    path: Path
    size: int
    changed_ns: int

    @property
    def log(self) -> str:
        """Name the file for ever: 8 hex digits of hash(path, size, time of last change)."""
        named = f"{self.path}\0{self.size}\0{self.changed_ns}"
        return hashlib.sha256(named.encode(errors="surrogateescape")).hexdigest()[:8]

    @property
    def packing(self) -> Packing | None:
        """Name the compression that its ending tells; None for none."""
        return PACKED.get(self.path.suffix.lower())

    @property
    def kind(self) -> str:
        """Give the ending that tells how it is read, without that of the compression."""
        name = self.path.name.lower()
        return Path(name.removesuffix(self.path.suffix.lower()) if self.packing else name).suffix

    def check_unchanged(self) -> None:
        """Make sure that the file is still the one that was found.

        Raises:
            BadInput: it is not.

        """
        try:
            now = self.path.stat()
        except OSError as error:
            raise BadInput(f"{self.path} is gone ({error.strerror})") from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed_ns):
            raise BadInput(f"{self.path} changed while it was read: run again when nobody writes to it")


def find(patterns: Sequence[str]) -> tuple[InputFile, ...]:
    """Find the files that absolute patterns name; `**` stands for any folders.

    Raises:
        BadInput: a pattern finds nothing, or something that cannot be read.

    """
    paths: set[str] = set()
    for pattern in patterns:
        found = glob(pattern, recursive=True)  # noqa: PTH207  Path.glob takes no absolute pattern
        files = [path for path in found if not Path(path).is_dir()]
        if not files:
            what = "only folders: add /* to read what is in them" if found else "no file"
            raise BadInput(f"the pattern {pattern} finds {what}")
        paths.update(files)
    return tuple(_checked(number, Path(path)) for number, path in enumerate(sorted(paths)))


def set_id(files: Iterable[InputFile], topic: str) -> str:
    """Name a set of files that are read as one topic: 12 hex digits."""
    named = "\0".join([topic, *(file.log for file in files)])
    return hashlib.sha256(named.encode()).hexdigest()[:12]


def _checked(number: int, path: Path) -> InputFile:
    try:
        stat = path.stat()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    file = InputFile(number, path, stat.st_size, stat.st_mtime_ns)
    if not path.is_file():
        raise BadInput(f"{path} is no regular file")
    if file.kind not in {*LINES, CSV, PARQUET} or (file.kind == PARQUET and file.packing):
        raise BadInput(f"{path}: this ending is not known; known are {ENDINGS}")
    if not os.access(path, os.R_OK):
        raise BadInput(f"{path} cannot be read: you have no right to")
    if not file.size and (file.packing or file.kind == PARQUET):
        raise BadInput(f"{path} is cut: it is empty, and a file with this ending never is")
    return file
