-- Alarms of game servers that came close together, as one incident: a game's alarms with a minute between them at most.
-- `resolved_at` is when the last of its alarms was resolved, or when it was given up after a day without news:
-- open_alarms then says how many never were. A row that was written at the end of the input, before its time, and
-- turned out wrong is withdrawn.
CREATE TABLE IF NOT EXISTS server_incidents_upserts
(
    game_id String DEFAULT '',
    incident_id String,
    opened_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    last_alarm_at DateTime64(3, 'UTC'),
    resolved_at Nullable(DateTime64(3, 'UTC')),
    severity LowCardinality(String),
    kinds Array(LowCardinality(String)),
    servers Array(String) CODEC(ZSTD(1)),
    metrics Array(LowCardinality(String)),
    alarms UInt64,
    open_alarms UInt64,
    text String CODEC(ZSTD(1)),
    withdrawn Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(opened_at)
ORDER BY (game_id, opened_at, incident_id)
SETTINGS non_replicated_deduplication_window = 1000;

CREATE OR REPLACE VIEW server_incidents
(
    game_id String,
    incident_id String,
    opened_at DateTime64(3, 'UTC'),
    last_alarm_at DateTime64(3, 'UTC'),
    resolved_at Nullable(DateTime64(3, 'UTC')),
    severity LowCardinality(String),
    kinds Array(LowCardinality(String)),
    servers Array(String),
    metrics Array(LowCardinality(String)),
    alarms UInt64,
    open_alarms UInt64,
    text String
) AS
SELECT
    game_id,
    incident_id,
    opened_at,
    last_alarm_at,
    resolved_at,
    severity,
    kinds,
    servers,
    metrics,
    alarms,
    open_alarms,
    text
FROM server_incidents_upserts FINAL
WHERE NOT withdrawn;
