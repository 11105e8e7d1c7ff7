-- A raw table has some thirty columns: a part with files for each of them costs more to write and to merge
-- than to read. So parts get them when they are large (256 MB before compression, some 1.5 million events).
ALTER TABLE player_events_upserts MODIFY SETTING min_bytes_for_wide_part = 268435456;

ALTER TABLE purchase_events_upserts MODIFY SETTING min_bytes_for_wide_part = 268435456;

ALTER TABLE server_metrics_upserts MODIFY SETTING min_bytes_for_wide_part = 268435456;
