-- Messages that no flow could read, one row each; version = replays so far.
-- key and raw hold any bytes.
CREATE TABLE IF NOT EXISTS dead_letters_upserts
(
    reason LowCardinality(String),
    `path` String,
    `log` LowCardinality(String),
    topic LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    `key` String,
    raw String CODEC(ZSTD(1)),
    error String,
    first_seen DateTime64(3, 'UTC'),
    replayed_at Nullable(DateTime64(3, 'UTC')),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (`log`, topic, `partition`, `offset`)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW dead_letters AS
SELECT
    reason,
    `path`,
    `log`,
    topic,
    `partition`,
    `offset`,
    `key`,
    raw,
    error,
    first_seen,
    replayed_at
FROM dead_letters_upserts FINAL;
