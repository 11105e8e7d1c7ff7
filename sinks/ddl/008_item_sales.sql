-- What is sold, for how much and to how many players, by window of event time.
-- Revenue is exact; money of different currencies is never added up.
CREATE TABLE IF NOT EXISTS item_sales_upserts
(
    game_id String DEFAULT '',
    item_id String,
    currency LowCardinality(String),
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    purchases UInt64,
    revenue Decimal(18, 4),
    buyers UInt64,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (game_id, item_id, currency, window_seconds, window_start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW item_sales AS
SELECT
    game_id,
    item_id,
    currency,
    window_seconds,
    window_start,
    purchases,
    revenue,
    buyers
FROM item_sales_upserts FINAL;
