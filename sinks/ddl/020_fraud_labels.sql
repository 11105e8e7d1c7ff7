-- What people and banks said of purchases, as it came: each label of the topic `fraud-labels` once.
-- A label's purchase is named by `log`, `partition` and `offset`, else by `transaction_id`, else by `alert_id`;
-- where the label itself lies in its topic stands in the columns `record_...`. It is known from `kafka_time` on.
CREATE TABLE IF NOT EXISTS fraud_labels_upserts
(
    player_id String,
    fraud Bool,
    alert_id Nullable(String),
    `log` Nullable(String),
    topic Nullable(String),
    `partition` Nullable(Int64),
    `offset` Nullable(Int64),
    transaction_id Nullable(String),
    item_id Nullable(String),
    game_id String DEFAULT '',
    currency Nullable(String),
    purchase_timestamp Nullable(DateTime64(3, 'UTC')),
    labelled_by Nullable(String),
    reason Nullable(String),
    extra String CODEC(ZSTD(1)),
    record_log LowCardinality(String),
    record_topic LowCardinality(String),
    record_partition Int32,
    record_offset Int64 CODEC(Delta, ZSTD(1)),
    kafka_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    replay_of Nullable(Int64),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3),
    version UInt64 DEFAULT 18446744073709551615 - toUnixTimestamp64Milli(ingested_at)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (player_id, record_log, record_partition, record_offset)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW fraud_labels AS
SELECT
    player_id,
    fraud,
    alert_id,
    `log`,
    topic,
    `partition`,
    `offset`,
    transaction_id,
    item_id,
    game_id,
    currency,
    purchase_timestamp,
    labelled_by,
    reason,
    extra,
    record_log,
    record_topic,
    record_partition,
    record_offset,
    kafka_time,
    ingested_at
FROM fraud_labels_upserts FINAL;
