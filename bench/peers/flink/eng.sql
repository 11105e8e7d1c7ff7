CREATE TEMPORARY TABLE counted (
    window_start TIMESTAMP_LTZ(3),
    level_id STRING,
    map_id STRING,
    events BIGINT,
    moves BIGINT,
    interactions BIGINT,
    level_starts BIGINT,
    level_completes BIGINT,
    level_fails BIGINT,
    players BIGINT
) WITH ('connector' = 'filesystem', 'path' = 'file://$folder/rows', 'format' = 'csv');
INSERT INTO counted
SELECT
    window_start,
    level_id,
    map_id,
    COUNT(*),
    COUNT(*) FILTER (WHERE event_type = 'move'),
    COUNT(*) FILTER (WHERE event_type = 'interaction'),
    COUNT(*) FILTER (WHERE event_type = 'level_start'),
    COUNT(*) FILTER (WHERE event_type = 'level_complete'),
    COUNT(*) FILTER (WHERE event_type = 'level_fail'),
    COUNT(DISTINCT player_id)
FROM TABLE(TUMBLE(TABLE player_events, DESCRIPTOR(`timestamp`), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, level_id, map_id;
