"""Rows laid down in a folder and read again in order of time, whatever their number.

Rules: a row's slot says when it belongs; slots come in ascending order. Slots that follow each other are read
together while they hold no more than `CHUNK` events, and sorted within; a slot that alone holds more is read
in pieces, in the order in which its rows were laid down. So memory holds a chunk, not the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from topics.errors import BadInput

CHUNK = 1_500_000  # events; each chunk looks through all pieces once

Span = tuple[int, int]


class Spool:
    """Frames with at least `slot` and `events` (how many a row stands for), in an empty folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pieces: list[tuple[Path, Span]] = []
        self.slots: Counter[int] = Counter()  # events of each
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Lay rows down; those without events are left out.

        Raises:
            BadInput: the disk does not take them.

        """
        some = frame.filter(pl.col("events") > 0)
        if not some.height:
            return
        path = self._folder / f"{len(self._pieces):08}.arrow"
        try:
            some.write_ipc(path)
        except OSError as error:
            raise BadInput(
                f"cannot write to {self._folder} ({error.strerror or error}): an import needs about as much "
                "room there as the unpacked file has; TMPDIR names another folder"
            ) from error
        sums = dict(some.group_by("slot").agg(pl.col("events").sum()).iter_rows())
        self.slots.update(sums)
        self.rows += some.height
        self._pieces.append((path, (min(sums), max(sums))))

    def frames(self, order: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Give all rows by slot; those of a chunk sorted by `order`, alike ones as they came."""
        for first, last in self._chunks():
            parts = self._parts(first, last)
            if first == last and self.slots[first] > CHUNK:
                for part in parts:
                    yield part.sort(order, maintain_order=True)
            else:
                yield pl.concat(list(parts)).sort(order, maintain_order=True)

    def _parts(self, first: int, last: int) -> Iterator[pl.DataFrame]:
        for path, (least, most) in self._pieces:
            if first <= most and least <= last:
                yield pl.read_ipc(path).filter(pl.col("slot").is_between(first, last))

    def _chunks(self) -> Iterator[Span]:
        """Put slots that follow each other together."""
        first: int | None = None
        last = held = 0
        for slot, events in sorted(self.slots.items()):
            if first is not None and held + events > CHUNK:
                yield first, last
                first, held = None, 0
            first, last, held = slot if first is None else first, slot, held + events
        if first is not None:
            yield first, last
