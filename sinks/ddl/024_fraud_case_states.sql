-- How far people are with alerts that somebody has taken or closed; an alert without a row is open.
-- Written by the commands `fraud assign`, `fraud close` and `fraud reopen`; of an alert the latest counts.
CREATE TABLE IF NOT EXISTS fraud_case_states_upserts
(
    alert_id String,
    state LowCardinality(String),
    assigned_to String DEFAULT '',
    purchases UInt32,
    reason String DEFAULT '',
    changed_by String DEFAULT '',
    changed_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (alert_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW fraud_case_states AS
SELECT
    alert_id,
    state,
    assigned_to,
    purchases,
    reason,
    changed_by,
    changed_at
FROM fraud_case_states_upserts FINAL;
