CREATE TEMPORARY TABLE counted (
    window_start TIMESTAMP_LTZ(3),
    player_id STRING,
    events BIGINT
) WITH ('connector' = 'filesystem', 'path' = 'file://$folder/rows', 'format' = 'csv');
INSERT INTO counted
SELECT window_start, player_id, COUNT(*)
FROM TABLE(TUMBLE(TABLE player_events, DESCRIPTOR(`timestamp`), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, player_id;
