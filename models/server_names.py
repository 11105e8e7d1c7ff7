"""Servers by number: each (game, server) that was seen has one, from 0 on, in the order in which it came.

Rules: numbering a batch costs no Python per row. The numbers mean nothing outside: who forgets some servers
renumbers the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Name = tuple[str, str]  # game, server
_UNKNOWN = -1
_APART = "\x1f"


class ServerNames:
    """The names of servers, and their numbers."""

    def __init__(self, names: Sequence[Name] = ()) -> None:
        self.names: list[Name] = list(names)
        self._kind = pl.Categorical(pl.Categories.random())
        self._alive = pl.Series([""], dtype=self._kind)  # categories live as long as something has them
        self._numbers: Ints = np.full(0, _UNKNOWN)  # by the category of the server's key
        if self.names:
            self._learn(pl.Series([_key(*name) for name in self.names], dtype=pl.String))

    def __len__(self) -> int:
        return len(self.names)

    def numbers(self, game_id: pl.Series, server_id: pl.Series) -> Ints:
        """Give the number of each row's server; one that is new gets the next number.

        >>> names = ServerNames()
        >>> names.numbers(pl.Series(["", "", ""]), pl.Series(["s2", "s1", "s2"])).tolist()
        [0, 1, 0]
        >>> names.names
        [('', 's2'), ('', 's1')]

        """
        keys = server_id
        if (game_id != "").any():
            prefix = pl.select(
                pl.when(game_id == "").then(pl.lit("")).otherwise(game_id + _APART)
            ).to_series()
            keys = prefix + server_id
        codes = self._codes(keys)
        found = self._numbers[codes]
        if (found == _UNKNOWN).any():
            new = np.unique(codes[found == _UNKNOWN], return_index=True)[1]
            rows = np.sort(np.flatnonzero(found == _UNKNOWN)[new])
            self._numbers[codes[rows]] = len(self.names) + np.arange(rows.size)
            self.names.extend((game_id[int(row)], server_id[int(row)]) for row in rows)
            found = self._numbers[codes]
        return found

    def _learn(self, keys: pl.Series) -> None:
        codes = self._codes(keys)  # makes room first
        self._numbers[codes] = np.arange(len(keys))

    def _codes(self, keys: pl.Series) -> Ints:
        """Give the category of each key, and make room for its number."""
        codes: Ints = keys.cast(self._kind).to_physical().to_numpy().astype(np.int64)
        most = int(codes.max(initial=-1)) + 1
        if most > self._numbers.size:
            room = np.full(most - self._numbers.size, _UNKNOWN)
            self._numbers = np.concatenate((self._numbers, room))
        return codes


def _key(game_id: str, server_id: str) -> str:
    return server_id if not game_id else f"{game_id}{_APART}{server_id}"
