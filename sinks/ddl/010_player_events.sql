-- What players did, as it came: every good event, also duplicates and late ones.
-- A message's order key follows from the message, so a replay meets its own row; the version lets the
-- earliest row stay. `replay_of` is the offset of the dead letter that was sent again.
CREATE TABLE IF NOT EXISTS player_events_upserts
(
    player_id String,
    session_id Nullable(String),
    event_type LowCardinality(String),
    level_id Nullable(String),
    map_id Nullable(String),
    timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id Nullable(String),
    event_index Nullable(Int64),
    game_id String DEFAULT '',
    region LowCardinality(Nullable(String)),
    country LowCardinality(Nullable(String)),
    device_id Nullable(String),
    transaction_id Nullable(String),
    schema_version LowCardinality(Nullable(String)),
    sent_at Nullable(DateTime64(3, 'UTC')),
    server_id Nullable(String),
    health Nullable(Float64),
    item_id Nullable(String),
    quantity Nullable(Int64),
    guild_name Nullable(String),
    weapon_type LowCardinality(Nullable(String)),
    duration_ms Nullable(Float64),
    extra String CODEC(ZSTD(1)),
    `log` LowCardinality(String),
    topic LowCardinality(String),
    `partition` Int32,
    `offset` Int64 CODEC(Delta, ZSTD(1)),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    replay_of Nullable(Int64),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3),
    version UInt64 DEFAULT 18446744073709551615 - toUnixTimestamp64Milli(ingested_at)
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (toStartOfHour(timestamp), player_id, `log`, `partition`, `offset`)
SETTINGS non_replicated_deduplication_window = 1000;

-- Looking for an event id in a stretch of the log reads that stretch, not the whole table.
ALTER TABLE player_events_upserts ADD INDEX IF NOT EXISTS stretch `offset` TYPE minmax GRANULARITY 1;

CREATE OR REPLACE VIEW player_events AS
SELECT
    player_id,
    session_id,
    event_type,
    level_id,
    map_id,
    timestamp,
    event_id,
    event_index,
    game_id,
    region,
    country,
    device_id,
    transaction_id,
    schema_version,
    sent_at,
    server_id,
    health,
    item_id,
    quantity,
    guild_name,
    weapon_type,
    duration_ms,
    extra,
    `log`,
    topic,
    `partition`,
    `offset`,
    kafka_time,
    ingested_at
FROM player_events_upserts FINAL;
