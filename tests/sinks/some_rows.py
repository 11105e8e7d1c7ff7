from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from windows.rows import Rows

TEN = datetime(2026, 3, 1, 10, 0, 10, tzinfo=UTC)
MOMENT = datetime(2026, 3, 1, 10, 0, 10, 123000, tzinfo=UTC)
MS = pl.Datetime("ms", "UTC")
NOT_TEXT = bytes(range(256))
U32, U64 = pl.UInt32, pl.UInt64
WINDOW = {"window_seconds": pl.Series([10], dtype=U32), "window_start": pl.Series([TEN], dtype=MS)}
MESSAGE = {
    "log": ["0a1b2c3d"],
    "topic": ["player-events"],
    "partition": pl.Series([3], dtype=pl.Int32),
    "offset": pl.Series([2**40], dtype=pl.Int64),
}


def counts(*names: str) -> dict[str, pl.Series]:
    return {name: pl.Series([2**53 + 1 + at], dtype=U64) for at, name in enumerate([*names, "version"])}


def engagement(
    games: Sequence[str], events: int, version: int, starts: Sequence[datetime] | None = None
) -> Rows:
    size = len(games)
    frame = pl.DataFrame(
        {
            "game_id": games,
            "window_seconds": pl.Series([10] * size, dtype=U32),
            "window_start": pl.Series(starts or [TEN] * size, dtype=MS),
            "events": pl.Series([events] * size, dtype=U64),
            "players": pl.Series([1] * size, dtype=U64),
            "sessions": pl.Series([1] * size, dtype=U64),
            "version": pl.Series([version] * size, dtype=U64),
        }
    )
    return Rows("engagement_upserts", frame)


ONE_OF_EACH = [
    Rows(
        "engagement_by_level_upserts",
        pl.DataFrame(
            {
                "game_id": ["quest"],
                "level_id": ["level_02 — ü'\"\\"],
                "map_id": [""],
                **WINDOW,
                **counts(
                    "events",
                    "moves",
                    "interactions",
                    "level_starts",
                    "level_completes",
                    "level_fails",
                    "players",
                ),
            }
        ),
    ),
    engagement([""], 7, 8),
    Rows(
        "dead_letters_upserts",
        pl.DataFrame(
            {
                "reason": ["not_utf8"],
                "path": [""],
                **MESSAGE,
                "key": pl.Series([NOT_TEXT], dtype=pl.Binary),
                "raw": pl.Series([NOT_TEXT], dtype=pl.Binary),
                "error": ["no text"],
                "first_seen": pl.Series([MOMENT], dtype=MS),
                "replayed_at": pl.Series([None], dtype=MS),
                **counts(),
            }
        ),
    ),
    Rows(
        "late_events_upserts",
        pl.DataFrame(
            {
                "flow": ["engagement"],
                "window_seconds": WINDOW["window_seconds"],
                **MESSAGE,
                "event_time": pl.Series([MOMENT], dtype=MS),
                "watermark": pl.Series([MOMENT], dtype=MS),
                "reason": ["beyond_lateness"],
                "raw": pl.Series([NOT_TEXT], dtype=pl.Binary),
            }
        ),
    ),
    Rows(
        "accounting_upserts",
        pl.DataFrame(
            {
                "flow": ["engagement"],
                "window_seconds": WINDOW["window_seconds"],
                **{name: MESSAGE[name] for name in ("log", "topic", "partition")},
                "next_offset": MESSAGE["offset"],
                **counts("read", "aggregated", "late", "dead", "duplicates"),
            }
        ),
    ),
    Rows(
        "generations_upserts",
        pl.DataFrame(
            {
                "flow": ["engagement"],
                "generation": pl.Series([2], dtype=pl.UInt16),
                "reason": ["rebuild"],
                "from": pl.Series([MOMENT], dtype=MS),
                "to": pl.Series([None], dtype=MS),
            }
        ),
    ),
    Rows(
        "pipeline_metrics",
        pl.DataFrame(
            {
                "time": pl.Series([MOMENT], dtype=MS),
                "flow": ["engagement"],
                "process": ["0"],
                "metric": ["lag"],
                "partition": pl.Series([3], dtype=pl.Int32),
                "window_seconds": pl.Series([0], dtype=U32),
                "value": [1.5],
            }
        ),
    ),
]
