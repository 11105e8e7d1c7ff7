-- How game servers did, as it came: every good sample, also duplicates and late ones.
-- A message's order key follows from the message, so a replay meets its own row; the version lets the
-- earliest row stay. `replay_of` is the offset of the dead letter that was sent again.
CREATE TABLE IF NOT EXISTS server_metrics_upserts
(
    server_id String,
    cpu_load Float64,
    memory_usage Float64,
    latency Float64,
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
    fleet_id Nullable(String),
    players Nullable(Int64),
    capacity Nullable(Int64),
    tick_ms Nullable(Float64),
    disconnects Nullable(Int64),
    state LowCardinality(Nullable(String)),
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
ORDER BY (toStartOfHour(timestamp), server_id, `log`, `partition`, `offset`)
SETTINGS non_replicated_deduplication_window = 1000;

-- Looking for an event id in a stretch of the log reads that stretch, not the whole table.
ALTER TABLE server_metrics_upserts ADD INDEX IF NOT EXISTS stretch `offset` TYPE minmax GRANULARITY 1;

CREATE OR REPLACE VIEW server_metrics AS
SELECT
    server_id,
    cpu_load,
    memory_usage,
    latency,
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
    fleet_id,
    players,
    capacity,
    tick_ms,
    disconnects,
    state,
    extra,
    `log`,
    topic,
    `partition`,
    `offset`,
    kafka_time,
    ingested_at
FROM server_metrics_upserts FINAL;
