-- Messages that a flow has not read and that its log no longer holds, or has read and that are gone; one row
-- for each partition, also while nobody has decided what to do (answer = stop).
-- A gap is named by the messages that are missing. version = 2^62 once it is answered, plus last_offset + 1.
CREATE TABLE IF NOT EXISTS data_gaps_upserts
(
    flow LowCardinality(String),
    `log` LowCardinality(String),
    topic LowCardinality(String),
    `partition` Int32,
    kind LowCardinality(String),
    first_offset Int64,
    last_offset Nullable(Int64),
    messages Nullable(UInt64),
    log_now LowCardinality(String),
    found_at DateTime64(3, 'UTC'),
    answer LowCardinality(String),
    answered_at Nullable(DateTime64(3, 'UTC')),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (flow, `log`, topic, `partition`, first_offset, kind)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW data_gaps AS
SELECT
    flow,
    `log`,
    topic,
    `partition`,
    kind,
    first_offset,
    last_offset,
    messages,
    log_now,
    found_at,
    answer,
    answered_at
FROM data_gaps_upserts FINAL;
