-- What happens in a whole game, by window of event time.
CREATE TABLE IF NOT EXISTS engagement_upserts
(
    game_id String DEFAULT '',
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    events UInt64,
    players UInt64,
    sessions UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (game_id, window_seconds, window_start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW engagement AS
SELECT
    game_id,
    window_seconds,
    window_start,
    events,
    players,
    sessions
FROM engagement_upserts FINAL;
