"""Restarts that a server announces: what it reports around them says nothing about its health.

Rules:
- A sample is *unsettled* when its server says that it leaves or starts, or said so less than `SETTLES_MS`
  before: caches are cold and players are still coming back.
- What a server says counts for its later samples, in the order of the log.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.heartbeats import LEAVING

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STARTING = frozenset(
    {
        "booting",
        "creating",
        "initializing",
        "loading",
        "portallocation",
        "requestready",
        "scheduled",
        "starting",
        "warming",
        "warmup",
    }
)  # fmt: skip  in lower case and letters alone, as `LEAVING`
SETTLES_MS = 900_000
_NEVER = -(2**62)


class Restarts:
    """When each server, numbered from 0, last said that it leaves or starts (epoch ms)."""

    def __init__(self, said_ms: Ints | None = None) -> None:
        self.said_ms: Ints = np.zeros(0, np.int64) if said_ms is None else said_ms

    def grow(self, count: int) -> None:
        """Make room so that there are `count` servers at least."""
        more = np.full(max(count - self.said_ms.size, 0), _NEVER)
        self.said_ms = np.concatenate((self.said_ms, more))

    def unsettled(self, server: Ints, time_ms: Ints, state: pl.Series) -> Flags:
        """Flag the samples that say nothing, in offset order.

        >>> restarts = Restarts()
        >>> restarts.grow(1)
        >>> at, states = np.array([0, 1, 2]), pl.Series(["up", "draining", "up"])
        >>> restarts.unsettled(np.zeros(3, np.int64), at, states).tolist()
        [False, True, True]

        """
        said = saying(state, LEAVING | STARTING)
        said_ms = self.said_ms[server]
        if said.any():
            told = pl.DataFrame({"server": server, "at": np.where(said, time_ms, _NEVER)})
            latest = told.select(pl.col("at").cum_max().over("server"))["at"].to_numpy()
            said_ms = np.maximum(said_ms, latest)
            np.maximum.at(self.said_ms, server[said], time_ms[said])
        flags: Flags = time_ms - said_ms < SETTLES_MS
        return flags


def saying(state: pl.Series, words: frozenset[str]) -> Flags:
    """Flag the samples whose server is in one of some states, however it writes them.

    >>> saying(pl.Series(["up", "Shutting-Down", None]), frozenset({"shuttingdown"})).tolist()
    [False, True, False]

    """
    if state.null_count() == len(state):
        return np.zeros(len(state), np.bool_)
    meant = [of for of in state.unique() if of and "".join(filter(str.isalpha, of.lower())) in words]
    if not meant:
        return np.zeros(len(state), np.bool_)
    flags: Flags = state.is_in(meant).fill_null(value=False).to_numpy()
    return flags
