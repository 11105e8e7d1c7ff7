-- Which player and rule nobody is told of, and until when: their alerts are written, their webhooks are not sent.
-- Written by the commands `fraud snooze` and `fraud unsnooze`; of a player and rule the latest counts.
CREATE TABLE IF NOT EXISTS fraud_snoozes_upserts
(
    player_id String,
    rule_id String,
    until DateTime64(3, 'UTC'),
    reason String DEFAULT '',
    set_by String DEFAULT '',
    set_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (player_id, rule_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW fraud_snoozes AS
SELECT
    player_id,
    rule_id,
    until,
    reason,
    set_by,
    set_at
FROM fraud_snoozes_upserts FINAL;
