-- Which weapons the players of each guild use, by window of event time.
CREATE TABLE IF NOT EXISTS weapon_use_by_guild_upserts
(
    game_id String DEFAULT '',
    guild_name String,
    weapon_type String,
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    uses UInt64,
    players UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (game_id, guild_name, weapon_type, window_seconds, window_start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW weapon_use_by_guild AS
SELECT
    game_id,
    guild_name,
    weapon_type,
    window_seconds,
    window_start,
    uses,
    players
FROM weapon_use_by_guild_upserts FINAL;
