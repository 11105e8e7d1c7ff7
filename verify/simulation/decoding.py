"""Decodes a story's messages once, all together, and hands out any of them again as decoded batches.

Rules: what becomes of a message depends on its bytes and its record's time alone (`topics.decode`), so a part
of a large batch is what the part alone would give; crashes make a story decode the same messages often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from topics.decode import Decoded, decode
from topics.rejects import Reject
from topics.topic import Topic
from windows.arrays import Ints


class Decoding:
    """Decodes messages of one topic that are all known before.

    Args:
        topic: whose they are.
        messages: value and arrival (epoch ms) of each.

    """

    def __init__(self, topic: Topic, messages: Sequence[tuple[bytes | None, int]]) -> None:
        known = list(dict.fromkeys(messages))
        arrived_ms = np.array([at for _, at in known], np.int64)
        self._all = decode(topic, [value for value, _ in known], arrived_ms)
        self._place = {message: place for place, message in enumerate(known)}
        self._row = dict(zip(self._all.rows.tolist(), range(len(self._all.rows)), strict=True))
        self._reject = {reject.row: reject for reject in self._all.rejects}

    def __call__(self, values: Sequence[bytes | None], arrived_ms: Ints) -> Decoded:
        """Give a batch of them, decoded."""
        places = [self._place[one] for one in zip(values, arrived_ms.tolist(), strict=True)]
        rows = [row for row, place in enumerate(places) if place in self._row]
        rejects: list[Reject] = [
            replace(self._reject[place], row=row) for row, place in enumerate(places) if place in self._reject
        ]
        chosen = pl.Series([self._row[places[row]] for row in rows], dtype=pl.UInt32)
        frame = pl.DataFrame([column[chosen] for column in self._all.frame.get_columns()])  # no engine
        return Decoded(np.array(rows, np.int64), frame, rejects)
