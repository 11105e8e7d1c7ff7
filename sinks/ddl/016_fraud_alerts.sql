-- Purchases that a rule or the model found suspicious: one row for each player, rule version and aligned
-- window of that rule's suppression time. A row is whole; a later purchase in the window raises its version.
-- `reasons` and `evidence` are JSON: what was seen against what limit, and which purchases, where they lie in
-- the log, with the feature values that were judged.
CREATE TABLE IF NOT EXISTS fraud_alerts_upserts
(
    alert_id String,
    window_start DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    game_id String DEFAULT '',
    player_id String,
    rule_id LowCardinality(String),
    rule_version UInt32,
    score Float64,
    decision LowCardinality(String),
    reasons String CODEC(ZSTD(1)),
    evidence String CODEC(ZSTD(1)),
    purchases UInt32,
    model_version LowCardinality(String) DEFAULT '',
    shadow Bool,
    first_event_time DateTime64(3, 'UTC'),
    detected_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (window_start, alert_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW fraud_alerts AS
SELECT
    alert_id,
    window_start,
    game_id,
    player_id,
    rule_id,
    rule_version,
    score,
    decision,
    reasons,
    evidence,
    purchases,
    model_version,
    shadow,
    first_event_time,
    detected_at
FROM fraud_alerts_upserts FINAL;
