-- What players do in each level and map, by window of event time; only events that have a level.
-- The partition is a function of the order key, or versions of one row would never meet.
CREATE TABLE IF NOT EXISTS engagement_by_level_upserts
(
    game_id String DEFAULT '',
    level_id String,
    map_id String,
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    events UInt64,
    moves UInt64,
    interactions UInt64,
    level_starts UInt64,
    level_completes UInt64,
    level_fails UInt64,
    players UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (game_id, level_id, map_id, window_seconds, window_start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW engagement_by_level AS
SELECT
    game_id,
    level_id,
    map_id,
    window_seconds,
    window_start,
    events,
    moves,
    interactions,
    level_starts,
    level_completes,
    level_fails,
    players
FROM engagement_by_level_upserts FINAL;
