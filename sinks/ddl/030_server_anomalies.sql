-- What was wrong with a game server: one row for each alarm, from when it opened; it stays when it is resolved.
-- `time` is when it opened, `value` what was seen and expected_low to expected_high what was expected, as last
-- told; of a resolved alarm that is what it was last told with.
CREATE TABLE IF NOT EXISTS server_anomalies_upserts
(
    game_id String DEFAULT '',
    server_id String,
    metric LowCardinality(String),
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    value Float64,
    score Float64,
    severity LowCardinality(String),
    kind LowCardinality(String),
    anomaly_id String,
    expected_low Nullable(Float64),
    expected_high Nullable(Float64),
    since DateTime64(3, 'UTC'),
    fleet_id String DEFAULT '',
    region String DEFAULT '',
    resolved_at Nullable(DateTime64(3, 'UTC')),
    text String CODEC(ZSTD(1)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(time)
ORDER BY (game_id, server_id, time, anomaly_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW server_anomalies AS
SELECT
    game_id,
    server_id,
    metric,
    time,
    value,
    score,
    severity,
    kind,
    anomaly_id,
    expected_low,
    expected_high,
    since,
    fleet_id,
    region,
    resolved_at,
    text
FROM server_anomalies_upserts FINAL;
