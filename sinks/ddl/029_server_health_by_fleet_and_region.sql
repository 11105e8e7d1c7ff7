-- Server health of each fleet or region: the figures of `server_health` over all samples that name it, by window of event time.
-- Percentiles are those of all values, within 1 %; `capacity` is the largest of any server, never a sum.
CREATE TABLE IF NOT EXISTS server_health_by_fleet_upserts
(
    game_id String DEFAULT '',
    fleet_id String,
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    servers UInt64,
    samples UInt64,
    cpu_load_avg Float64,
    cpu_load_max Float64,
    memory_usage_avg Float64,
    memory_usage_max Float64,
    latency_avg Float64,
    latency_p50 Float64,
    latency_p95 Float64,
    latency_p99 Float64,
    latency_max Float64,
    players_avg Nullable(Float64),
    players_max Nullable(Int64),
    capacity Nullable(Int64),
    tick_ms_p50 Nullable(Float64),
    tick_ms_p99 Nullable(Float64),
    disconnects Int64,
    latency_buckets Array(UInt16),
    latency_counts Array(UInt64),
    tick_ms_buckets Array(UInt16),
    tick_ms_counts Array(UInt64),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (game_id, fleet_id, window_seconds, window_start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW server_health_by_fleet AS
SELECT
    game_id,
    fleet_id,
    window_seconds,
    window_start,
    servers,
    samples,
    cpu_load_avg,
    cpu_load_max,
    memory_usage_avg,
    memory_usage_max,
    latency_avg,
    latency_p50,
    latency_p95,
    latency_p99,
    latency_max,
    players_avg,
    players_max,
    capacity,
    tick_ms_p50,
    tick_ms_p99,
    disconnects,
    latency_buckets,
    latency_counts,
    tick_ms_buckets,
    tick_ms_counts
FROM server_health_by_fleet_upserts FINAL;

CREATE TABLE IF NOT EXISTS server_health_by_region_upserts
(
    game_id String DEFAULT '',
    region String,
    window_seconds UInt32,
    window_start DateTime('UTC') CODEC(Delta, ZSTD(1)),
    servers UInt64,
    samples UInt64,
    cpu_load_avg Float64,
    cpu_load_max Float64,
    memory_usage_avg Float64,
    memory_usage_max Float64,
    latency_avg Float64,
    latency_p50 Float64,
    latency_p95 Float64,
    latency_p99 Float64,
    latency_max Float64,
    players_avg Nullable(Float64),
    players_max Nullable(Int64),
    capacity Nullable(Int64),
    tick_ms_p50 Nullable(Float64),
    tick_ms_p99 Nullable(Float64),
    disconnects Int64,
    latency_buckets Array(UInt16),
    latency_counts Array(UInt64),
    tick_ms_buckets Array(UInt16),
    tick_ms_counts Array(UInt64),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(window_start)
ORDER BY (game_id, region, window_seconds, window_start)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW server_health_by_region AS
SELECT
    game_id,
    region,
    window_seconds,
    window_start,
    servers,
    samples,
    cpu_load_avg,
    cpu_load_max,
    memory_usage_avg,
    memory_usage_max,
    latency_avg,
    latency_p50,
    latency_p95,
    latency_p99,
    latency_max,
    players_avg,
    players_max,
    capacity,
    tick_ms_p50,
    tick_ms_p99,
    disconnects,
    latency_buckets,
    latency_counts,
    tick_ms_buckets,
    tick_ms_counts
FROM server_health_by_region_upserts FINAL;
