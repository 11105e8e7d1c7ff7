-- Each label at each purchase that it is about, whether it names the purchase, its transaction or its alert.
-- Of several labels of a purchase the one with the latest `kafka_time` (then `record_offset`) counts.
CREATE OR REPLACE VIEW fraud_labels_of_purchases
(
    `log` String,
    `partition` Int64,
    `offset` Int64,
    player_id String,
    fraud Bool,
    labelled_by String,
    reason String,
    kafka_time DateTime64(3, 'UTC'),
    record_offset Int64
) AS
SELECT
    assumeNotNull(said.`log`) AS `log`,
    assumeNotNull(said.`partition`) AS `partition`,
    assumeNotNull(said.`offset`) AS `offset`,
    said.player_id AS player_id,
    said.fraud AS fraud,
    ifNull(said.labelled_by, '') AS labelled_by,
    ifNull(said.reason, '') AS reason,
    said.kafka_time AS kafka_time,
    said.record_offset AS record_offset
FROM fraud_labels AS said
WHERE said.`log` IS NOT NULL AND said.`partition` IS NOT NULL AND said.`offset` IS NOT NULL
UNION ALL
SELECT
    bought.`log`,
    toInt64(bought.`partition`),
    bought.`offset`,
    said.player_id,
    said.fraud,
    ifNull(said.labelled_by, ''),
    ifNull(said.reason, ''),
    said.kafka_time,
    said.record_offset
FROM purchase_events_upserts AS bought
INNER JOIN (
    SELECT * FROM fraud_labels
    WHERE (`log` IS NULL OR `partition` IS NULL OR `offset` IS NULL) AND transaction_id IS NOT NULL
) AS said ON said.player_id = bought.player_id AND said.transaction_id = bought.transaction_id
UNION ALL
SELECT
    place.1,
    place.2,
    place.3,
    said.player_id,
    said.fraud,
    ifNull(said.labelled_by, ''),
    ifNull(said.reason, ''),
    said.kafka_time,
    said.record_offset
FROM (
    SELECT
        alert_id,
        arrayJoin(
            JSONExtract(evidence, 'Array(Tuple(log String, partition Int64, offset Int64))')
        ) AS place
    FROM fraud_alerts_upserts FINAL
    WHERE alert_id IN (SELECT alert_id FROM fraud_labels_upserts WHERE alert_id IS NOT NULL)
) AS alert
INNER JOIN (
    SELECT * FROM fraud_labels
    WHERE (`log` IS NULL OR `partition` IS NULL OR `offset` IS NULL)
        AND transaction_id IS NULL AND alert_id IS NOT NULL
) AS said ON said.alert_id = alert.alert_id;
