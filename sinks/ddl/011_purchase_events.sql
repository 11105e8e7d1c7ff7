-- What players bought, as it came: every good event, also duplicates and late ones.
-- A message's order key follows from the message, so a replay meets its own row; the version lets the
-- earliest row stay. `replay_of` is the offset of the dead letter that was sent again.
CREATE TABLE IF NOT EXISTS purchase_events_upserts
(
    player_id String,
    item_id String,
    price Decimal(18, 4),
    currency LowCardinality(String),
    purchase_timestamp DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ip_address String,
    session_id Nullable(String),
    event_id Nullable(String),
    event_index Nullable(Int64),
    game_id String DEFAULT '',
    region LowCardinality(Nullable(String)),
    country LowCardinality(Nullable(String)),
    device_id Nullable(String),
    transaction_id Nullable(String),
    schema_version LowCardinality(Nullable(String)),
    sent_at Nullable(DateTime64(3, 'UTC')),
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
PARTITION BY toYYYYMM(purchase_timestamp)
ORDER BY (toStartOfHour(purchase_timestamp), player_id, `log`, `partition`, `offset`)
SETTINGS non_replicated_deduplication_window = 1000;

-- Looking for an event id in a stretch of the log reads that stretch, not the whole table.
ALTER TABLE purchase_events_upserts ADD INDEX IF NOT EXISTS stretch `offset` TYPE minmax GRANULARITY 1;

CREATE OR REPLACE VIEW purchase_events AS
SELECT
    player_id,
    item_id,
    price,
    currency,
    purchase_timestamp,
    ip_address,
    session_id,
    event_id,
    event_index,
    game_id,
    region,
    country,
    device_id,
    transaction_id,
    schema_version,
    sent_at,
    extra,
    `log`,
    topic,
    `partition`,
    `offset`,
    kafka_time,
    ingested_at
FROM purchase_events_upserts FINAL;
