-- What became of the metrics of server samples in the anomaly detector: scored, learnt from, too old to be scored.
-- A figure counts values since the log's first message, up to `next_offset`.
CREATE TABLE IF NOT EXISTS server_scoring_upserts
(
    flow LowCardinality(String),
    `log` String,
    topic LowCardinality(String),
    `partition` Int32,
    next_offset Int64,
    servers UInt64,
    scored UInt64,
    learning UInt64,
    stale UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (flow, `log`, topic, `partition`)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW server_scoring AS
SELECT
    flow,
    `log`,
    topic,
    `partition`,
    next_offset,
    servers,
    scored,
    learning,
    stale
FROM server_scoring_upserts FINAL;
