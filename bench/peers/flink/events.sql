SET 'execution.target' = 'local';
SET 'parallelism.default' = '2';
SET 'pipeline.object-reuse' = 'true';
SET 'table.local-time-zone' = 'UTC';
CREATE TEMPORARY TABLE player_events (
    player_id STRING,
    session_id STRING,
    event_type STRING,
    level_id STRING,
    map_id STRING,
    `timestamp` TIMESTAMP_LTZ(3),
    WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '2' SECOND
) WITH (
    'connector' = 'kafka',
    'properties.bootstrap.servers' = '$servers',
    'properties.group.id' = 'flink-peer',
    'topic' = '$topic',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'format' = 'json',
    'json.timestamp-format.standard' = 'ISO-8601'
);
