-- How the flows themselves are doing, kept for two weeks.
CREATE TABLE IF NOT EXISTS pipeline_metrics
(
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    flow LowCardinality(String),
    process LowCardinality(String),
    metric LowCardinality(String),
    `partition` Int32,
    window_seconds UInt32,
    value Float64
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (metric, flow, time)
TTL toDateTime(time) + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 1000;
