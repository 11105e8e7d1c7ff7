-- Percentiles of many servers and windows together: the counted buckets of their rows are added up, so they are those of all values, within 1 %.
-- Read it as server_health_percentiles(since = '2026-11-22 10:00:00', until = '2026-11-22 11:00:00', every = 300, by = 'region').
-- by: server, fleet, region or game. every: the seconds of a row, a multiple of 10; 0: one row for all (docs/server-health.md).
CREATE OR REPLACE VIEW server_health_percentiles AS
WITH
    (sketch, q) -> sketch.1[arrayFirstIndex(
        reached -> reached > floor(q * (arraySum(sketch.2) - 1)),
        arrayCumSum(sketch.2)
    )] AS ranked,
    bucket -> if(bucket = 0, NULL, sign(bucket - 4096) * if(
        bucket = 4096,
        0,
        2 * pow(1.01 / 0.99, abs(bucket - 4096) - 1) / (1.01 / 0.99 + 1) / 1000000
    )) AS number_of,
    windows AS
    (
        SELECT game_id, if({by:Enum8('server' = 1, 'fleet' = 2, 'region' = 3, 'game' = 4)} = 'server', server_id, '') AS name, window_seconds, window_start, samples,
            latency_buckets, latency_counts, tick_ms_buckets, tick_ms_counts
        FROM server_health
        WHERE {by:Enum8('server' = 1, 'fleet' = 2, 'region' = 3, 'game' = 4)} = 'server' OR {by:Enum8('server' = 1, 'fleet' = 2, 'region' = 3, 'game' = 4)} = 'game'
        UNION ALL
        SELECT game_id, fleet_id AS name, window_seconds, window_start, samples,
            latency_buckets, latency_counts, tick_ms_buckets, tick_ms_counts
        FROM server_health_by_fleet
        WHERE {by:Enum8('server' = 1, 'fleet' = 2, 'region' = 3, 'game' = 4)} = 'fleet'
        UNION ALL
        SELECT game_id, region AS name, window_seconds, window_start, samples,
            latency_buckets, latency_counts, tick_ms_buckets, tick_ms_counts
        FROM server_health_by_region
        WHERE {by:Enum8('server' = 1, 'fleet' = 2, 'region' = 3, 'game' = 4)} = 'region'
    )
SELECT
    game_id,
    name,
    if(
        {every:UInt32} = 0,
        {since:DateTime('UTC')},
        toDateTime(intDiv(toUnixTimestamp(window_start), greatest({every:UInt32}, 1)) * {every:UInt32}, 'UTC')
    ) AS time,
    sum(windows.samples) AS samples,
    number_of(toInt32(ranked(sumMap(latency_buckets, latency_counts) AS latency, 0.5))) AS latency_p50,
    number_of(toInt32(ranked(latency, 0.95))) AS latency_p95,
    number_of(toInt32(ranked(latency, 0.99))) AS latency_p99,
    number_of(toInt32(ranked(sumMap(tick_ms_buckets, tick_ms_counts) AS tick_ms, 0.5))) AS tick_ms_p50,
    number_of(toInt32(ranked(tick_ms, 0.99))) AS tick_ms_p99
FROM windows
WHERE window_seconds = if({every:UInt32} % 60 = 0, 60, 10)
    AND window_start >= {since:DateTime('UTC')}
    AND window_start < {until:DateTime('UTC')}
GROUP BY game_id, name, time;
