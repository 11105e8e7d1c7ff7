-- Windows that are complete: every partition has promised that it has no more of their events, but late ones.
-- One row for each window, table and shard; a late event raises its version. Who asks for windows up to the
-- newest one here never sees a half-filled one, however far behind the flow is.
CREATE TABLE IF NOT EXISTS complete_windows_upserts
(
    flow LowCardinality(String),
    table_name LowCardinality(String),
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    shard UInt8,
    events UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (flow, table_name, window_seconds, window_start, shard)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW complete_windows
(
    flow LowCardinality(String),
    table_name LowCardinality(String),
    window_seconds UInt32,
    window_start DateTime('UTC'),
    events UInt64,
    shards UInt64
) AS
SELECT
    flow,
    table_name,
    window_seconds,
    window_start,
    sum(of_shard.events) AS events,
    count() AS shards
FROM complete_windows_upserts AS of_shard FINAL
GROUP BY flow, table_name, window_seconds, window_start;
