-- Events that came after their window was given up, one row for each flow and window size.
CREATE TABLE IF NOT EXISTS late_events_upserts
(
    flow LowCardinality(String),
    window_seconds UInt32,
    `log` LowCardinality(String),
    topic LowCardinality(String),
    `partition` Int32,
    `offset` Int64,
    event_time DateTime64(3, 'UTC'),
    watermark DateTime64(3, 'UTC'),
    reason LowCardinality(String),
    raw String CODEC(ZSTD(1)),
    version UInt64 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (flow, window_seconds, `log`, topic, `partition`, `offset`)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW late_events AS
SELECT
    flow,
    window_seconds,
    `log`,
    topic,
    `partition`,
    `offset`,
    event_time,
    watermark,
    reason,
    raw
FROM late_events_upserts FINAL;
