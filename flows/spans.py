"""A time whose windows are computed again: whole windows of every size, as people give and read it."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import polars as pl

from topics.errors import BadInput
from windows.archive import TIME
from windows.plan import Plan


@dataclass(frozen=True, slots=True)
class Span:
    """A time in epoch ms; windows that start in [from, to) are meant."""

    from_ms: int
    to_ms: int

    def whole(self, step_ms: int) -> Span:
        """Widen it to whole windows of every size.

        Raises:
            BadInput: it holds none.

        """
        span = Span(self.from_ms // step_ms * step_ms, -(-self.to_ms // step_ms) * step_ms)
        if span.from_ms >= span.to_ms:
            raise BadInput("--from must be before --to")
        return span


def step_of(plan: Plan) -> int:
    """Give the time (ms) after which windows of all sizes begin together."""
    return lcm(*plan.sizes_s) * 1000


def text_of(ms: int) -> str:
    """Write a time as people give it.

    >>> text_of(1_767_225_600_000), text_of(1_767_225_600_250)
    ('2026-01-01T00:00:00Z', '2026-01-01T00:00:00.250Z')

    """
    moment = pl.Series([ms]).cast(TIME).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return str(moment[0]).replace(".000Z", "Z")
