-- Server health: what a server holds, its ticks and disconnects, where it belongs, and the counted buckets of its percentiles.
-- In rows of before, what is new is null, 0, '' or empty. Buckets and counts let rows be merged: docs/server-health.md.
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS players_avg Nullable(Float64);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS players_max Nullable(Int64);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS capacity Nullable(Int64);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS tick_ms_p50 Nullable(Float64);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS tick_ms_p99 Nullable(Float64);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS disconnects Int64;
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS fleet_id LowCardinality(String);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS region LowCardinality(String);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS latency_buckets Array(UInt16);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS latency_counts Array(UInt64);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS tick_ms_buckets Array(UInt16);
ALTER TABLE server_health_upserts ADD COLUMN IF NOT EXISTS tick_ms_counts Array(UInt64);

CREATE OR REPLACE VIEW server_health AS
SELECT
    game_id,
    server_id,
    window_seconds,
    window_start,
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
    fleet_id,
    region,
    latency_buckets,
    latency_counts,
    tick_ms_buckets,
    tick_ms_counts
FROM server_health_upserts FINAL;
