-- What is known of each alert that has a labelled purchase: fraud when any of its purchases is, by their latest labels.
CREATE OR REPLACE VIEW fraud_alert_labels
(
    alert_id String,
    fraud Bool,
    labelled UInt64,
    labelled_by String,
    labelled_at DateTime64(3, 'UTC')
) AS
SELECT
    alert_id,
    max(said.fraud) AS fraud,
    count() AS labelled,
    argMax(said.labelled_by, (said.at, said.record)) AS labelled_by,
    max(said.at) AS labelled_at
FROM (
    SELECT
        alert_id,
        arrayJoin(
            JSONExtract(evidence, 'Array(Tuple(log String, partition Int64, offset Int64))')
        ) AS place
    FROM fraud_alerts_upserts FINAL
    WHERE player_id IN (SELECT player_id FROM fraud_labels_upserts)
) AS alert
INNER JOIN (
    SELECT
        tuple(`log`, `partition`, `offset`) AS place,
        argMax(fraud, (kafka_time, record_offset)) AS fraud,
        argMax(labelled_by, (kafka_time, record_offset)) AS labelled_by,
        max(kafka_time) AS at,
        max(record_offset) AS record
    FROM fraud_labels_of_purchases
    GROUP BY place
) AS said ON said.place = alert.place
GROUP BY alert_id;
