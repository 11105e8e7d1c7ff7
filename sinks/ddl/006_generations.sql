-- Each time that a flow began to count anew: rows of a higher generation win.
CREATE TABLE IF NOT EXISTS generations_upserts
(
    flow LowCardinality(String),
    generation UInt16,
    reason LowCardinality(String),
    `from` Nullable(DateTime64(3, 'UTC')),
    `to` Nullable(DateTime64(3, 'UTC')),
    version UInt64 DEFAULT 0
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (flow, generation)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW generations AS
SELECT
    flow,
    generation,
    reason,
    `from`,
    `to`
FROM generations_upserts FINAL;
