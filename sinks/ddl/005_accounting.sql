-- What became of each message up to next_offset: read = aggregated + late + dead + duplicates.
-- version = next_offset.
CREATE TABLE IF NOT EXISTS accounting_upserts
(
    flow LowCardinality(String),
    window_seconds UInt32,
    `log` LowCardinality(String),
    topic LowCardinality(String),
    `partition` Int32,
    next_offset Int64,
    `read` UInt64,
    aggregated UInt64,
    late UInt64,
    dead UInt64,
    duplicates UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (flow, window_seconds, `log`, topic, `partition`)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW accounting AS
SELECT
    flow,
    window_seconds,
    `log`,
    topic,
    `partition`,
    next_offset,
    `read`,
    aggregated,
    late,
    dead,
    duplicates
FROM accounting_upserts FINAL;
