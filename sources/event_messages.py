"""Player events as messages: the same event, the same bytes.

Rules: fields stand in the order of `topics.imported.EVENTS`; what is null is left out.
"""

from __future__ import annotations

import polars as pl

from sources.file_rows import messages, quoted
from topics.imported import EVENTS


def keys_and_values(events: pl.DataFrame, game: str) -> tuple[list[bytes], list[bytes]]:
    """Write events (`EVENTS`) as messages; an empty game is not named."""
    times = pl.from_epoch(events["at_ms"], time_unit="ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    named = events.with_columns(timestamp=times, game_id=pl.lit(game or None, pl.String))
    fields = ["timestamp" if name == "at_ms" else name for name in EVENTS]
    values = messages([quoted(named[name]) for name in (*fields, "game_id")])
    return events["player_id"].cast(pl.Binary).to_list(), values
